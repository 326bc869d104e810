import math
from typing import Any

import pytest

from callboard.actors.provider.health import HealthSpec, Pace, passes
from callboard.messages.faults import Fault, FaultKind
from callboard.runtime.clock import ns


@pytest.mark.parametrize("wrong", [{"interval": 0}, {"interval": -1}, {"interval": 61}, {"max_interval": math.inf}])
def test_an_interval_is_a_number_of_seconds_up_to_the_longest(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="seconds"):
        HealthSpec(**wrong)


def test_checks_that_fail_come_at_longer_intervals_up_to_the_longest() -> None:
    pace = Pace(HealthSpec(interval=5, max_interval=18))
    seconds = []
    for _ in range(4):
        seconds.append(pace.due(0, 0.0) / 1e9)
        pace.ended(passed=False)
    assert seconds == [5, 10, 18, 18]


@pytest.mark.parametrize("eased", [lambda pace: pace.ended(passed=True), lambda pace: pace.rest()])
def test_a_check_that_passes_and_a_time_without_need_start_anew(eased: object) -> None:
    pace = Pace(HealthSpec(interval=5))
    pace.ended(passed=False)
    eased(pace)  # type: ignore[operator]
    assert pace.due(0, 0.0) == ns(5)


def test_accounts_that_went_down_together_are_not_checked_together() -> None:
    pace = Pace(HealthSpec(interval=10))
    assert [pace.due(ns(1), rand) / 1e9 for rand in (0.0, 0.5)] == [11, 11.5]


@pytest.mark.parametrize("kind", FaultKind)
def test_whoever_answers_is_there_even_if_it_refuses(kind: FaultKind) -> None:
    there = {"rate_limited", "quota_exhausted", "unauthorized", "forbidden", "not_found", "invalid_request"}
    assert passes(Fault(kind=kind, message="")) is (kind.value in there)


def test_a_list_of_models_passes() -> None:
    assert passes(())
