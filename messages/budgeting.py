"""What is said to the budgets, and by them."""

import msgspec

from callboard.messages.base import Ask, Tell
from callboard.messages.faults import Fault
from callboard.messages.usage import Cost, Usage


class Granted(msgspec.Struct, frozen=True, gc=False):
    """An attempt may cost what was asked for. Holds for as long as that incarnation of the budgets lives."""

    incarnation: int
    at: int
    """UTC nanoseconds: it counts in the windows of this moment."""


class ReserveMoney(Ask[Granted | Fault], frozen=True, kw_only=True, gc=False):
    """May this attempt cost so much? The Fault names the budget that has not so much left."""

    attempt: str
    """Its id; asking again replaces what was set aside before."""
    provider: str
    model: str
    tag: str | None
    user: str | None
    cost: Cost | None
    """US dollars at the most, as far as that can be told; None: the price is unknown."""
    until: int
    """Monotonic nanoseconds at which it should be over."""


class SettleMoney(Tell, frozen=True, kw_only=True, gc=False):
    """The attempt has ended, and is taken to have used this."""

    attempt: str
    usage: Usage
    cost: Cost | None
    fault: bool = False
    estimated: bool = False


class TakeOverMoney(Tell, frozen=True, kw_only=True):
    """An attempt underway is charged to another from now on, whether or not that one has so much left."""

    attempt: str
    tag: str | None
    user: str | None


class GiveBack(Tell, frozen=True):
    """The attempt was not made."""

    attempt: str


class ResetBudget(Ask[str | Fault], frozen=True):
    """An operator's command: forget what the current windows of this budget have spent.

    The reply is a sentence; a Fault when there is no such budget.
    """

    name: str


class ForgetUser(Tell, frozen=True):
    """He is deleted from the ledger in this moment: his own windows know nothing of him any more."""

    user: str


class BudgetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One budget's current window."""

    name: str
    scope: str
    """Which one, of a budget that has a window for each: `user=alice`; else empty."""
    window: str
    """An ISO date, a month such as 2026-03, or `ever`."""
    requests: int
    """Attempts that were made."""
    usage: Usage
    cost: Cost
    """US dollars spent."""
    reserved: Cost
    """US dollars set aside for attempts underway."""
    unpriced: int
    """Attempts whose price is unknown; not in the cost."""
    limit: Cost
    remaining: Cost
    """US dollars; less than 0 when a reply cost more than was set aside for it, or the budget only watches."""
    hard: bool
    resets_at: int | None
    """UTC nanoseconds; None: never."""
