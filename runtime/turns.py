"""The turns of the scheduler: how many there were, and when the latest began."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from callboard.runtime.clock import Clock

AT_ONCE = 16
"""Asks that are answered in a row before other tasks get a turn."""


class Turns(trio.abc.Instrument):
    """How often the scheduler has gone round while this was watching; between two counts no task runs twice."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.count = 0
        self.began = 0
        """When the latest turn began, in monotonic nanoseconds: the time now, but for what this turn has taken."""
        self._turn = -1
        self._unrested = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count for as long as the block runs."""
        trio.lowlevel.add_instrument(self)
        try:
            yield
        finally:
            trio.lowlevel.remove_instrument(self)

    def after_io_wait(self, timeout: float) -> None:
        """See trio.abc.Instrument."""
        self.count += 1
        self.began = self._clock.now()

    async def rest(self) -> None:
        """For whoever was answered without waiting: others get their turn after every few of those."""
        if self._turn != self.count:
            self._turn, self._unrested = self.count, 0
        self._unrested += 1
        if self._unrested >= AT_ONCE:
            await trio.lowlevel.cancel_shielded_checkpoint()
