"""Counts the turns of the scheduler."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio


class Turns(trio.abc.Instrument):
    """How often the scheduler has gone round while this was watching; between two counts no task runs twice."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count for as long as the block runs."""
        trio.lowlevel.add_instrument(self)
        try:
            yield
        finally:
            trio.lowlevel.remove_instrument(self)

    def before_io_wait(self, timeout: float) -> None:
        """See trio.abc.Instrument."""
        self.count += 1
