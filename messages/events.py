"""What happened, for whoever watches: log lines, the demo's timeline, later dashboards."""

from decimal import Decimal
from typing import TypeAlias

import msgspec


class ActorRestarted(msgspec.Struct, frozen=True, kw_only=True, tag="actor_restarted"):
    """An actor or a subtree failed and will start again."""

    at: int
    """UTC nanoseconds, here and below."""
    path: str
    incarnation: int
    cause: str
    """The name of the exception's type."""
    delay: int
    """Nanoseconds until it starts again."""


class SupervisorGaveUp(msgspec.Struct, frozen=True, kw_only=True, tag="supervisor_gave_up"):
    """Too many failures in too short a time."""

    at: int
    path: str
    cause: str


class CircuitMoved(msgspec.Struct, frozen=True, kw_only=True, tag="circuit_moved"):
    """A circuit breaker changed its state."""

    at: int
    provider: str
    circuit: str
    """The circuit's key: `endpoint`, or `endpoint model`."""
    before: str
    after: str
    retry_at: int | None = None
    """UTC nanoseconds of the next trial, when it opened; None where an operator opened it, who alone ends that."""
    cause: str | None = None
    """The kind of the fault that moved it."""


class AccountBlocked(msgspec.Struct, frozen=True, kw_only=True, tag="account_blocked"):
    """An account, or one model of it, takes no calls: its quota is used up or its credential is refused."""

    at: int
    provider: str
    model: str | None
    why: str
    until: int | None = None
    """UTC nanoseconds; None until an operator resets it."""


class AccountLimited(msgspec.Struct, frozen=True, kw_only=True, tag="account_limited"):
    """The provider's rate limit was run into: calls go slower for a while. Told once for as long as it holds."""

    at: int
    provider: str
    model: str | None
    until: int | None = None
    """UTC nanoseconds before which nothing is asked; None: it did not say."""


class BudgetAlert(msgspec.Struct, frozen=True, kw_only=True, tag="budget_alert"):
    """A budget's window has spent a share of its limit at which it was to say so. Once a share and window."""

    at: int
    budget: str
    scope: str
    """Which one, of a budget that has a window for each: `user=alice`; else empty."""
    window: str
    share: float
    spent: Decimal
    limit: Decimal
    """US dollars."""
    resets_at: int | None
    """UTC nanoseconds; None: never."""


class LedgerFailing(msgspec.Struct, frozen=True, kw_only=True, tag="ledger_failing"):
    """Records cannot be written, as on a full disk. They are kept and tried again, and calls go on. Once an episode."""

    at: int
    cause: str
    """The name of the error's type."""


class LedgerRecovered(msgspec.Struct, frozen=True, kw_only=True, tag="ledger_recovered"):
    """Records are written again."""

    at: int
    lost: int
    """Entries that were too many to be kept, since the start."""


Event: TypeAlias = (
    ActorRestarted
    | SupervisorGaveUp
    | CircuitMoved
    | AccountBlocked
    | AccountLimited
    | BudgetAlert
    | LedgerFailing
    | LedgerRecovered
)
