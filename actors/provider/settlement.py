"""What an attempt is taken to have used. Pure.

The provider's own count where there is one. Where there is none, an estimate that never counts too little: what went
in, and what came out as far as it was seen; for a plain reply that never came, all that it might have been.
"""

import msgspec

from callboard.actors.provider.account import Price
from callboard.actors.provider.progress import UNSENT, Progress, Settlement
from callboard.messages.calls import AnyAnswer
from callboard.messages.chat import ImagePart
from callboard.messages.estimate import TOKENS_AN_IMAGE_MADE, estimate_text
from callboard.messages.reply import Answer
from callboard.messages.usage import Bill, Usage, apart


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
    whole = _whole_reply(progress)
    told = whole or progress.partial
    bill = None if told is None else told.bill
    if bill is None or not estimated:
        return bill
    cost = None if whole is None else bill.cost
    return msgspec.structs.replace(bill, cost=cost, usage=None)


def _refused(progress: Progress) -> bool:
    """Whether the provider said no before it began to answer: nobody bills for that.

    A stream that had begun well has read its input, whatever came of it; a plain reply that tells an error and what was
    used is billed.
    """
    return progress.fault is not None and progress.fault.status is not None and progress.partial is None


def _whole_reply(progress: Progress) -> AnyAnswer | None:
    """Also what a plain reply told beside its error: nothing was cut off of that."""
    return progress.partial if progress.answer is None and progress.attempt.sink is None else progress.answer


def _used(progress: Progress) -> tuple[Usage, bool]:
    answer, sink = _whole_reply(progress), progress.attempt.sink
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
