from decimal import Decimal
from typing import Any

import msgspec
import pytest

from callboard.actors.provider.deadline import Alarm, Timeouts
from callboard.actors.provider.progress import UNSENT, Progress, Settlement, progress_of
from callboard.actors.provider.settlement import settle
from callboard.messages.calls import Attempt
from callboard.messages.chat import ImagePart, TextPart, ThinkingPart, ToolCallPart, user
from callboard.messages.embedding import EmbeddingAnswer
from callboard.messages.estimate import TOKENS_AN_IMAGE_MADE, estimate
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.reply import Answer, Delta
from callboard.messages.request import Request, Sampling
from callboard.messages.usage import Apart, Bill, Cost, Usage
from callboard.runtime.clock import Clock

REQUEST = Request(model="p/m", messages=(user("Why is the sky blue?"),), sampling=Sampling(max_tokens=500))
ESTIMATE = estimate(REQUEST)
PICTURE = ImagePart(data=b"1", media_type="image/png")
COUNTED = Usage(input=7, cached_read=3, output=5, reasoning=2)


class Sink:
    def __init__(self, sent: int = 0) -> None:
        self.sent = sent

    async def send(self, item: Delta) -> None:
        raise NotImplementedError


def price(account: str, model: str, usage: Usage, bill: Bill | None) -> Cost | None:
    assert (account, model) == ("account", "m")
    return Decimal(usage.total) if bill is None else bill.cost


def progress(*, stream: bool = False, sent: bool = True, **more: Any) -> Progress:
    attempt = Attempt(id="c-1", call="c", request=REQUEST, model="m", sink=Sink() if stream else None)
    one = progress_of(attempt, Alarm(Timeouts(), Clock().now), 0, 1, trial=False)
    one.sent = sent
    for name, value in more.items():
        setattr(one, name, value)
    return one


def settled(**more: Any) -> Settlement:
    return settle(progress(**more), "account", price)


def asked_for(**more: Any) -> list[Bill | None]:
    """The bills that a price was asked for."""
    bills = []

    def noted(account: str, model: str, usage: Usage, bill: Bill | None) -> Cost | None:
        bills.append(bill)
        return Decimal(1)

    settle(progress(**more), "account", noted)
    return bills


def answer(*texts: str, usage: Usage | None = None) -> Answer:
    return Answer(parts=tuple(map(TextPart, texts)), finish_reason=None, usage=usage)


def fault(kind: FaultKind = FaultKind.SERVER, status: int | None = None) -> Fault:
    return Fault(kind=kind, message="", status=status)


@pytest.mark.parametrize("stream", [False, True])
def test_the_providers_own_count_is_taken_as_it_is(stream: bool) -> None:
    told = answer("So.", usage=COUNTED)
    assert settled(stream=stream, answer=told) == Settlement(COUNTED, Decimal(17), False)


def test_what_was_never_sent_costs_nothing_even_where_the_price_is_unknown() -> None:
    assert settled(sent=False) == UNSENT
    assert settle(progress(sent=False), "account", lambda *_: None).cost == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 401, 429, 500, 529])
def test_a_refusal_in_place_of_an_answer_costs_nothing(stream: bool, status: int) -> None:
    assert settled(stream=stream, fault=fault(status=status)) == UNSENT


@pytest.mark.parametrize("status", [None, 502])
def test_an_error_in_a_plain_reply_is_billed_as_the_reply_itself_says(status: int | None) -> None:
    bill = Bill(cost=Decimal("1.25"))
    partial = msgspec.structs.replace(answer(usage=COUNTED), bill=bill)
    assert settled(fault=fault(status=status), partial=partial) == Settlement(COUNTED, Decimal("1.25"), False)


def test_a_stream_that_breaks_before_its_first_word_may_be_billed_for_what_went_in() -> None:
    broken = settled(stream=True, fault=fault(status=529), partial=answer())
    assert (broken.usage, broken.estimated) == (Usage(input=ESTIMATE.input), True)
    counted = Answer(parts=(), finish_reason=None, usage=Usage(input=9))
    assert settled(stream=True, fault=fault(status=529), partial=counted).usage == Usage(input=9)


def test_a_plain_reply_that_never_came_may_have_been_all_that_was_allowed() -> None:
    assert settled(fault=fault(FaultKind.TIMED_OUT)) == Settlement(ESTIMATE, Decimal(ESTIMATE.total), True)
    assert settled() == Settlement(ESTIMATE, Decimal(ESTIMATE.total), True)
    assert ESTIMATE.output == 500


def test_a_plain_reply_without_a_count_is_what_was_written() -> None:
    assert settled(answer=answer("four" * 10)).usage == Usage(input=ESTIMATE.input, output=10)


@pytest.mark.parametrize("stream", [False, True])
def test_a_count_of_nothing_is_no_count(stream: bool) -> None:
    assert settled(stream=stream, answer=answer("So.", usage=Usage())) == settled(stream=stream, answer=answer("So."))


@pytest.mark.parametrize(
    ("counted", "settled_as"),
    [
        (Usage(input=7), (Usage(input=7, output=10), True)),
        (Usage(cached_read=7), (Usage(cached_read=7, output=10), True)),
        (Usage(output=3), (Usage(output=3), False)),
        (Usage(reasoning=3), (Usage(reasoning=3), False)),
    ],
)
def test_output_that_was_counted_as_nothing_though_there_is_some_is_estimated(
    counted: Usage, settled_as: tuple[Usage, bool]
) -> None:
    found = settled(answer=answer("four" * 10, usage=counted))
    assert (found.usage, found.estimated) == settled_as


def test_a_reply_of_nothing_is_counted_as_nothing() -> None:
    assert settled(answer=answer(usage=Usage(input=7))) == Settlement(Usage(input=7), Decimal(7), False)


def test_what_has_no_output_is_counted_as_it_is() -> None:
    vectors = EmbeddingAnswer(vectors=((0.5,),), usage=Usage(input=7))
    assert settled(answer=vectors) == Settlement(Usage(input=7), Decimal(7), False)


def test_each_piece_of_a_cut_stream_is_a_token_at_least() -> None:
    one = progress(stream=True, partial=answer("7 " * 30))
    one.attempt = msgspec.structs.replace(one.attempt, sink=Sink(sent=30))
    assert settle(one, "account", price).usage.output == 30
    one.partial = answer("7 " * 30, usage=Usage(input=7, reasoning=12))
    assert settle(one, "account", price).usage == Usage(input=7, output=18, reasoning=12)


def test_a_count_of_nothing_in_a_cut_stream_is_no_count() -> None:
    cut = settled(stream=True, partial=answer("So.", usage=Usage()))
    assert cut == settled(stream=True, partial=answer("So."))


def test_a_stream_that_was_cut_before_its_first_word_is_what_went_in() -> None:
    for cut in ({"fault": fault(FaultKind.TIMED_OUT)}, {}):
        assert settled(stream=True, **cut) == Settlement(Usage(input=ESTIMATE.input), Decimal(ESTIMATE.input), True)


def test_a_stream_that_was_cut_is_what_went_in_and_what_came_out() -> None:
    cut = answer("four" * 10, "four")
    assert settled(stream=True, partial=cut).usage == Usage(input=ESTIMATE.input, output=11)


def test_a_cut_stream_heard_the_recordings_that_went_in() -> None:
    one = progress(stream=True)
    one.estimate = Usage(input=9, output=50, apart=Apart(audio_input=6, audio_output=50))
    assert settle(one, "account", price).usage == Usage(input=9, apart=Apart(audio_input=6))


def test_what_the_provider_tells_of_its_bill_is_asked_for_at_its_price() -> None:
    told = msgspec.structs.replace(answer("So.", usage=COUNTED), bill=Bill(cost=Decimal("0.5")))
    for stream in (False, True):
        assert settled(stream=stream, answer=told) == Settlement(COUNTED, Decimal("0.5"), False)


def test_the_bill_of_a_stream_that_was_cut_is_its_tier_and_speed_alone() -> None:
    cut = answer("four", usage=Usage(input=7))
    told = Bill(cost=Decimal(9), usage=Usage(input=1), tier="priority", speed="fast")
    assert asked_for(stream=True, partial=msgspec.structs.replace(cut, bill=told)) == [
        Bill(tier="priority", speed="fast")
    ]


def test_what_is_charged_for_says_nothing_of_output_that_was_not_counted() -> None:
    told = Bill(cost=Decimal(9), usage=Usage(input=1))
    whole = msgspec.structs.replace(answer("four", usage=Usage(input=7)), bill=told)
    assert asked_for(answer=whole) == [Bill(cost=Decimal(9))]
    counted = msgspec.structs.replace(whole, usage=COUNTED)
    assert asked_for(answer=counted) == [told]


def test_pictures_that_were_counted_as_nothing_are_estimated() -> None:
    seen = Answer(parts=(PICTURE,), finish_reason=None, usage=Usage(input=7, apart=Apart(audio_input=2)))
    found = settled(answer=seen)
    drawn = Apart(audio_input=2, image_output=TOKENS_AN_IMAGE_MADE)
    assert (found.usage, found.estimated) == (Usage(input=7, apart=drawn), True)


@pytest.mark.parametrize("whole", [False, True])
def test_a_picture_that_came_uncounted_is_counted_at_the_most_that_one_takes(whole: bool) -> None:
    seen = Answer(parts=(TextPart("four"), PICTURE, PICTURE), finish_reason=None)
    found = settled(answer=seen) if whole else settled(stream=True, partial=seen)
    drawn = Apart(image_output=2 * TOKENS_AN_IMAGE_MADE)
    assert found.usage == Usage(input=ESTIMATE.input, output=1, apart=drawn)


def test_a_picture_that_was_counted_before_the_cut_is_what_was_told() -> None:
    early = Usage(input=7, output=1, apart=Apart(audio_input=2))
    cut = Answer(parts=(PICTURE,), finish_reason=None, usage=early)
    drawn = Usage(input=7, output=1, apart=Apart(audio_input=2, image_output=TOKENS_AN_IMAGE_MADE))
    assert settled(stream=True, partial=cut).usage == drawn
    told = Usage(input=7, apart=Apart(image_output=1_290))
    assert settled(stream=True, partial=msgspec.structs.replace(cut, usage=told)).usage == told


def test_thinking_and_the_arguments_of_tool_calls_came_out_too() -> None:
    parts = (ThinkingPart(text="four" * 3), ToolCallPart(id="1", name="f", arguments="four" * 2), TextPart("four"))
    cut = Answer(parts=parts, finish_reason=None)
    assert settled(stream=True, partial=cut).usage.output == 6


def test_a_cut_stream_keeps_the_counts_that_had_come_but_never_less_than_was_written() -> None:
    early = Usage(input=7, cached_read=3, output=1)
    assert settled(stream=True, partial=answer("four" * 10, usage=early)).usage == Usage(
        input=7, cached_read=3, output=10
    )
    late = Usage(input=7, output=50)
    assert settled(stream=True, partial=answer("four" * 10, usage=late)).usage == late


def test_reasoning_that_was_counted_is_not_counted_as_output_again() -> None:
    cut = Answer(
        parts=(ThinkingPart(text="four" * 10), TextPart("four")),
        finish_reason=None,
        usage=Usage(output=0, reasoning=10),
    )
    assert settled(stream=True, partial=cut).usage == Usage(output=1, reasoning=10)


def test_a_fault_in_the_middle_of_a_stream_is_billed_for_what_had_come() -> None:
    assert settled(stream=True, fault=fault(status=529), partial=answer("four")).usage.output == 1


def test_an_unknown_price_is_unknown_and_an_estimate_is_marked() -> None:
    found = settle(progress(answer=answer("So.", usage=COUNTED)), "account", lambda *_: None)
    assert found == Settlement(COUNTED, None, False)
    assert settled(answer=answer("So.")).estimated


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ({"answer": answer("So.")}, "ok"),
        ({"fault": fault()}, "fault"),
        ({}, "cancelled"),
    ],
)
def test_without_answer_and_fault_it_was_cut_from_outside(ends: dict[str, Any], outcome: str) -> None:
    assert progress(**ends).outcome == outcome
