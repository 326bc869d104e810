import random
from typing import Any

import msgspec
import pytest

from callboard.messages.limits import RateLimits
from callboard.testing.asked import Asked, ForcedTool
from callboard.testing.behaviour import Behaviour, InjectedFault
from callboard.testing.plan import Plan, plan
from callboard.testing.quota import Admission
from callboard.testing.refusal import Reason

PLAIN = Asked(kind="chat", digest="d", model="m", input_tokens=10)
STREAM = msgspec.structs.replace(PLAIN, stream=True)
MODELS = Asked(kind="models")
LIVELY = Behaviour(
    latency=(0.1, 2.0),
    first_token=(0.1, 1.0),
    between_tokens=(0.01, 0.1),
    error_rate=0.2,
    reset_rate=0.1,
    cut_rate=0.2,
    half_body_rate=0.2,
)


def fate(behaviour: Behaviour, asked: Asked = PLAIN, **more: Any) -> Plan:
    given: dict[str, Any] = {"seed": "7", "occurrence": 1, "in_flight": 0, "admission": Admission()}
    return plan(behaviour, asked, **(given | more))


def only(fault: InjectedFault, **more: Any) -> Behaviour:
    return msgspec.structs.replace(Behaviour(), **{f"{fault}_rate": 1.0}, **more)


def test_the_same_seed_gives_the_same_plan() -> None:
    for occurrence in range(1, 50):
        assert fate(LIVELY, STREAM, occurrence=occurrence) == fate(LIVELY, STREAM, occurrence=occurrence)


@pytest.mark.parametrize("change", [{"seed": "8"}, {"occurrence": 2}])
def test_another_seed_or_occurrence_gives_another_plan(change: dict[str, Any]) -> None:
    assert fate(LIVELY, **change) != fate(LIVELY)


def test_the_order_of_different_requests_changes_no_fate() -> None:
    asked = [msgspec.structs.replace(STREAM, digest=str(number)) for number in range(30)]
    plans = {each.digest: fate(LIVELY, each) for each in asked}
    random.Random(1).shuffle(asked)
    assert {each.digest: fate(LIVELY, each) for each in asked} == plans


def test_changing_the_pace_moves_no_fault() -> None:
    slow = msgspec.structs.replace(LIVELY, latency=(5.0, 9.0), first_token=(1.0, 1.0), between_tokens=(3.0, 3.0))
    for occurrence in range(1, 100):
        lively, slower = fate(LIVELY, STREAM, occurrence=occurrence), fate(slow, STREAM, occurrence=occurrence)
        assert (lively.fault, lively.fault_after) == (slower.fault, slower.fault_after)


@pytest.mark.parametrize("fault", InjectedFault)
def test_a_fault_at_rate_one_befalls_every_request_that_it_can_befall(fault: InjectedFault) -> None:
    plain_only = {InjectedFault.HALF_BODY}
    stream_only = {InjectedFault.CUT, InjectedFault.TRUNCATE, InjectedFault.STREAM_ERROR}
    chat_only = {InjectedFault.OVERLOAD, InjectedFault.RATE_LIMIT, InjectedFault.QUOTA}
    assert fate(only(fault), PLAIN).fault is (None if fault in stream_only else fault)
    assert fate(only(fault), STREAM).fault is (None if fault in plain_only else fault)
    assert fate(only(fault), MODELS).fault is (None if fault in stream_only | chat_only else fault)


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.3])
def test_a_rate_is_the_share_of_requests(rate: float) -> None:
    behaviour = Behaviour(error_rate=rate, hang_rate=0.5)
    plans = [fate(behaviour, occurrence=occurrence) for occurrence in range(4000)]
    assert sum(each.fault is InjectedFault.ERROR for each in plans) / 4000 == pytest.approx(rate, abs=0.02)
    assert sum(each.fault is InjectedFault.HANG for each in plans) / 4000 == pytest.approx(0.5, abs=0.03)


def test_every_error_status_of_the_choice_occurs_and_no_other() -> None:
    behaviour = Behaviour(error_rate=1, error_statuses=(500, 502, 529))
    refusals = [fate(behaviour, occurrence=occurrence).refusal for occurrence in range(60)]
    assert {refusal.status for refusal in refusals if refusal} == {500, 502, 529}


def test_times_lie_within_their_spans() -> None:
    for occurrence in range(100):
        made = fate(LIVELY, STREAM, occurrence=occurrence)
        assert 0.1 <= made.latency <= 2.0
        assert 0.1 <= made.first_token <= 1.0
        assert all(0.01 <= gap <= 0.1 for gap in made.gaps)
        if made.said is not None:
            assert len(made.gaps) == len(made.said.pieces) - 1


def test_a_stream_fault_comes_within_its_span_and_never_after_the_last_token() -> None:
    behaviour = only(InjectedFault.CUT, fault_after=(2, 4))
    assert {fate(behaviour, STREAM, occurrence=number).fault_after for number in range(60)} == {2, 3, 4}
    late = only(InjectedFault.CUT, fault_after=(50, 50), tokens=(3, 3))
    assert fate(late, STREAM).fault_after == 3


def test_a_slow_first_token_joins_any_fault() -> None:
    behaviour = only(InjectedFault.CUT, slow_first_token_rate=1.0, slow_first_token=30.0)
    assert fate(behaviour, STREAM).first_token == 30.0
    assert fate(only(InjectedFault.CUT), STREAM).first_token == 0.0


def test_a_refusing_fault_has_its_reason_and_no_reply() -> None:
    reasons = {
        InjectedFault.OVERLOAD: Reason.OVERLOADED,
        InjectedFault.RATE_LIMIT: Reason.RATE_LIMIT,
        InjectedFault.QUOTA: Reason.QUOTA,
    }
    for fault, reason in reasons.items():
        made = fate(only(fault, retry_after=4.0))
        assert made.refusal is not None
        assert made.refusal.reason is reason
        assert made.refusal.retry_after == (None if reason is Reason.QUOTA else 4.0)
        assert made.said is None


def test_the_concurrency_limit_refuses_the_one_too_many() -> None:
    behaviour = Behaviour(concurrency=2)
    assert fate(behaviour, in_flight=1).refusal is None
    refusal = fate(behaviour, in_flight=2).refusal
    assert refusal is not None
    assert refusal.reason is Reason.RATE_LIMIT
    assert fate(behaviour, MODELS, in_flight=2).refusal is None


def test_a_rate_limit_refuses_with_its_own_wait_and_its_limits() -> None:
    limits = RateLimits(retry_after=1.0)
    made = fate(LIVELY, admission=Admission(limits=limits, refused="requests", retry_after=2.5))
    assert made.refusal is not None
    assert (made.refusal.reason, made.refusal.retry_after) == (Reason.RATE_LIMIT, 2.5)
    assert made.limits is limits


def test_what_is_deserved_goes_before_what_is_injected() -> None:
    made = fate(only(InjectedFault.RESET), admission=Admission(refused="tokens"))
    assert made.fault is None


def test_a_schema_that_is_none_is_refused() -> None:
    asked = msgspec.structs.replace(PLAIN, tool=ForcedTool("t", {"properties": 5}))
    refusal = fate(Behaviour(), asked).refusal
    assert refusal is not None
    assert refusal.reason is Reason.INVALID
