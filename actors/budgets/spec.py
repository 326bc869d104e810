"""What one budget counts, and how much that may cost."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from callboard.messages.settings import exact
from callboard.runtime.calendar import EVER, Calendar, Window

EACH = "*"
"""As a selector: a window for each."""
SELECTORS = ("provider", "model", "tag", "user")
Scope: TypeAlias = tuple[tuple[str, str], ...]
"""Which window, of a budget that has one for each: (selector, value) pairs."""


class BudgetSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most `limit` US dollars a window. A selector that is not given counts everything; `*` counts each apart.

    A call without a tag or a user counts as one with an empty one.
    """

    limit: Decimal
    per: Literal["day", "month", "ever"]
    provider: str | None = None
    model: str | None = None
    """The name after the provider's, which may stand before it as well: `provider/model`."""
    tag: str | None = None
    user: str | None = None
    hard: bool = True
    """Refuse what would exceed the limit; else only watch."""
    alerts: tuple[float, ...] = (0.8, 0.95)
    """Shares of the limit at which an event and a log line tell."""
    unknown_price: Literal["refuse", "allow"] = "refuse"
    """What to do, when hard, with a model whose price nobody knows: its cost cannot be counted."""

    def __post_init__(self) -> None:
        limit = exact(self.limit)
        if not (limit.is_finite() and limit >= 0):
            raise ValueError("`limit` is a number of US dollars, 0 or more")
        shares = self.alerts if isinstance(self.alerts, Iterable) else (self.alerts,)
        if not all(isinstance(share, int | float) and 0 < share <= 1 for share in shares):
            raise ValueError("`alerts` are shares of the limit, above 0 and up to 1")
        if any(getattr(self, selector) == "" for selector in SELECTORS):
            raise ValueError("`provider`, `model`, `tag` and `user` are names, or * for each; leave one out for all")
        msgspec.structs.force_setattr(self, "limit", limit)
        msgspec.structs.force_setattr(self, "alerts", tuple(sorted(set(shares))))

    @property
    def each(self) -> bool:
        """Whether it has more windows than one at a time."""
        return any(getattr(self, selector) == EACH for selector in SELECTORS)

    def scope(self, spent_by: Mapping[str, str]) -> Scope | None:
        """The window that counts what these have spent, by selector; None when this budget does not count it."""
        scope: list[tuple[str, str]] = []
        for selector in SELECTORS:
            wanted = getattr(self, selector)
            if wanted == EACH:
                scope.append((selector, spent_by[selector]))
            elif wanted is not None and wanted not in _names(selector, spent_by):
                return None
        return tuple(scope)

    def counts(self, name: str, scope: Scope) -> str:
        """What a window of the budget of this name counts: its own, and no longer when it comes to count otherwise."""
        values = dict(scope)
        chosen = [values.get(selector, getattr(self, selector)) for selector in SELECTORS]
        return msgspec.json.encode([name, self.per, *chosen]).decode()

    def window(self, calendar: Calendar, at: int) -> Window:
        """The window that holds this moment, in UTC nanoseconds."""
        match self.per:
            case "day":
                return calendar.day(at)
            case "month":
                return calendar.month(at)
            case "ever":
                return EVER


def _names(selector: str, spent_by: Mapping[str, str]) -> tuple[str, ...]:
    """What it may be called by."""
    name = spent_by[selector]
    return (name, f"{spent_by['provider']}/{name}") if selector == "model" else (name,)
