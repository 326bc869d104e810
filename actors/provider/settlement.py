"""What an attempt is taken to have used. Pure.

The provider's own count where there is one. Where there is none, an estimate that never counts too little: what went
in, and what came out as far as it was seen; for a plain reply that never came, all that it might have been.
"""

from typing import Literal

import msgspec
import trio

from callboard.actors.provider.account import Price
from callboard.actors.provider.deadline import Alarm
from callboard.messages.budgeting import Granted
from callboard.messages.calls import AnyAnswer, Attempt, Payer
from callboard.messages.chat import ImagePart
from callboard.messages.estimate import TOKENS_AN_IMAGE_MADE, estimate, estimate_text
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limits import RateLimits
from callboard.messages.priority import PRIORITY_NAMES, Priority
from callboard.messages.reply import Answer
from callboard.messages.usage import Bill, Cost, Usage, apart
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
    permitted: bool = False
    estimated_cost: Cost | None = None
    """US dollars of the estimate; None: the price is unknown."""
    opening: trio.CancelScope | None = None
    """Of the wait for its record, while it lasts."""
    granted: Granted | None = None
    """What the budgets said; None when nothing is set aside."""
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


def settle(progress: Progress, account: str, price: Price) -> Settlement:
    """What the attempt is taken to have used."""
    if not progress.sent or _refused(progress):
        return UNSENT
    usage, estimated = _used(progress)
    cost = price(account, progress.attempt.model, usage, _bill(progress, estimated=estimated))
    if cost is None:  # of these counts; what was set aside for it is nearer the truth than nothing
        return Settlement(usage, progress.estimated_cost, estimated or progress.estimated_cost is not None)
    return Settlement(usage, cost, estimated)


def _bill(progress: Progress, *, estimated: bool) -> Bill | None:
    """What the provider tells of it. What is charged for an answer says nothing of one that was cut, and what is
    charged for its tokens nothing of those that were not counted; its tier and speed are those of both.
    """
    told = progress.answer or progress.partial
    bill = None if told is None else told.bill
    if bill is None or not estimated:
        return bill
    cost = None if progress.answer is None else bill.cost
    return msgspec.structs.replace(bill, cost=cost, usage=None)


def _refused(progress: Progress) -> bool:
    """Whether the provider said no before it began to answer: nobody bills for that.

    A stream that had begun well has read its input, whatever came of it.
    """
    return progress.fault is not None and progress.fault.status is not None and progress.partial is None


def _used(progress: Progress) -> tuple[Usage, bool]:
    answer, sink = progress.answer, progress.attempt.sink
    if answer is not None and answer.usage is not None and answer.usage.total:  # no answer takes no token at all
        return _whole(answer, answer.usage)
    if isinstance(answer, Answer):
        return _seen(progress.estimate, answer), True
    if sink is None:
        return progress.estimate, True
    return _seen(progress.estimate, progress.partial, sink.sent), True


def _whole(answer: AnyAnswer, counted: Usage) -> tuple[Usage, bool]:
    """The provider's count; where that has no output though there is some, with what was written."""
    if counted.output_total or not isinstance(answer, Answer):
        return counted, False
    written, drawn = _written(answer), _drawn(answer)
    if not (written or drawn):
        return counted, False
    found = msgspec.structs.replace(counted, output=written)
    return found.with_apart(image_output=drawn) if drawn else found, True


def _seen(estimate: Usage, answer: Answer | None, pieces: int = 0) -> Usage:
    """What is known of a cut stream: the provider's own counts where some came, what was written where none did. Each
    of its pieces is a token at least.
    """
    counted, drawn = None if answer is None else answer.usage, _drawn(answer)
    written = max(_written(answer), pieces)
    if counted is None or not counted.total:
        heard = 0 if estimate.apart is None else estimate.apart.audio_input
        return Usage(input=estimate.input, output=written, apart=apart(audio_input=heard, image_output=drawn))
    found = msgspec.structs.replace(counted, output=max(counted.output, written - counted.reasoning))
    told = counted.apart is not None and counted.apart.image_output
    return found.with_apart(image_output=drawn) if drawn and not told else found


def _drawn(answer: Answer | None) -> int:
    return 0 if answer is None else TOKENS_AN_IMAGE_MADE * sum(isinstance(part, ImagePart) for part in answer.parts)


def _written(answer: Answer | None) -> int:
    if answer is None:
        return 0
    return sum(
        estimate_text(getattr(part, "text", "") or "") + estimate_text(getattr(part, "arguments", "") or "")
        for part in answer.parts
    )
