"""May a second attempt be made beside one that is late, and when? Pure.

After Dean and Barroso, "The Tail at Scale" (2013): wait for a high quantile of what is usual, and bound the share.
"""

import msgspec

from callboard.messages.accounting import LatencyRow
from callboard.messages.settings import numbers

MOST_SAVED = 10
"""Hedges that may be made in a row after a quiet time."""
WHOLE = 1_000_000


class HedgeSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When calls that ask for a hedge get one."""

    share: float = 0.05
    """Hedges are at most this share of the calls that ask for one."""
    quantile: float = 0.95
    """Which share of the model's attempts has usually ended before one is late."""
    min_samples: int = 20
    """Attempts that must have been seen before anything is called usual."""

    def __post_init__(self) -> None:
        numbers(self)
        if not 0 < self.share <= 1:
            raise ValueError("`share` is a share of the calls, above 0 and up to 1")
        if not 0 < self.quantile < 1:
            raise ValueError("`quantile` is a share of the attempts, above 0 and below 1")
        if self.min_samples < 1:
            raise ValueError("`min_samples` must be a whole number, 1 or more")

    def patience(self, row: LatencyRow | None) -> float | None:
        """Seconds after which an attempt is late; None when nobody can tell."""
        if row is None or row.count < self.min_samples:
            return None
        return row.quantile(self.quantile)


class HedgeBudget:
    """Each call earns a share of a hedge, each hedge spends a whole one. Starts with none."""

    def __init__(self, share: float) -> None:
        self._share = round(share * WHOLE)
        self._saved = 0

    def earn(self) -> None:
        """One call that asks for a hedge has begun."""
        self._saved = min(MOST_SAVED * WHOLE, self._saved + self._share)

    def spend(self) -> bool:
        """Whether a hedge may be made; if so it is counted."""
        if self._saved < WHOLE:
            return False
        self._saved -= WHOLE
        return True
