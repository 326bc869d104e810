"""How much slower than allowed: halved by a 429, and back by equal steps. Pure.

Additive increase, multiplicative decrease, as in TCP's congestion avoidance (RFC 5681, 3.1). Where limits by the minute
are known their share in force is slowed; where none are, what may be in flight.
"""

import msgspec

FULL = 16
"""Steps of the whole pace."""
STEP = 5_000_000_000
"""Nanoseconds for one step up: half the pace is made up for in 40 s."""


class Pace(msgspec.Struct, frozen=True):
    """So many steps at a time."""

    steps: int
    most: int
    """So many in flight at that time,"""
    growth: int
    """and so many more with each step."""
    since: int
    """That time, in monotonic nanoseconds: when it was last slowed."""

    def at(self, now: int) -> int:
        """Steps now; beyond FULL it goes on growing, for what may be in flight."""
        return self.steps + (now - self.since) // STEP

    def in_flight(self, steps: int) -> int:
        """How many at once when it has come to so many steps."""
        return self.most + (steps - self.steps) * self.growth

    def next_step(self, now: int) -> int:
        """When there will be one step more."""
        return self.since + ((now - self.since) // STEP + 1) * STEP


def slowed(pace: Pace | None, in_flight: int, now: int) -> Pace:
    """Half as fast as now, when so many were in flight."""
    steps = FULL if pace is None else min(FULL, pace.at(now))
    return Pace(max(1, steps // 2), max(1, in_flight // 2), max(1, in_flight // FULL), now)


def share(limit: int, steps: int) -> int:
    """What is left of a limit at so many steps; at least 1."""
    return limit if steps >= FULL else max(1, limit * steps // FULL)
