from typing import Any

import pytest

from callboard.actors.provider.policy import ENDPOINT, LIMIT_FAULTS, OUTCOMES, model_key, outcomes, slow_down
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limiting import Permit, SlowDown
from callboard.runtime.circuit.circuit import Outcome
from callboard.runtime.clock import NANOSECONDS

MODEL = model_key("m")
PERMIT = Permit(3, 1)
NOW, UTC = 50, 1_800_000_000 * NANOSECONDS


def said(kind: FaultKind, status: int | None = 500, **more: Any) -> dict[str, Outcome]:
    return outcomes(Fault(kind=kind, message="", status=status, **more), "m")


def test_every_fault_says_something_or_nothing_on_purpose() -> None:
    assert set(OUTCOMES) == set(FaultKind)


def test_a_success_is_one_for_the_endpoint_and_for_the_model() -> None:
    assert outcomes(None, "m") == {ENDPOINT: Outcome.SUCCESS, MODEL: Outcome.SUCCESS}


@pytest.mark.parametrize(
    "kind", [FaultKind.SERVER, FaultKind.OVERLOADED, FaultKind.MALFORMED_REPLY, FaultKind.INTERRUPTED]
)
def test_a_broken_model_does_not_shut_out_its_siblings(kind: FaultKind) -> None:
    assert said(kind) == {ENDPOINT: Outcome.SUCCESS, MODEL: Outcome.FAULT}


def test_a_lost_connection_says_nothing_of_any_model() -> None:
    assert said(FaultKind.CONNECTION, None) == {ENDPOINT: Outcome.FAULT}


@pytest.mark.parametrize(("timeout", "key"), [("connect", ENDPOINT), ("first byte", MODEL), ("between tokens", MODEL)])
def test_a_timeout_blames_whoever_did_not_answer(timeout: str, key: str) -> None:
    assert said(FaultKind.TIMED_OUT, None, timeout=timeout) == {key: Outcome.FAULT}


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.UNAUTHORIZED,
        FaultKind.FORBIDDEN,
        FaultKind.NOT_FOUND,
        FaultKind.INVALID_REQUEST,
        FaultKind.CONTEXT_TOO_LONG,
        FaultKind.CONTENT_BLOCKED,
        FaultKind.RATE_LIMITED,
        FaultKind.QUOTA_EXHAUSTED,
    ],
)
def test_an_answer_that_helps_nobody_still_shows_that_the_endpoint_can_be_reached(kind: FaultKind) -> None:
    assert said(kind, 400) == {ENDPOINT: Outcome.SUCCESS}


@pytest.mark.parametrize("kind", sorted(LIMIT_FAULTS))
def test_what_our_own_limiter_refused_says_nothing_of_the_provider(kind: FaultKind) -> None:
    assert said(kind, None) == {}
    assert said(kind, None, timeout="permit") == {}


@pytest.mark.parametrize("kind", [FaultKind.UNSUPPORTED, FaultKind.UNAVAILABLE, FaultKind.DEADLINE, FaultKind.INTERNAL])
def test_what_was_never_sent_and_what_the_caller_ended_says_nothing(kind: FaultKind) -> None:
    assert said(kind, None) == {}


def test_each_model_has_a_circuit_of_its_own_whatever_its_name() -> None:
    assert len({model_key(name) for name in ("", "m", "m n", ENDPOINT)} | {ENDPOINT}) == 5


def slowed(kind: FaultKind, status: int | None = 429, **more: Any) -> SlowDown | None:
    return slow_down(Fault(kind=kind, message="", status=status, **more), "m", PERMIT, NOW, UTC)


@pytest.mark.parametrize(
    ("told", "until"),
    [
        ({}, None),
        ({"retry_after": 2.0}, NOW + 2 * NANOSECONDS),
        ({"resets_at": UTC + 7}, NOW + 7),
        ({"resets_at": UTC - 7}, NOW),
        ({"resets_at": UTC + 7, "retry_after": 2.0}, NOW + 7),
    ],
)
def test_a_limit_of_the_providers_bars_its_model_for_as_long_as_it_says(told: Any, until: int | None) -> None:
    barred = SlowDown(model="m", until=until, quota=False, why="rate_limited", permit=PERMIT)
    assert slowed(FaultKind.RATE_LIMITED, **told) == barred


def test_what_is_used_up_is_the_models_and_what_is_to_be_paid_for_the_accounts() -> None:
    kind = FaultKind.QUOTA_EXHAUSTED
    assert slowed(kind) == SlowDown(model="m", until=None, quota=True, why="quota_exhausted", permit=PERMIT)
    assert slowed(kind, 402) == SlowDown(model=None, until=None, quota=True, why="quota_exhausted", permit=PERMIT)


def test_no_other_fault_bars_anything_and_none_that_was_our_own_limiters() -> None:
    assert slowed(FaultKind.RATE_LIMITED, None) is None
    assert [kind for kind in FaultKind if slowed(kind) is not None] == sorted(LIMIT_FAULTS, key=list(FaultKind).index)
