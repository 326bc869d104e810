from typing import Any

import pytest

from callboard.actors.limiter.gate import Gate
from callboard.actors.limiter.learning import learn
from callboard.actors.limiter.limits import DAY, MINUTE, SECOND, Limits
from callboard.messages.limiting import Permit, Settle
from callboard.messages.limits import RateLimits, Window


def hear(account: Gate, model: Gate, limits: RateLimits, *, at: int = 0, now: int = 0, most: Any = None) -> None:
    learn(account, model, most, Settle(Permit(1, 1), 0, limits, at), now)


def gate(**limits: int) -> Gate:
    return Gate(Limits(**limits), 512)


def used(one: Gate, name: str, now: int = 0) -> int:
    return one.windows[name].used_at(now)


def test_a_limit_is_learned_where_none_is_configured() -> None:
    account, model = gate(), gate()
    hear(account, model, RateLimits(requests=Window(limit=9), tokens_day=Window(limit=500)))
    assert {name: (one.limit, one.period) for name, one in model.windows.items()} == {
        "requests_per_minute": (9, MINUTE),
        "tokens_per_day": (500, DAY),
    }
    assert account.windows == {}


def test_a_limit_by_the_second_is_not_taken_for_one_by_the_minute() -> None:
    model = gate()
    told = RateLimits(requests_second=Window(limit=10, remaining=19, resets_in=2), tokens_second=Window(limit=3000))
    hear(gate(), model, told)
    for second in range(60):
        for _ in range(10):
            assert model.has_room(100, second * SECOND)
            model.enter(100, second * SECOND, [])
        assert not model.has_room(100, second * SECOND)


def test_a_told_limit_lowers_a_configured_one_and_never_raises_it() -> None:
    most = Limits(requests_per_minute=10)
    model = gate(requests_per_minute=10)
    for told, limit in ((100, 10), (5, 5), (8, 8), (100, 10)):
        hear(gate(), model, RateLimits(requests=Window(limit=told)), most=most)
        assert model.windows["requests_per_minute"].limit == limit


def test_a_limit_that_the_accounts_own_is_within_is_not_learned_again() -> None:
    account, model = gate(requests_per_minute=10), gate()
    hear(account, model, RateLimits(requests=Window(limit=10)))
    assert model.windows == {}
    hear(account, model, RateLimits(requests=Window(limit=9)))
    assert model.windows["requests_per_minute"].limit == 9


def test_what_others_have_used_is_believed_until_the_reset() -> None:
    model = gate(tokens_per_minute=100)
    model.enter(10, 0, [])
    hear(gate(), model, RateLimits(tokens=Window(limit=100, remaining=30, resets_in=20)), now=SECOND)
    assert used(model, "tokens_per_minute", SECOND) == 70
    assert model.earliest(31, SECOND) == 20 * SECOND
    assert used(model, "tokens_per_minute", 20 * SECOND) == 10


def test_without_a_reset_it_is_believed_for_a_period() -> None:
    model = gate(requests_per_minute=10)
    hear(gate(), model, RateLimits(requests=Window(remaining=0)))
    assert model.earliest(0, 0) == MINUTE


def test_news_that_is_as_old_as_its_reset_is_no_news() -> None:
    model = gate(requests_per_minute=10)
    hear(gate(), model, RateLimits(requests=Window(remaining=0, resets_in=1)), at=0, now=2 * SECOND)
    assert used(model, "requests_per_minute", 2 * SECOND) == 0


def test_more_left_than_was_thought_opens_nothing() -> None:
    model = gate(requests_per_minute=2)
    for _ in range(2):
        model.enter(0, 0, [])
    most = Limits(requests_per_minute=2)
    hear(gate(), model, RateLimits(requests=Window(limit=100, remaining=100)), most=most)
    assert not model.has_room(0, 0)


def test_what_is_told_of_one_model_does_not_take_back_what_another_made_known_of_the_account() -> None:
    account = gate(requests_per_minute=10)
    hear(account, gate(), RateLimits(requests=Window(limit=10, remaining=2)))
    hear(account, gate(), RateLimits(requests=Window(limit=10, remaining=9)))
    assert used(account, "requests_per_minute") == 8


@pytest.mark.parametrize("told", [Window(limit=0), Window(limit=-1), Window(remaining=5), Window()])
def test_nonsense_teaches_nothing(told: Window) -> None:
    account, model = gate(), gate()
    hear(account, model, RateLimits(requests=told, tokens=told, requests_day=told))
    assert (account.windows, model.windows) == ({}, {})


def test_the_whole_day_is_the_longest_that_a_told_reset_is_believed() -> None:
    model = gate(requests_per_minute=10)
    hear(gate(), model, RateLimits(requests=Window(remaining=0, resets_in=1e9)))
    assert model.earliest(0, 0) == DAY


def test_a_request_larger_than_what_was_told_goes_alone_and_one_larger_than_what_is_configured_never() -> None:
    model = gate(requests_per_minute=10, tokens_per_minute=200)
    hear(gate(), model, RateLimits(tokens=Window(limit=100)), most=Limits(tokens_per_minute=200))
    assert model.has_room(150, 0)
    model.enter(1, 0, [])
    assert not model.has_room(150, 0)
    assert model.earliest(150, 0) == MINUTE
    assert model.has_room(150, MINUTE)
    assert model.earliest(201, 0) is None
    assert model.too_small(201) == ("tokens_per_minute", 200)
    learned = gate()
    hear(gate(), learned, RateLimits(tokens=Window(limit=100)))
    assert learned.has_room(10**6, 0)
