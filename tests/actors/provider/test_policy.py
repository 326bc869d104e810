from typing import Any

import pytest

from callboard.actors.provider.policy import ENDPOINT, LIMIT_FAULTS, OUTCOMES, model_key, outcomes
from callboard.messages.faults import Fault, FaultKind
from callboard.runtime.circuit.circuit import Outcome

MODEL = model_key("m")


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
