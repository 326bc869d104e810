import pytest

from callboard.messages.accounting import CircuitHistory
from callboard.messages.events import CircuitMoved
from callboard.simulation.circuits import Circuits


@pytest.fixture
def circuits(found: list[str]) -> Circuits:
    return Circuits(found.append)


def move(circuits: Circuits, before: str, after: str, circuit: str = "endpoint") -> None:
    circuits.moved(CircuitMoved(at=0, provider="a", circuit=circuit, before=before, after=after))


@pytest.mark.parametrize("circuit", ["endpoint", "endpoint m"])
@pytest.mark.parametrize("state", ["open", "forced open"])
def test_a_request_behind_an_open_circuit_is_found(
    circuits: Circuits, found: list[str], circuit: str, state: str
) -> None:
    circuits.arrived("a", "m", "1")
    move(circuits, "closed", state, circuit)
    circuits.arrived("a", "other", "2") if circuit != "endpoint" else None
    assert found == []
    circuits.arrived("a", "m", "3")
    assert len(found) == 1


def test_a_second_trial_at_the_same_time_is_found(circuits: Circuits, found: list[str]) -> None:
    move(circuits, "open", "half-open")
    circuits.arrived("a", "m", "1")
    circuits.ended("1")
    circuits.arrived("a", "m", "2")
    assert found == []
    circuits.arrived("a", "m", "3")
    assert "half-open" in found[0]


def test_a_new_process_goes_on_from_what_is_on_disk(circuits: Circuits, found: list[str]) -> None:
    move(circuits, "closed", "open")
    circuits.restored("a", [CircuitHistory(key="endpoint m", state="ramping", retry_at=0, openings=1)])
    circuits.arrived("a", "other", "1")
    assert found == []
    circuits.arrived("a", "m", "2")
    assert "endpoint m is open" in found[0]


def test_a_cycle_is_an_opening_that_was_repaired(circuits: Circuits) -> None:
    for before, after in (("closed", "open"), ("open", "half-open"), ("half-open", "ramping")):
        move(circuits, before, after)
    assert circuits.shut() == {("a", "endpoint"): "ramping"}
    move(circuits, "ramping", "closed")
    move(circuits, "forced open", "closed")
    assert (circuits.cycles, circuits.shut()) == (1, {})
