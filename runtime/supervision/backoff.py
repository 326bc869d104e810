"""How long to wait before the next try.

`min(max, base * 2**k) * (1 + rand * jitter)`, with k growing by one each time and back to 0 after a quiet time. The
first try in a quiet time is immediate when `immediate_first` is set.
"""

import msgspec

from callboard.runtime.errors import SpecError


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in nanoseconds; `jitter` is the share by which a delay may grow."""

    base: int = 100_000_000
    max: int = 30_000_000_000
    jitter: float = 0.2
    quiet: int = 60_000_000_000
    immediate_first: bool = True

    def __post_init__(self) -> None:
        if not (0 < self.base <= self.max and 0 <= self.jitter <= 1 and self.quiet > 0):
            raise SpecError("a backoff needs 0 < base <= max, 0 <= jitter <= 1 and quiet > 0")

    def delay(self, k: int, rand: float) -> int:
        """The wait before try number `k`, counted from 0; `rand` in [0, 1)."""
        exponent = min(k, 62)
        return int(min(self.max, self.base * 2**exponent) * (1 + rand * self.jitter))


class BackoffState:
    """How often it failed lately."""

    def __init__(self, spec: Backoff) -> None:
        self._spec = spec
        self._k = 0
        self._last: int | None = None

    @property
    def failures(self) -> int:
        """Failures since the last quiet time."""
        return self._k

    def next(self, now: int, rand: float) -> int:
        """Count one failure at `now` and give the wait after it, in nanoseconds."""
        if self._last is not None and now - self._last > self._spec.quiet:
            self._k = 0
        first = self._k == 0 and self._spec.immediate_first
        delay = 0 if first else self._spec.delay(self._k - self._spec.immediate_first, rand)
        self._k += 1
        self._last = now + delay
        return delay

    def restore(self, failures: int, last: int) -> None:
        """Go on from what a former process counted. `last` is when its last wait was over."""
        self._k = failures
        self._last = last

    def reset(self) -> None:
        """The next failure is the first again."""
        self._k = 0
        self._last = None
