import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.orchestrator.policy import RULES, RetrySpec, rule_of
from callboard.messages.faults import Fault, FaultKind

THE_CALLERS = {FaultKind.INVALID_REQUEST, FaultKind.CONTENT_BLOCKED, FaultKind.DEADLINE}


def test_every_fault_has_a_rule() -> None:
    assert set(RULES) == set(FaultKind)


def test_a_mistake_of_the_callers_is_tried_nowhere_again() -> None:
    assert {kind for kind, rule in RULES.items() if not (rule.same or rule.elsewhere)} == THE_CALLERS


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.QUOTA_EXHAUSTED,
        FaultKind.UNAUTHORIZED,
        FaultKind.FORBIDDEN,
        FaultKind.NOT_FOUND,
        FaultKind.CONTEXT_TOO_LONG,
        FaultKind.UNSUPPORTED,
        FaultKind.UNAVAILABLE,
    ],
)
def test_what_another_try_cannot_help_is_tried_only_elsewhere(kind: FaultKind) -> None:
    assert (RULES[kind].same, RULES[kind].elsewhere) == (False, True)


def test_what_the_provider_says_of_another_try_goes_before_the_table_but_for_the_callers_own_mistakes() -> None:
    for kind, rule in RULES.items():
        assert rule_of(Fault(kind=kind, message="")) is rule
        for said in (True, False):
            told = rule_of(Fault(kind=kind, message="", retry=said))
            if kind in THE_CALLERS:
                assert told is rule
            else:
                assert (told.same, told.elsewhere, told.first) == (said, True, said and rule.first)


def test_whoever_is_tried_first_again_may_be_tried_again() -> None:
    assert all(rule.same for rule in RULES.values() if rule.first)


@given(
    k=st.integers(0, 10_000), rand=st.floats(0, 1, exclude_max=True), base=st.floats(0.001, 10), more=st.floats(0, 100)
)
def test_the_wait_is_anything_up_to_the_exponential_bound(k: int, rand: float, base: float, more: float) -> None:
    spec = RetrySpec(base=base, max=base + more)
    delay = spec.delay(k, rand)
    assert 0 <= delay <= spec.max
    assert delay <= base * 2.0 ** min(k, 1_000)
    assert spec.delay(k, 0.0) == 0
    assert spec.delay(k, rand / 2) == pytest.approx(delay / 2)


def test_the_bound_doubles_with_each_retry_until_its_maximum() -> None:
    spec = RetrySpec(base=0.25, max=3)
    assert [spec.delay(k, 0.5) for k in range(6)] == [0.125, 0.25, 0.5, 1, 1.5, 1.5]


@pytest.mark.parametrize(
    ("base", "longest"), [(0, 1), (-1, 1), (2, 1), (1, math.inf), (math.nan, 1), (1, math.nan), (math.inf, math.inf)]
)
def test_a_backoff_without_sense_is_refused(base: float, longest: float) -> None:
    with pytest.raises(ValueError, match="base <= max"):
        RetrySpec(base=base, max=longest)
