"""Two clocks, both in integer nanoseconds.

*Monotonic* measures every duration inside the process and is Trio's own clock, so that tests which own Trio's clock
own this one too. *UTC* dates what is persisted and what providers send as dates; it never runs backwards.
"""

import logging
import math
import time
from collections.abc import Callable

import trio

NANOSECONDS = 1_000_000_000
NEVER = 2**63 - 1
"""A monotonic deadline that is never reached."""


def ns(seconds: float) -> int:
    """Seconds as nanoseconds; NEVER where that is 292 years or more."""
    nanoseconds = seconds * NANOSECONDS
    return NEVER if nanoseconds >= NEVER else round(nanoseconds)


def seconds(nanoseconds: int) -> float:
    """Nanoseconds as seconds."""
    return nanoseconds / NANOSECONDS


def trio_deadline(deadline: int) -> float:
    """A monotonic deadline as Trio wants it: never so early that `Clock.now` has not reached it when it has passed.

    From some fifty days on a float is coarser than a nanosecond.
    """
    if deadline >= NEVER:
        return math.inf
    moment = deadline / NANOSECONDS
    return moment if round(moment * NANOSECONDS) >= deadline else math.nextafter(moment, math.inf)


_log = logging.getLogger(__name__)

WORTH_SAYING = NANOSECONDS
"""A clock that is kept in step may be set back by milliseconds at any time."""
READINGS = 8
"""Of both clocks, to find how far apart they are: a thread may be held up between any two."""


class Clock:
    """Tells both times. Call only inside a Trio run, and always in the same one.

    Trio's usual clock is the performance counter at a distance, so that counter is read in its place: a call reads the
    time more than a dozen times. Any other clock, such as one of a test, is asked itself.

    `utc_source` gives UTC nanoseconds. A source that jumps backwards is held at the latest time told until it has
    caught up, and the jump is counted; one of a second or more is logged.
    """

    def __init__(self, utc_source: Callable[[], int] = time.time_ns) -> None:
        self._utc_source = utc_source
        self._current_time: Callable[[], float] | None = None
        self._ahead: int | None = None
        """Nanoseconds from the performance counter to Trio's clock, once they are known to stay the same."""
        self._latest = 0
        self.behind = 0
        """Nanoseconds by which the source was behind what is told, when it was last read."""
        self.jumps = 0

    def now(self) -> int:
        """Monotonic nanoseconds, never behind Trio's clock: whoever has slept until a deadline finds it reached."""
        ahead = self._ahead
        return self._asked() if ahead is None else time.perf_counter_ns() + ahead

    def utc(self) -> int:
        """UTC nanoseconds since 1970."""
        told = self._utc_source()
        if told >= self._latest:
            self._latest = told
            self.behind = 0
        else:
            self._held(self._latest - told)
        return self._latest

    def _held(self, behind: int) -> None:
        before, self.behind = self.behind, behind
        if before:
            return
        self.jumps += 1
        if behind >= WORTH_SAYING:
            _log.warning(
                "the wall clock was set back by %.0f s: dates stand still until it has caught up", seconds(behind)
            )

    def _asked(self) -> int:
        """Trio's clock itself."""
        current_time = self._current_time
        if current_time is None:
            clock = trio.lowlevel.current_clock()
            current_time = self._current_time = clock.current_time
            if type(clock).__name__ == "SystemClock" and type(clock).__module__ == "trio._core._run":
                self._ahead = _distance(current_time)
        return round(current_time() * NANOSECONDS)


def _distance(current_time: Callable[[], float]) -> int:
    """Each difference is too large by what passes between its two readings: the smallest is the nearest."""
    return min(-time.perf_counter_ns() + math.ceil(current_time() * NANOSECONDS) for _ in range(READINGS))


def virtual_utc(epoch: int = 1_767_225_600 * NANOSECONDS) -> Callable[[], int]:
    """A UTC source that advances with Trio's clock from `epoch` (default 2026-01-01): for tests and simulations."""
    start: int | None = None

    def source() -> int:
        nonlocal start
        now = round(trio.current_time() * NANOSECONDS)
        if start is None:
            start = now
        return epoch + now - start

    return source
