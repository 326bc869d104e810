import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from callboard.runtime.storage.environment import Environment


@pytest.fixture(autouse=True)
def a_deadlock_is_a_failure() -> Iterator[None]:
    """A test that waits for ever fails after a minute."""

    def fail(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError("the test takes more than 60 seconds")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    """Small and not synced: two databases, 64 KiB that may grow to 4 MiB."""
    with Environment.open(tmp_path / "store", ("a", "b"), map_size=65536, max_map_size=4 << 20, sync=False) as opened:
        yield opened
