from typing import Any

import pytest

from callboard.runtime.actor import Actor
from callboard.runtime.errors import SpecError
from callboard.runtime.supervision.spec import ActorSpec, ChildSpec, Restart, SupervisorSpec, check
from callboard.runtime.system import System


def actor(name: str = "a", **options: Any) -> ActorSpec:
    return ActorSpec(name=name, factory=Actor, **options)


def below(*children: ChildSpec) -> SupervisorSpec:
    return SupervisorSpec(name="root", children=(SupervisorSpec(name="mid", children=children),))


WRONG: dict[str, tuple[tuple[ChildSpec, ...], str]] = {
    "no name": ((actor(""),), "mid: a child's name is not empty"),
    "a slash": ((actor("a/b"),), "mid: a child's name .* 'a/b'"),
    "twins": ((actor(), SupervisorSpec(name="a")), "mid: two children are named 'a'"),
    "significant and permanent": ((actor(significant=True),), "mid/a: .* cannot be significant"),
    "no concurrency": ((actor(concurrency=0),), "mid/a: needs concurrency >= 1"),
    "no start timeout": ((actor(start_timeout=0),), "mid/a: .* start_timeout > 0"),
    "a negative drain": ((actor(drain=-1),), "mid/a: .* drain >= 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_spec_without_sense_is_refused_and_says_where(name: str) -> None:
    children, message = WRONG[name]
    with pytest.raises(SpecError, match=message):
        check(below(*children))
    with pytest.raises(SpecError, match=message):
        System(below(*children))


def test_a_mistake_at_the_top_names_the_top() -> None:
    with pytest.raises(SpecError, match="board: two children"):
        check(SupervisorSpec(name="board", children=(actor(), actor())))


def test_a_sensible_spec_is_accepted() -> None:
    check(below(actor("a"), actor("b", restart=Restart.TRANSIENT, significant=True), SupervisorSpec(name="c")))


def test_the_tree_has_a_cell_for_each_actor_in_order_of_start() -> None:
    system = System(SupervisorSpec(name="root", children=(actor("a"), *below(actor("b"), actor("c")).children)))
    assert [cell.path for cell in system.cells()] == ["a", "mid/b", "mid/c"]
    assert system.ref("mid/b").path == "mid/b"
