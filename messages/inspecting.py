"""What is said over the status socket: one request a connection, one line of JSON each way."""

from typing import Literal, TypeAlias

import msgspec

from callboard.messages.accounting import UsageReport
from callboard.messages.status import Status


class StatusQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="status"):
    """The tree now. Answered even while a handler keeps the event loop from turning."""


class UsageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="usage"):
    """The ledger's sums now."""


class ProviderCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="provider"):
    """An operator's command to one provider's circuits."""

    provider: str
    command: Literal["open", "close", "reset"]
    now: bool = False
    """With open: also cut the attempts in flight."""


class CacheCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="forget"):
    """An operator's command to forget kept replies: those that have everything that is named, all when nothing is."""

    model: str | None = None
    """`provider/model`."""
    tag: str | None = None
    older_than: float | None = None
    """Seconds."""


class BudgetCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="budget"):
    """An operator's command to one budget."""

    name: str
    command: Literal["reset"]


Command: TypeAlias = ProviderCommand | CacheCommand | BudgetCommand
InspectorRequest: TypeAlias = StatusQuery | UsageQuery | Command


class StatusAnswer(msgspec.Struct, frozen=True, tag="status"):
    """To a StatusQuery."""

    status: Status


class UsageAnswer(msgspec.Struct, frozen=True, tag="usage"):
    """To a UsageQuery."""

    report: UsageReport


class CommandDone(msgspec.Struct, frozen=True, tag="done"):
    """The command was carried out; a sentence says what that did."""

    said: str


class RequestRefused(msgspec.Struct, frozen=True, tag="refused"):
    """Nothing was done; a sentence says why."""

    why: str


InspectorResponse: TypeAlias = StatusAnswer | UsageAnswer | CommandDone | RequestRefused
