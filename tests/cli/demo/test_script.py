from collections import Counter
from itertools import islice

import pytest

from callboard.cli.demo.script import BURST, PERIOD, more, planned
from callboard.cli.demo.stage import CAST, FAILS, ORDERS


@pytest.mark.parametrize("calls", [40, 60, 400])
def test_as_many_calls_are_planned_as_were_asked_for(calls: int) -> None:
    assert [call.number for call in planned(calls, 7)] == list(range(calls))


def test_the_same_seed_plans_the_same_calls() -> None:
    assert planned(100, 7) == planned(100, 7)
    assert planned(100, 7) != planned(100, 8)


def test_some_plain_calls_are_identical_and_next_to_each_other() -> None:
    calls = planned(400, 7)
    for start in range(0, 400, PERIOD):
        burst = calls[start : start + BURST]
        assert len({(call.prompt, call.model) for call in burst}) == 1
        assert all(call.deterministic and not call.stream for call in burst)
    prompts = Counter(call.prompt for call in calls if call.deterministic)
    assert max(prompts.values()) > BURST  # a later burst asks again what is in the cache by then


def test_all_other_calls_are_different_and_both_plain_and_streamed() -> None:
    others = [call for call in planned(400, 7) if not call.deterministic]
    assert len({call.prompt for call in others}) == len(others)
    assert 100 < sum(call.stream for call in others) < 250


def test_enough_calls_begin_with_the_provider_that_fails() -> None:
    first = Counter(ORDERS[call.model][0] for call in planned(400, 7))
    assert first[FAILS] > 100
    assert min(first.values()) > 50


def test_the_calls_that_follow_all_begin_with_the_provider_that_failed() -> None:
    calls = list(islice(more(400, 7), 20))
    assert [call.number for call in calls] == list(range(400, 420))
    assert {ORDERS[call.model][0] for call in calls} == {FAILS}


def test_every_alias_leads_to_all_providers() -> None:
    assert all(sorted(order) == sorted(CAST) for order in ORDERS.values())
