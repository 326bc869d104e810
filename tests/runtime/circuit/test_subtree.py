"""A provider's child table and its circuits."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.runtime.circuit import subtree as module
from callboard.runtime.circuit.circuit import CircuitSpec, Move, Outcome
from callboard.runtime.circuit.subtree import Child, Refused, Subtree, View
from callboard.runtime.circuit.table import CircuitEvent, CircuitState
from callboard.runtime.clock import NEVER
from callboard.runtime.supervision.backoff import Backoff

BACKOFF = Backoff(base=100, max=1_000, jitter=0.0, quiet=10_000, immediate_first=False)
SPEC = CircuitSpec(consecutive=2, backoff=BACKOFF, ramp=(0.5,))
FAULT, SUCCESS = Outcome.FAULT, Outcome.SUCCESS


def admitted(subtree: Subtree, name: str, keys: tuple[str, ...], now: int = 0) -> Child:
    child, _ = subtree.admit(name, keys, now)
    assert isinstance(child, Child)
    return child


def opened(subtree: Subtree, key: str, now: int = 0) -> list[tuple[str, Move]]:
    moves = []
    for n in range(2):
        admitted(subtree, f"{key}{n}", (key,), now)
        moves += subtree.ended(f"{key}{n}", {key: FAULT}, now, 0.0)
    return moves


def test_an_attempt_is_in_the_child_table_from_its_admission_to_its_end() -> None:
    subtree = Subtree(SPEC)
    child = admitted(subtree, "1", ("host", "host model"), now=7)
    assert subtree.children == {"1": child}
    assert not child.trial
    assert subtree.ended("1", {}, 8, 0.0) == []
    assert subtree.children == {}


def test_a_trial_that_is_answered_has_succeeded_and_its_end_counts_as_any_other() -> None:
    for end, after in ((SUCCESS, CircuitState.CLOSED), (FAULT, CircuitState.OPEN)):
        subtree = Subtree(SPEC)
        opened(subtree, "host")
        assert admitted(subtree, "trial", ("host", "host model"), 100).trial
        assert [move.after for _, move in subtree.answered("trial", 150, 0.0)] == [CircuitState.RAMPING]
        assert subtree.answered("trial", 150, 0.0) == []
        subtree.ended("trial", {"host": end}, 200, 0.0)
        assert subtree.views()["host"].state is after


def test_what_is_no_trial_or_unknown_is_answered_without_a_move() -> None:
    subtree = Subtree(SPEC)
    child = admitted(subtree, "1", ("host",))
    assert subtree.answered("1", 0, 0.0) == subtree.answered("nobody", 0, 0.0) == []
    assert subtree.children == {"1": child}


def test_an_unknown_end_is_ignored() -> None:
    assert Subtree(SPEC).ended("nobody", {"host": FAULT}, 0, 0.0) == []


def test_an_overloaded_model_does_not_shut_out_its_siblings() -> None:
    subtree = Subtree(SPEC)
    for n in range(2):
        admitted(subtree, f"{n}", ("host", "host big"))
        moves = subtree.ended(f"{n}", {"host": SUCCESS, "host big": FAULT}, 0, 0.0)
    assert moves == [("host big", Move(CircuitState.CLOSED, CircuitState.OPEN, CircuitEvent.TRIP, 0))]
    assert subtree.admit("3", ("host", "host big"), 0) == (Refused("host big", 100), [])
    admitted(subtree, "4", ("host", "host small"))


def test_an_endpoint_that_is_open_shuts_out_all_its_models() -> None:
    subtree = Subtree(SPEC)
    opened(subtree, "host")
    for model in ("host big", "host small"):
        assert subtree.admit("x", ("host", model), 0) == (Refused("host", 100), [])
    assert subtree.children == {}


def test_a_refusal_by_one_circuit_takes_nothing_from_the_others() -> None:
    subtree = Subtree(SPEC)
    opened(subtree, "host")
    opened(subtree, "model", now=50)
    for _ in range(3):
        assert subtree.admit("x", ("host", "model"), 120) == (Refused("model", 150), [])
    child, moves = subtree.admit("x", ("host", "model"), 150)
    assert isinstance(child, Child)
    assert child.trial
    assert [key for key, _ in moves] == ["host", "model"]


def test_a_cancelled_trial_gives_its_place_back_in_every_circuit() -> None:
    subtree = Subtree(SPEC)
    opened(subtree, "host")
    opened(subtree, "model")
    for n in range(5):
        assert admitted(subtree, f"t{n}", ("host", "model"), 100).trial
        assert isinstance(subtree.admit("other", ("host", "model"), 100)[0], Refused)
        assert subtree.ended(f"t{n}", {}, 100, 0.0) == []


def test_a_ramping_circuit_counts_those_it_turns_away() -> None:
    subtree = Subtree(SPEC)
    opened(subtree, "host")
    admitted(subtree, "trial", ("host",), 100)
    subtree.ended("trial", {"host": SUCCESS}, 100, 0.0)
    admissions = [isinstance(subtree.admit(f"{n}", ("host", "model"), 100)[0], Child) for n in range(6)]
    assert admissions == [False, True] * 3


def test_each_circuit_hears_its_own_outcome_and_its_floor() -> None:
    subtree = Subtree(SPEC)
    for n in range(2):
        admitted(subtree, f"{n}", ("host", "model"))
        moves = subtree.ended(f"{n}", {"host": FAULT, "model": FAULT}, 0, 0.0, floor=700)
    assert [key for key, _ in moves] == ["host", "model"]
    assert subtree.views() == {key: View(CircuitState.OPEN, 700, 1, 700) for key in ("host", "model")}


def test_an_operator_moves_the_circuits_that_are_named() -> None:
    subtree = Subtree(SPEC)
    admitted(subtree, "1", ("host", "model"))
    moves = subtree.operate(["host"], CircuitEvent.FORCE_OPEN, 3)
    assert moves == [("host", Move(CircuitState.CLOSED, CircuitState.FORCED_OPEN, CircuitEvent.FORCE_OPEN, 3))]
    assert [view.state for view in subtree.views().values()] == [CircuitState.CLOSED, CircuitState.FORCED_OPEN]
    assert subtree.views()["host"].retry_at == NEVER


def test_what_a_former_process_knew_keeps_a_circuit_open() -> None:
    subtree = Subtree(SPEC)
    subtree.restore("host", View(CircuitState.OPEN, 500, 3, 400), 0)
    assert subtree.admit("1", ("host",), 499) == (Refused("host", 500), [])
    assert subtree.views() == {"host": View(CircuitState.OPEN, 500, 3, 400)}


@pytest.fixture
def four_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP", 4)


def call(subtree: Subtree, keys: tuple[str, ...], ends: dict[str, Outcome], now: int = 0) -> list[tuple[str, Move]]:
    admitted(subtree, "call", keys, now)
    return subtree.ended("call", ends, now, 0.0)


@pytest.mark.usefixtures("four_kept")
def test_idle_circuits_are_forgotten_first_and_the_longest_unused_of_them_first() -> None:
    subtree = Subtree(SPEC)
    call(subtree, ("faulty",), {"faulty": FAULT})
    opened(subtree, "open")
    for key in ("a", "b", "a", "c", "d"):
        call(subtree, (key,), {key: SUCCESS})
    assert subtree.keys == ("faulty", "open", "c", "d")


@pytest.mark.usefixtures("four_kept")
@pytest.mark.parametrize("broken", ["host", "host good"])
@pytest.mark.parametrize("passed", [0, SPEC.window])
def test_a_circuit_opens_however_many_others_had_a_fault(broken: str, passed: int) -> None:
    subtree = Subtree(SPEC)
    for n in range(9):
        call(subtree, ("host", f"host {n}"), {"host": SUCCESS, f"host {n}": FAULT}, n * passed)
    moves = [call(subtree, ("host", "host good"), {broken: FAULT}, 9 * passed) for _ in range(2)]
    assert [[(key, move.after) for key, move in some] for some in moves] == [[], [(broken, CircuitState.OPEN)]]
    assert len(subtree.keys) == 4


@pytest.mark.usefixtures("four_kept")
@pytest.mark.parametrize(("passed", "forgotten"), [(SPEC.window, "old"), (0, "well")])
def test_a_fault_keeps_a_circuit_no_longer_than_its_window(passed: int, forgotten: str) -> None:
    subtree = Subtree(SPEC)
    call(subtree, ("old",), {"old": FAULT})
    for key, end in (("young", FAULT), ("well", SUCCESS), ("better", SUCCESS), ("new", SUCCESS)):
        call(subtree, (key,), {key: end}, passed)
    assert {"old", "young", "well", "better", "new"} - set(subtree.keys) == {forgotten}


@pytest.mark.usefixtures("four_kept")
def test_of_closed_circuits_that_all_have_young_faults_the_longest_unused_is_forgotten() -> None:
    subtree = Subtree(SPEC)
    for key in ("a", "b", "c", "d", "e"):
        call(subtree, (key,), {key: FAULT})
    assert subtree.keys == ("b", "c", "d", "e")


@pytest.mark.usefixtures("four_kept")
def test_no_circuit_of_an_attempt_underway_is_forgotten_and_what_is_too_many_goes_later() -> None:
    subtree = Subtree(SPEC)
    for n in range(6):
        admitted(subtree, f"{n}", ("host", f"host {n}"))
    assert len(subtree.keys) == 7
    assert subtree.ended("0", {"host 0": FAULT}, 0, 0.0) == []
    for n in range(1, 6):
        subtree.ended(f"{n}", {}, 0, 0.0)
    assert len(subtree.keys) == 7
    call(subtree, ("host", "host new"), {})
    assert subtree.keys == ("host 0", "host 5", "host", "host new")


@pytest.mark.usefixtures("four_kept")
def test_none_but_closed_circuits_are_forgotten_and_none_by_an_admission_that_brings_no_new_one() -> None:
    subtree = Subtree(SPEC)
    shut = tuple(state for state in CircuitState if state is not CircuitState.CLOSED)
    for state in shut:
        subtree.restore(state, View(state, 0, 0), 0)
        subtree._circuits[state].state = state
    call(subtree, ("a",), {})
    assert subtree.keys == (*shut, "a")
    call(subtree, ("b", "c"), {})
    call(subtree, ("b",), {})
    assert subtree.keys == (*shut, "c", "b")


KEYS = ("host", "one", "two")
programs = st.lists(
    st.one_of(
        st.tuples(st.just("admit"), st.sampled_from([("host", "one"), ("host", "two"), ("one",)])),
        st.tuples(st.just("end"), st.tuples(st.integers(0, 9), st.lists(st.sampled_from(Outcome), min_size=2))),
        st.tuples(st.just("time"), st.integers(1, 300)),
    ),
    max_size=60,
)


def ids() -> Iterator[str]:
    return (str(n) for n in range(10_000))


@settings(max_examples=200)
@given(programs)
def test_nothing_is_admitted_past_a_refusing_circuit_and_no_trial_is_lost(program: list[tuple[str, object]]) -> None:
    subtree, now, names = Subtree(SPEC), 0, ids()
    for name, argument in program:
        before = subtree.views()
        match name, argument:
            case "admit", tuple() as keys:
                child, moves = subtree.admit(next(names), keys, now)
                if isinstance(child, Refused):
                    assert moves == []
                    assert {key: view for key, view in subtree.views().items() if key in before} == before
                    assert subtree.views()[child.key].state is not CircuitState.CLOSED
                else:
                    assert set(child.admissions) == set(keys)
            case "end", (int(n), list(outcomes)):
                if subtree.children:
                    ended = list(subtree.children)[n % len(subtree.children)]
                    subtree.ended(ended, dict(zip(KEYS, outcomes, strict=False)), now, 0.0)
            case "time", int(passed):
                now += passed
        for key in subtree.keys:
            trials = [c for c in subtree.children.values() if (a := c.admissions.get(key)) is not None and a.trial]
            half_open = subtree.views()[key].state is CircuitState.HALF_OPEN
            current = [c for c in trials if c.admissions[key].era == subtree._circuits[key]._era]
            assert len(current) <= SPEC.trials
            assert not half_open or subtree._circuits[key]._trials == len(current)
