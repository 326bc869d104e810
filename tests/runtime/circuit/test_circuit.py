"""One circuit: when it opens, how it comes back, and what it forgets."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.runtime.circuit.circuit import Admission, Circuit, CircuitSpec, Move, Outcome
from callboard.runtime.circuit.table import CircuitEvent, CircuitState
from callboard.runtime.clock import NEVER
from callboard.runtime.errors import IllegalStep, SpecError
from callboard.runtime.supervision.backoff import Backoff

S, E, O = CircuitState, CircuitEvent, Outcome  # noqa: E741 - outcomes are many here
BACKOFF = Backoff(base=100, max=1_000, jitter=0.0, quiet=10_000, immediate_first=False)


def spec(**options: Any) -> CircuitSpec:
    return CircuitSpec(**{"consecutive": 3, "window": 1_000, "backoff": BACKOFF, **options})


class Driven:
    """A circuit with a clock and its moves written down."""

    def __init__(self, **options: Any) -> None:
        self.circuit = Circuit(spec(**options))
        self.now = 0
        self.moves: list[Move] = []

    @property
    def state(self) -> CircuitState:
        return self.circuit.state

    def at(self, state: CircuitState) -> bool:
        return self.circuit.state is state

    def admit(self) -> Admission | int:
        retry_at = self.circuit.refused_until(self.now)
        if retry_at is None:
            return self.circuit.admit(self.now, self.moves)
        self.circuit.refused()
        return retry_at

    def admitted(self) -> Admission:
        admission = self.admit()
        assert isinstance(admission, Admission)
        return admission

    def record(self, admission: Admission, outcome: Outcome, floor: int = 0) -> None:
        self.moves += self.circuit.record(admission, outcome, self.now, 0.0, floor)

    def calls(self, outcomes: str) -> None:
        """Whole attempts, one after the other: `s`uccess, `f`ault, `n`either."""
        names = {"s": O.SUCCESS, "f": O.FAULT, "n": O.NEITHER}
        for letter in outcomes:
            self.record(self.admitted(), names[letter])

    def calls_when_admitted(self, outcomes: str) -> None:
        """The same, each asked for again until it is admitted."""
        for letter in outcomes:
            while self.circuit.refused_until(self.now) is not None:
                self.admit()
            self.calls(letter)

    def opened(self) -> "Driven":
        self.calls("fff")
        assert self.at(S.OPEN)
        return self

    def half_open(self) -> "Driven":
        self.opened()
        self.now = self.circuit.retry_at
        return self

    def ramping(self) -> "Driven":
        self.half_open()
        self.calls("s")
        assert self.at(S.RAMPING)
        return self

    def operate(self, event: CircuitEvent) -> None:
        self.moves += self.circuit.operate(event, self.now)


def test_consecutive_faults_open_it() -> None:
    driven = Driven()
    driven.calls("ffsffnf")
    assert driven.at(S.OPEN)
    assert driven.moves == [Move(S.CLOSED, S.OPEN, E.TRIP, 0)]


def test_a_success_between_faults_starts_the_count_again_and_neither_does_not() -> None:
    driven = Driven()
    driven.calls("ffsff")
    assert driven.at(S.CLOSED)
    driven.calls("nf")
    assert driven.at(S.OPEN)


@pytest.mark.parametrize(
    ("calls", "opens"),
    [
        ("s" * 8 + "sf" * 6, False),  # more than the intensity and enough calls, but the rate is too low
        ("sf" * 9, False),  # the rate is met, but there are too few calls
        ("sf" * 10, True),
        ("ssf" * 5 + "s" * 6, False),
    ],
)
def test_a_window_opens_it_only_when_intensity_calls_and_rate_are_all_met(calls: str, opens: bool) -> None:
    driven = Driven(consecutive=100, intensity=5, min_calls=20, rate=0.5)
    driven.calls(calls)
    assert driven.state is (S.OPEN if opens else S.CLOSED)


def test_faults_up_to_the_intensity_never_open_it() -> None:
    driven = Driven(consecutive=100, intensity=5, min_calls=1, rate=0.1)
    driven.calls("f" * 5)
    assert driven.at(S.CLOSED)
    driven.calls("f")
    assert driven.at(S.OPEN)


def test_what_has_left_the_window_no_longer_counts() -> None:
    driven = Driven(consecutive=100, intensity=1, min_calls=4, rate=0.5)
    driven.calls("ff")
    driven.now = 1_000
    driven.calls("ssf")
    assert driven.at(S.CLOSED)


def test_while_open_everything_is_refused_until_the_backoff_is_over() -> None:
    driven = Driven().opened()
    assert driven.circuit.retry_at == 100
    driven.now = 99
    assert driven.admit() == 100
    driven.now = 100
    assert driven.admit() == Admission(1, trial=True)
    assert driven.moves[-1] == Move(S.OPEN, S.HALF_OPEN, E.BACKOFF_OVER, 100)


def test_a_stated_time_is_a_floor_for_the_next_trial() -> None:
    driven = Driven()
    driven.calls("ff")
    driven.record(driven.admitted(), O.FAULT, floor=5_000)
    assert driven.circuit.retry_at == 5_000
    patient = Driven()
    patient.calls("ff")
    patient.record(patient.admitted(), O.FAULT, floor=7)
    assert patient.circuit.retry_at == 100


@pytest.mark.parametrize("trials", [1, 3])
def test_half_open_admits_its_trials_and_no_more(trials: int) -> None:
    driven = Driven(trials=trials).half_open()
    assert all(driven.admitted().trial for _ in range(trials))
    assert driven.admit() == driven.now


def test_a_hung_trial_keeps_others_out_until_it_ends() -> None:
    driven = Driven().half_open()
    trial = driven.admitted()
    driven.now += 1_000_000
    assert not isinstance(driven.admit(), Admission)
    driven.record(trial, O.FAULT)
    assert driven.at(S.OPEN)


def test_a_trial_that_says_nothing_gives_its_place_back() -> None:
    driven = Driven().half_open()
    for _ in range(5):
        trial = driven.admitted()
        driven.record(trial, O.NEITHER)
        assert driven.at(S.HALF_OPEN)
    assert driven.admitted().trial


def test_each_opening_waits_longer_until_the_most() -> None:
    driven = Driven().opened()
    waits = []
    for _ in range(6):
        waits.append(driven.circuit.retry_at - driven.now)
        driven.now = driven.circuit.retry_at
        driven.calls("f")
    assert waits == [100, 200, 400, 800, 1_000, 1_000]


def test_after_a_quiet_time_the_waits_start_again() -> None:
    driven = Driven(ramp=()).half_open()
    driven.calls("s")
    driven.now += 20_000
    driven.opened()
    assert driven.circuit.retry_at == driven.now + 100
    assert driven.circuit.openings == 1


def test_opening_again_never_shortens_the_wait() -> None:
    driven = Driven()
    driven.circuit.restore(S.OPEN, 5_000, 1, 0, 0)
    driven.operate(E.HEALTH_PASSED)
    driven.calls("f")
    assert (driven.state, driven.circuit.retry_at) == (S.OPEN, 5_000)


def test_the_share_grows_with_each_success_and_full_share_closes_it() -> None:
    driven = Driven(ramp=(0.25, 0.5)).ramping()
    assert [isinstance(driven.admit(), Admission) for _ in range(12)] == [False, False, False, True] * 3
    driven.record(Admission(1, trial=False), O.SUCCESS)
    assert [isinstance(driven.admit(), Admission) for _ in range(6)] == [False, True] * 3
    driven.record(Admission(1, trial=False), O.SUCCESS)
    assert driven.at(S.CLOSED)
    assert [move.after for move in driven.moves] == [S.OPEN, S.HALF_OPEN, S.RAMPING, S.CLOSED]


@given(st.floats(0.01, 0.99), st.integers(1, 300))
def test_a_ramp_admits_its_share(share: float, asked: int) -> None:
    driven = Driven(ramp=(share,)).ramping()
    admitted = sum(isinstance(driven.admit(), Admission) for _ in range(asked))
    assert abs(admitted - share * asked) <= 1.001


def test_a_ramp_admits_one_call_a_window_however_few_there_are() -> None:
    driven = Driven(ramp=(0.25, 0.5), window=1_000).ramping()
    driven.now += 999
    assert not isinstance(driven.admit(), Admission)
    driven.now += 1
    admitted = driven.admitted()
    assert [isinstance(driven.admit(), Admission) for _ in range(4)] == [False, False, False, True]
    driven.record(admitted, O.SUCCESS)
    driven.now += 1_000
    driven.record(driven.admitted(), O.SUCCESS)
    assert driven.at(S.CLOSED)


def test_one_fault_while_ramping_opens_it_again_for_longer() -> None:
    driven = Driven(ramp=(0.5,)).ramping()
    driven.admit()
    driven.calls("f")
    assert driven.moves[-1] == Move(S.RAMPING, S.OPEN, E.FAULT, 100)
    assert driven.circuit.retry_at == 300


def test_without_a_ramp_a_trial_closes_it() -> None:
    driven = Driven(ramp=()).half_open()
    driven.calls("s")
    assert driven.at(S.CLOSED)
    assert [move.after for move in driven.moves] == [S.OPEN, S.HALF_OPEN, S.RAMPING, S.CLOSED]


@pytest.mark.parametrize("outcome", O)
def test_attempts_in_flight_when_it_opened_say_nothing_any_more(outcome: Outcome) -> None:
    driven = Driven()
    in_flight = [driven.admitted() for _ in range(10)]
    driven.opened()
    retry_at, moves = driven.circuit.retry_at, list(driven.moves)
    for admission in in_flight[:5]:
        driven.record(admission, outcome, floor=99_999)
    driven.now = retry_at
    trial = driven.admitted()
    for admission in in_flight[5:]:
        driven.record(admission, outcome)
    assert (driven.state, driven.circuit.retry_at) == (S.HALF_OPEN, retry_at)
    assert not isinstance(driven.admit(), Admission)
    driven.record(trial, O.SUCCESS)
    assert len(driven.moves) == len(moves) + 2


@pytest.mark.parametrize("outcome", O)
def test_attempts_in_flight_when_it_opened_say_nothing_when_it_has_recovered_either(outcome: Outcome) -> None:
    driven = Driven(ramp=(0.5, 0.9))
    early = [driven.admitted() for _ in range(9)]
    driven.ramping()
    for admission in early[:3]:
        driven.record(admission, outcome)
    assert driven.at(S.RAMPING)
    driven.calls_when_admitted("ss")
    assert driven.at(S.CLOSED)
    for admission in early[3:]:
        driven.record(admission, outcome)
    assert driven.at(S.CLOSED)
    driven.calls("ff")
    assert driven.at(S.CLOSED)


@pytest.mark.parametrize("force", [E.FORCE_OPEN, E.FORCE_CLOSE])
def test_what_was_in_flight_when_an_operator_stepped_in_says_nothing_after_the_reset(force: CircuitEvent) -> None:
    driven = Driven()
    early = [driven.admitted() for _ in range(9)]
    driven.operate(force)
    driven.operate(E.RESET)
    for admission in early:
        driven.record(admission, O.FAULT)
    assert driven.at(S.CLOSED)


def test_what_was_in_flight_when_it_was_restored_is_no_trial() -> None:
    driven = Driven()
    early = [driven.admitted() for _ in range(2)]
    driven.circuit.restore(S.OPEN, retry_at=100, openings=1, floor=0, last=0)
    driven.now = 100
    trial = driven.admitted()
    driven.record(early[0], O.SUCCESS)
    driven.record(early[1], O.FAULT)
    assert driven.at(S.HALF_OPEN)
    driven.record(trial, O.SUCCESS)
    assert driven.at(S.RAMPING)


def test_every_recovery_starts_from_the_first_share() -> None:
    driven = Driven(ramp=(0.25, 0.5))
    for _ in range(3):
        driven.ramping()
        assert [isinstance(driven.admit(), Admission) for _ in range(4)] == [False, False, False, True]
        driven.record(Admission(driven.circuit._era, trial=False), O.SUCCESS)
        driven.calls_when_admitted("s")
        assert driven.at(S.CLOSED)


def test_a_recovered_circuit_has_forgotten_the_faults_before() -> None:
    driven = Driven(consecutive=100, intensity=3, min_calls=4, rate=0.1, window=10**9, ramp=())
    driven.calls("ffff")
    assert driven.at(S.OPEN)
    driven.now = driven.circuit.retry_at
    driven.calls("sfffsss")
    assert driven.at(S.CLOSED)
    driven.calls("f")
    assert driven.at(S.OPEN)


def test_a_trial_that_ends_after_another_has_failed_says_nothing() -> None:
    driven = Driven(trials=2).half_open()
    first, second = driven.admitted(), driven.admitted()
    driven.record(first, O.FAULT)
    driven.record(second, O.SUCCESS)
    assert driven.at(S.OPEN)
    driven.now = driven.circuit.retry_at
    assert [isinstance(driven.admit(), Admission) for _ in range(3)] == [True, True, False]


def test_a_passed_health_check_brings_the_trial_forward_and_never_closes() -> None:
    driven = Driven().opened()
    driven.operate(E.HEALTH_PASSED)
    assert driven.at(S.HALF_OPEN)
    for circuit in (Driven(), Driven().ramping(), driven):
        state = circuit.state
        circuit.operate(E.HEALTH_PASSED)
        assert circuit.state is state


def test_a_passed_health_check_does_not_come_before_the_time_that_the_provider_asked_for() -> None:
    driven = Driven()
    driven.calls("ff")
    driven.record(driven.admitted(), O.FAULT, floor=5_000)
    driven.now = 4_999
    driven.operate(E.HEALTH_PASSED)
    assert driven.at(S.OPEN)
    driven.now = 5_000
    driven.operate(E.HEALTH_PASSED)
    assert driven.at(S.HALF_OPEN)


def test_the_time_that_the_provider_asked_for_holds_over_a_restart() -> None:
    driven = Driven()
    driven.circuit.restore(S.OPEN, retry_at=5_000, openings=1, floor=5_000, last=0)
    driven.now = 4_999
    driven.operate(E.HEALTH_PASSED)
    assert driven.at(S.OPEN)
    driven.now = 5_000
    driven.operate(E.HEALTH_PASSED)
    assert driven.at(S.HALF_OPEN)


def test_forced_open_admits_nothing_and_forced_closed_all_until_a_reset() -> None:
    driven = Driven()
    driven.operate(E.FORCE_OPEN)
    driven.now = 10**15
    assert driven.admit() == NEVER
    assert driven.circuit.next_trial == NEVER
    driven.operate(E.FORCE_CLOSE)
    driven.calls("f" * 50)
    assert driven.at(S.FORCED_CLOSED)
    driven.operate(E.RESET)
    driven.calls("ff")
    assert driven.at(S.CLOSED)
    driven.calls("f")
    assert driven.at(S.OPEN)


@pytest.mark.parametrize("state", ["closed", "opened", "half_open", "ramping"])
def test_a_reset_forgets_everything(state: str) -> None:
    driven = Driven()
    if state != "closed":
        getattr(driven, state)()
    driven.now += 1
    driven.circuit.retry_at = 10**9
    driven.operate(E.RESET)
    assert (driven.state, driven.circuit.openings, driven.circuit.idle(driven.now)) == (S.CLOSED, 0, True)
    driven.opened()
    assert driven.circuit.retry_at == driven.now + 100


def test_a_reset_of_a_closed_circuit_forgets_its_faults() -> None:
    driven = Driven()
    driven.calls("ff")
    driven.operate(E.RESET)
    driven.calls("ff")
    assert driven.at(S.CLOSED)


def test_a_reset_of_a_closed_circuit_forgets_those_in_its_window_as_well() -> None:
    driven = Driven(consecutive=100, intensity=1, min_calls=1, rate=0.5)
    driven.calls("f")
    driven.operate(E.RESET)
    driven.calls("f")
    assert driven.at(S.CLOSED)
    driven.calls("f")
    assert driven.at(S.OPEN)


def test_a_reset_forgets_the_time_that_the_provider_asked_for() -> None:
    driven = Driven(consecutive=1)
    driven.record(driven.admitted(), O.FAULT, floor=10**9)
    driven.operate(E.RESET)
    driven.calls("f")
    driven.operate(E.HEALTH_PASSED)
    assert driven.at(S.HALF_OPEN)
    assert driven.circuit.refused_until(driven.now) is None


def test_it_is_idle_while_no_fault_lies_in_its_window() -> None:
    driven = Driven()
    idle = [driven.circuit.idle(0)]
    for calls, now in (("s", 0), ("fs", 0), ("s", 900), ("", 1_000), ("f", 1_000), ("", 1_999), ("", 2_000)):
        driven.now = now
        driven.calls(calls)
        idle.append(driven.circuit.idle(now))
    assert idle == [True, True, False, False, True, False, False, True]


@pytest.mark.parametrize("state", S)
def test_only_a_closed_one_is_idle(state: CircuitState) -> None:
    driven = Driven()
    driven.circuit.state = state
    assert driven.circuit.idle(10**15) is (state is S.CLOSED)


def test_what_has_no_entry_in_the_table_changes_nothing() -> None:
    driven = Driven()
    with pytest.raises(IllegalStep):
        driven.operate(E.FULL_SHARE)
    assert (driven.state, driven.moves) == (S.CLOSED, [])


@pytest.mark.parametrize("kept", S)
def test_what_a_former_process_knew_goes_on(kept: CircuitState) -> None:
    driven = Driven()
    driven.circuit.restore(kept, retry_at=5_000, openings=2, floor=0, last=0)
    unsure = kept in {S.HALF_OPEN, S.RAMPING}
    assert driven.state is (S.OPEN if unsure else kept)
    assert driven.circuit.openings == 2
    if driven.state is S.OPEN:
        assert driven.admit() == 5_000
        driven.now = 5_000
        driven.calls("f")
        assert driven.circuit.retry_at == 5_400


@pytest.mark.parametrize(
    "wrong",
    [
        {"consecutive": 0},
        {"min_calls": 0},
        {"trials": 0},
        {"window": 0},
        {"intensity": -1},
        {"rate": 0.0},
        {"rate": 1.1},
        {"ramp": (0.5, 1.0)},
        {"ramp": (0.0,)},
    ],
)
def test_a_circuit_without_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="a circuit needs"):
        CircuitSpec(**wrong)
