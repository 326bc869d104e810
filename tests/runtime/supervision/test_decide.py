import pytest

from callboard.runtime.supervision.decide import RESTARTS, Exit, affected
from callboard.runtime.supervision.spec import Restart, Strategy

ORDER = ("a", "b", "c", "d")


def test_every_restart_type_knows_every_exit() -> None:
    assert {restart: set(row) for restart, row in RESTARTS.items()} == {restart: set(Exit) for restart in Restart}


@pytest.mark.parametrize("end", Exit)
def test_permanent_children_always_come_back_and_temporary_ones_never(end: Exit) -> None:
    assert RESTARTS[Restart.PERMANENT][end] is True
    assert RESTARTS[Restart.TEMPORARY][end] is False
    assert RESTARTS[Restart.TRANSIENT][end] is (end is not Exit.NORMAL)


@pytest.mark.parametrize(
    ("strategy", "failed", "expected"),
    [
        (Strategy.ONE_FOR_ONE, "b", "b"),
        (Strategy.ONE_FOR_ALL, "b", "abcd"),
        (Strategy.REST_FOR_ONE, "a", "abcd"),
        (Strategy.REST_FOR_ONE, "b", "bcd"),
        (Strategy.REST_FOR_ONE, "d", "d"),
    ],
)
def test_who_takes_part_in_a_restart(strategy: Strategy, failed: str, expected: str) -> None:
    assert affected(strategy, failed, ORDER) == tuple(expected)
