"""Every test run is the same: Hypothesis draws from a seed, and a busy machine fails nothing.

`--hypothesis-profile=explore` looks for new examples.
"""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("repeatable")


@pytest.fixture
def runtime_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's runtime directory of this test's own. A socket's path may not be as long as one under `tmp_path`."""
    with tempfile.TemporaryDirectory(prefix="callboard-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture
def heeding() -> Iterator[None]:
    """Ctrl-C is heeded, also in processes that begin meanwhile, where whoever started the tests has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def starving() -> Callable[[], AbstractContextManager[None]]:
    """`with starving():` this process has no file descriptor left."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def starve() -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)

    return starve
