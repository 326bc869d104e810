"""Every test run is the same: Hypothesis draws from a seed, and a busy machine fails nothing.

`--hypothesis-profile=explore` looks for new examples.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import msgspec
import pytest
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("repeatable")

USUAL = 0.03
"""CPU seconds that the reference takes on the machine on which the tests' limits were set."""


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


@pytest.fixture
def within() -> Callable[[float], AbstractContextManager[None]]:
    """`with within(seconds):` the block takes no more CPU time, in proportion to what a reference takes beside it."""

    @contextmanager
    def bounded(seconds: float) -> Iterator[None]:
        before = _reference()
        started = time.process_time()
        yield
        spent = time.process_time() - started
        slowness = max(1.0, before / USUAL, _reference() / USUAL)
        assert spent < seconds * slowness

    return bounded


def _reference() -> float:
    """CPU seconds of some work of the kind that is measured: a loop, and JSON written and read."""
    started = time.process_time()
    for number in range(20_000):
        msgspec.json.decode(msgspec.json.encode({"number": number, "text": "word " * 20, "list": [number] * 20}))
    return time.process_time() - started
