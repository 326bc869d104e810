"""How many failures in how much time are too many.

OTP's rule: one list of failure times a supervisor. A failure event drops what is older than the period, adds itself,
and is one too many when the list is then longer than the intensity.
"""

from collections import deque

import msgspec

from callboard.runtime.errors import SpecError


class Intensity(msgspec.Struct, frozen=True, kw_only=True):
    """At most `failures` within `period` nanoseconds."""

    failures: int = 3
    period: int = 5_000_000_000

    def __post_init__(self) -> None:
        if self.failures < 0 or self.period <= 0:
            raise SpecError("an intensity needs failures >= 0 and a period > 0")


class FailureTimes:
    """The list."""

    def __init__(self, intensity: Intensity) -> None:
        self._intensity = intensity
        self._times: deque[int] = deque()

    def add(self, now: int) -> bool:
        """One failure event at `now`. True when it is one too many."""
        oldest = now - self._intensity.period
        while self._times and self._times[0] < oldest:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) > self._intensity.failures
