"""When the failing provider dies, when it returns, and when the demo may end. Pure; times are seconds since the start.

up ──a third of the calls──> down ──circuit open, half of the calls, a second──> back ──circuit closed──> over
"""

import enum
import math

import msgspec

DIES = 1 / 3
RETURNS = 0.55
"""Shares of the planned calls that have ended."""
SHORTEST = 1.0
LONGEST = 30.0
"""Seconds: an outage lasts at least so long, and no phase is waited for longer once all planned calls have ended."""


class Phase(enum.StrEnum):
    """Where the outage stands."""

    UP = "up"
    DOWN = "down"
    BACK = "back"
    OVER = "over"
    """The circuit has closed again, or that was waited for in vain."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the director sees."""

    now: float
    ended: int
    """Calls that have ended."""
    opened: bool
    """Whether a circuit of the failing provider has opened."""
    closed: bool
    """Whether all of its circuits are closed."""


class Outage:
    """Moves on one step at a time."""

    def __init__(self, planned: int) -> None:
        self._planned = planned
        self._since = 0.0
        self._all_ended = math.inf
        self.phase = Phase.UP

    def step(self, seen: Seen) -> Phase | None:
        """The phase that begins now; None when the present one goes on."""
        if seen.ended >= self._planned:
            self._all_ended = min(self._all_ended, seen.now)
        after = self._next(seen)
        if after is None:
            return None
        self.phase, self._since = after, seen.now
        return after

    def _next(self, seen: Seen) -> Phase | None:
        patience = seen.now - max(self._all_ended, self._since) < LONGEST
        match self.phase:
            case Phase.UP if seen.ended >= self._planned * DIES:
                return Phase.DOWN
            case Phase.DOWN if self._may_return(seen) or not patience:
                return Phase.BACK
            case Phase.BACK if (seen.opened and seen.closed) or not patience:
                return Phase.OVER
            case _:
                return None

    def _may_return(self, seen: Seen) -> bool:
        return seen.opened and seen.ended >= self._planned * RETURNS and seen.now - self._since >= SHORTEST
