"""SIGTERM, as whoever stops a run from outside sends it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def as_interrupt() -> Iterator[None]:
    """SIGTERM is as Ctrl-C inside the block, also where Ctrl-C is ignored. It takes the main thread."""
    before = signal.signal(signal.SIGTERM, _interrupt), signal.getsignal(signal.SIGINT)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    if before[1] == signal.SIG_IGN:  # Trio knows when it may be interrupted only with Python's own handler
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _interrupt(_: int, frame: FrameType | None) -> None:
    heeded = signal.getsignal(signal.SIGINT)
    if not callable(heeded):
        raise KeyboardInterrupt
    heeded(signal.SIGINT, frame)
