"""How far an attempt has come, and what it is taken to have used."""

from typing import Literal

import msgspec
import trio

from callboard.actors.provider.deadline import Alarm
from callboard.messages.budgeting import Granted
from callboard.messages.calls import AnyAnswer, Attempt, Payer
from callboard.messages.estimate import estimate
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limiting import Permit
from callboard.messages.limits import RateLimits
from callboard.messages.priority import PRIORITY_NAMES, Priority
from callboard.messages.reply import Answer
from callboard.messages.usage import Cost, Usage
from callboard.runtime.clock import NEVER


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """Tokens used, what they cost in US dollars (None: unknown price), and whether that is an estimate."""

    usage: Usage
    cost: Cost | None
    estimated: bool


UNSENT = Settlement(Usage(), Cost(0), False)


class Progress(msgspec.Struct, eq=False):
    """How far one attempt has come. `tried`: whether the provider was spoken to; `sent`: whether it may have seen the
    request.
    """

    attempt: Attempt
    payer: Payer
    alarm: Alarm
    started: int
    estimate: Usage
    trial: bool
    """Whether its circuits let it pass to see how the provider fares: then they may be open."""
    urgency: Priority
    """That of whoever it is made for now."""
    until: int
    """Monotonic nanoseconds at which the last of those who want it will have left."""
    permit: Permit | None = None
    """That of the limiter, once it is there."""
    estimated_cost: Cost | None = None
    """US dollars of the estimate; None: the price is unknown."""
    opening: trio.CancelScope | None = None
    """Of the wait for its record, while it lasts."""
    granted: Granted | None = None
    """What the budgets said; None when nothing is set aside."""
    recorded: bool = False
    """Whether the ledger is told of it."""
    tried: bool = False
    sent: bool = False
    replying: bool = False
    answer: AnyAnswer | None = None
    partial: Answer | None = None
    fault: Fault | None = None
    first_token: int | None = None
    limits: RateLimits | None = None
    limits_told_at: int = 0
    settled: Settlement = UNSENT

    @property
    def outcome(self) -> Literal["ok", "fault", "cancelled"]:
        """Without answer and fault it was cut from outside."""
        if self.answer is not None:
            return "ok"
        return "cancelled" if self.fault is None else "fault"

    @property
    def refused(self) -> str | None:
        """Why it was refused here, before the provider was spoken to; None when it was not."""
        if self.fault is None or self.tried:
            return None
        kind = self.fault.kind
        return "circuit open" if kind is FaultKind.UNAVAILABLE else kind.value.replace("_", " ")


def progress_of(attempt: Attempt, alarm: Alarm, started: int, lane: int, *, trial: bool) -> Progress:
    """At its beginning."""
    urgency = PRIORITY_NAMES[lane]
    until = NEVER if attempt.until is None else attempt.until
    return Progress(attempt, attempt.payer, alarm, started, estimate(attempt.request), trial, urgency, until)
