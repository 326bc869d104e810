from collections.abc import Callable

import pytest

from callboard.actors.provider.standing import MODELS, Restriction, Standing


def limit(until: int | None = 10, since: int = 0) -> Restriction:
    return Restriction(quota=False, until=until, why="rate_limited", since=since)


def quota(until: int | None = 10, since: int = 0) -> Restriction:
    return Restriction(quota=True, until=until, why="quota_exhausted", since=since)


def test_an_episode_begins_once_until_it_is_over() -> None:
    standing = Standing({})
    assert standing.restrict("m", limit(10), now=0)
    assert not standing.restrict("m", limit(12), now=5)
    assert standing.restrict("m", limit(20), now=12)


def test_a_used_up_quota_is_an_episode_of_its_own_and_no_limit_hides_it() -> None:
    standing = Standing({})
    standing.restrict("m", limit(50), now=0)
    assert standing.restrict("m", quota(20), now=1)
    assert not standing.restrict("m", limit(90), now=2)
    assert standing.view() == {"m": quota(20)}


@pytest.mark.parametrize(("first", "second", "kept"), [(10, 5, 10), (10, 15, 15), (10, None, None), (None, 99, None)])
def test_what_holds_is_never_shortened(first: int | None, second: int | None, kept: int | None) -> None:
    standing = Standing({})
    standing.restrict("m", limit(first), now=0)
    standing.restrict("m", limit(second), now=1)
    assert standing.view()["m"].until == kept


def test_a_success_ends_what_held_for_its_model_and_the_account_but_not_for_another() -> None:
    standing = Standing({})
    for scope in (None, "m", "n"):
        standing.restrict(scope, quota(None), now=0)
    assert standing.succeeded("m", began=1)
    assert set(standing.view()) == {"n"}
    assert not standing.succeeded("m", began=1)


def test_what_was_underway_when_it_was_told_ends_nothing_by_its_success() -> None:
    standing = Standing({})
    standing.restrict(None, quota(None, since=5), now=5)
    assert not standing.succeeded("m", began=4)
    assert set(standing.view()) == {None}
    assert standing.succeeded("m", began=6)


@pytest.mark.parametrize("told", [limit, quota])
def test_what_is_told_again_is_as_new_as_it_was_told_the_last_time(told: Callable[..., Restriction]) -> None:
    standing = Standing({})
    standing.restrict("m", told(90, since=0), now=0)
    standing.restrict("m", told(50, since=10), now=10)
    assert not standing.succeeded("m", began=5)
    assert standing.view() == {"m": told(90, since=10)}
    assert standing.succeeded("m", began=11)


def test_a_limit_makes_a_used_up_quota_no_newer() -> None:
    standing = Standing({})
    standing.restrict("m", quota(90, since=0), now=0)
    standing.restrict("m", limit(90, since=10), now=10)
    assert standing.succeeded("m", began=5)


def test_it_goes_on_from_what_held_before() -> None:
    held: dict[str | None, Restriction] = {"m": quota(None)}
    standing = Standing(held)
    assert standing.view() == held
    standing.clear()
    assert held


def test_an_operator_lifts_all() -> None:
    standing = Standing({})
    standing.restrict("m", limit(), now=0)
    assert standing
    standing.clear()
    assert not standing


def test_what_is_over_makes_room_for_what_is_new() -> None:
    standing = Standing({})
    standing.restrict(None, quota(None), now=0)
    for number in range(100):
        standing.restrict(f"m{number}", limit(number + 10), now=number)
    assert set(standing.view()) == {None, *(f"m{number}" for number in range(90, 100))}


def test_of_too_many_models_the_one_whose_restriction_ends_first_is_forgotten_and_never_the_accounts() -> None:
    standing = Standing({})
    standing.restrict(None, limit(5), now=0)
    standing.restrict("long", quota(None), now=0)
    for number in range(2 * MODELS):
        standing.restrict(f"m{number}", limit(number + 10), now=0)
    latest = (f"m{number}" for number in range(MODELS + 1, 2 * MODELS))
    assert set(standing.view()) == {None, "long", *latest}
