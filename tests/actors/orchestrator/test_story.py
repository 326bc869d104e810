from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from callboard.actors.orchestrator.story import Story
from callboard.messages.accounting import CallEnded
from callboard.messages.calls import Allowance, Attempted, Candidate, Failure, MakeCall, OpenStream
from callboard.messages.chat import TextPart, user
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.reply import Answer, AttemptRecord, Delta, FinishReason, Reply
from callboard.messages.request import Request
from callboard.messages.routing import Skipped
from callboard.messages.usage import Cost, Usage

SECOND = 1_000_000_000
START = 1_767_225_600 * SECOND
A, B = Candidate("a", "m"), Candidate("b", "m")
ANSWER = Answer(parts=(TextPart("So."),), finish_reason=FinishReason.STOP, extra={"x": 1}, raw={"all": 1})
FAULT = Fault(kind=FaultKind.SERVER, message="broken", provider="b", model="m")


class Sink:
    sent = 0

    async def send(self, item: Delta) -> None:
        raise NotImplementedError


def story(*, stream: bool = False, **more: Any) -> Story:
    request = Request(model="fast", messages=(user("Why?"),), tag="search", user="ann", metadata={"k": "v"}, **more)
    allowance = Allowance(deadline=100 * SECOND)
    if stream:
        return Story(OpenStream(id="c", request=request, allowance=allowance, sink=Sink()), now=SECOND, utc=START)
    return Story(MakeCall(id="c", request=request, allowance=allowance), now=SECOND, utc=START)


def attempted(candidate: Candidate, outcome: Any = "ok", cost: str | None = "0.5", **more: Any) -> Attempted:
    members = {"usage": Usage(input=1, output=2), "cost": None if cost is None else Decimal(cost)} | more
    return Attempted(record=AttemptRecord(provider=candidate.provider, model="m", outcome=outcome, id="c-1", **members))


def ended(one: Story, outcome: Any = None, at: int = 3) -> CallEnded:
    return one.ended(outcome, at * SECOND, START + at * SECOND)


def test_a_reply_tells_the_whole_story() -> None:
    one = story()
    one.skipped((Skipped(A, 5),))
    one.attempted(attempted(B, "fault", cost="0.25", estimated=True), charged=True)
    one.attempted(attempted(B), charged=True)
    reply = one.reply(ANSWER, B, 4 * SECOND, cached=False, shared=False)
    assert isinstance(reply, Reply)
    assert [(record.provider, record.outcome) for record in reply.attempts] == [
        ("a", "skipped"),
        ("b", "fault"),
        ("b", "ok"),
    ]
    assert (reply.usage, reply.cost, reply.estimated) == (Usage(input=2, output=4), Decimal("0.75"), True)
    assert (reply.text, reply.provider, reply.model, reply.finish_reason) == ("So.", "b", "m", FinishReason.STOP)
    assert (reply.started, reply.duration) == (datetime(2026, 1, 1, tzinfo=UTC), 3.0)
    assert (reply.metadata, reply.extra, reply.raw, reply.recorded) == ({"k": "v"}, {"x": 1}, {"all": 1}, "queued")


@pytest.mark.parametrize(("told", "model"), [("m-2026-01-01", "m-2026-01-01"), (None, "m"), ("", "m")])
def test_a_reply_names_the_model_that_the_provider_says_answered(told: str | None, model: str) -> None:
    one = story()
    reply = one.reply(Answer(parts=(), finish_reason=None, model=told), A, SECOND, cached=False, shared=False)
    assert (reply.model, ended(one, reply).model) == (model, model)


def test_an_attempt_with_an_unknown_price_makes_the_cost_unknown() -> None:
    one = story()
    one.attempted(attempted(A, "fault", cost=None), charged=True)
    one.attempted(attempted(A), charged=True)
    assert one.reply(ANSWER, A, SECOND, cached=False, shared=False).cost is None
    assert ended(one).cost is None


def test_an_attempt_that_was_never_made_costs_nothing_whatever_its_price() -> None:
    one = story()
    one.attempted(attempted(A, "skipped", cost=None, usage=None), charged=True)
    one.attempted(attempted(B), charged=True)
    assert one.reply(ANSWER, B, SECOND, cached=False, shared=False).cost == Cost("0.5")
    assert one.made == 1


def test_whoever_shares_an_attempt_pays_nothing_and_still_sees_it() -> None:
    one = story()
    one.attempted(attempted(A, estimated=True), charged=False)
    reply = one.reply(ANSWER, A, SECOND, cached=False, shared=True)
    assert (reply.usage, reply.cost, reply.estimated, reply.shared) == (Usage(), 0, False, True)
    assert len(reply.attempts) == 1


def test_a_cached_reply_costs_nothing() -> None:
    reply = story().reply(ANSWER, A, SECOND, cached=True, shared=False)
    assert (reply.usage, reply.cost, reply.cached, reply.attempts) == (Usage(), 0, True, ())


def test_the_ledger_is_told_what_the_caller_asked_and_got() -> None:
    one = story()
    one.skipped((Skipped(A, 5),))
    one.attempted(attempted(B), charged=True)
    entry = ended(one, one.reply(ANSWER, B, 3 * SECOND, cached=False, shared=False))
    assert entry == CallEnded(
        id="c",
        at=START + 3 * SECOND,
        outcome="ok",
        fault=None,
        provider="b",
        model="m",
        asked="fast",
        stream=False,
        cached=False,
        shared=False,
        attempts=1,
        usage=Usage(input=1, output=2),
        cost=Decimal("0.5"),
        estimated=False,
        duration=2 * SECOND,
        tag="search",
        user="ann",
    )


@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_is_told_with_its_fault_and_the_last_candidate(stream: bool) -> None:
    one = story(stream=stream)
    one.attempted(attempted(A, "fault"), charged=True)
    one.attempted(attempted(B, "fault"), charged=True)
    failure = one.failure(FAULT)
    assert failure == Failure(id="c", fault=FAULT, attempts=failure.attempts)
    assert len(failure.attempts) == 2
    entry = ended(one, failure)
    assert (entry.outcome, entry.fault, entry.provider, entry.stream) == ("fault", FaultKind.SERVER, "b", stream)


def test_a_stream_that_broke_after_it_had_begun_is_interrupted() -> None:
    one = story(stream=True)
    one.attempted(attempted(A, "fault"), charged=True)
    assert ended(one, one.failure(FAULT, ANSWER)).outcome == "interrupted"


def test_a_caller_who_left_has_no_outcome_but_what_was_spent() -> None:
    one = story()
    one.attempted(attempted(A, "fault"), charged=True)
    entry = ended(one, None)
    assert (entry.outcome, entry.fault, entry.cost) == ("cancelled", None, Decimal("0.5"))


def test_a_caller_who_left_at_the_end_of_his_time_ran_out_of_it() -> None:
    entry = ended(story(), None, at=100)
    assert (entry.outcome, entry.fault) == ("fault", FaultKind.DEADLINE)


def test_a_call_that_tried_nobody_names_nobody() -> None:
    one = story()
    entry = ended(one, one.failure(FAULT))
    assert (entry.provider, entry.model, entry.attempts, entry.cost) == (None, None, 0, 0)
