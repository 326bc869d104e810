from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.errors import ConfigError
from callboard.messages.faults import FaultKind
from callboard.routes import CURABLE, Route, routes
from callboard.sections import AliasConfig


def flat(**aliases: Any) -> dict[str, Route]:
    return routes(aliases, "file", lambda candidate, where: None)


def test_an_alias_inside_another_stands_for_its_candidates_each_once_where_it_comes_first() -> None:
    found = flat(all=["a/1", "fast", "b/2", "slow"], fast=["a/2", "a/1"], slow=["b/1", "b/2"])
    assert found["all"].candidates == ("a/1", "a/2", "b/2", "b/1")


def test_a_chain_is_flattened_like_any_list() -> None:
    alias = AliasConfig(candidates=["a/1"], on={"context_too_long": ["long", "a/9"]})
    assert flat(fast=alias, long=["a/8", "a/9"])["fast"].on == {FaultKind.CONTEXT_TOO_LONG: ("a/8", "a/9")}


@pytest.mark.parametrize(
    ("aliases", "circle"),
    [
        ({"a": ["a"]}, "a -> a"),
        ({"a": ["p/m", "b"], "b": ["c"], "c": ["b"]}, "b -> c -> b"),
        (
            {
                "a": AliasConfig(candidates=["p/m"], on={"overloaded": ["b"]}),
                "b": AliasConfig(candidates=["p/n"], on={"overloaded": ["a"]}),
            },
            "a -> b -> a",
        ),
    ],
    ids=["itself", "further in", "through chains"],
)
def test_a_circle_is_refused_with_its_names(aliases: dict[str, Any], circle: str) -> None:
    with pytest.raises(ConfigError, match=f"circle: {circle}$"):
        flat(**aliases)


def test_two_ways_to_one_alias_are_no_circle() -> None:
    found = flat(top=["left", "right"], left=["leaf"], right=["leaf"], leaf=["a/1"])
    assert found["top"].candidates == ("a/1",)


def test_no_chain_cures_a_mistake_of_the_callers() -> None:
    assert not {"invalid_request", "deadline"} & CURABLE.keys()
    assert "content_blocked" in CURABLE


@given(
    st.dictionaries(
        st.sampled_from("abcde"), st.lists(st.sampled_from(["a", "b", "c", "d", "e", "p/m"]), min_size=1, unique=True)
    )
)
def test_whatever_is_not_refused_ends_in_models_each_once(aliases: dict[str, list[str]]) -> None:
    try:
        found = flat(**aliases)
    except ConfigError:
        return
    for route in found.values():
        assert len(set(route.candidates)) == len(route.candidates) > 0
        assert not set(route.candidates) & aliases.keys()
