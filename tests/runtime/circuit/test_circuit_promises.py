"""Random programs on one circuit, and what must hold at every step of them."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.runtime.circuit.circuit import Admission, Circuit, CircuitSpec, Move, Outcome
from callboard.runtime.circuit.table import CircuitEvent, CircuitState
from callboard.runtime.clock import NEVER
from callboard.runtime.supervision.backoff import Backoff

S, E, O = CircuitState, CircuitEvent, Outcome  # noqa: E741 - outcomes are many here


BACKOFF = Backoff(base=100, max=1_000, jitter=0.0, quiet=10_000, immediate_first=False)


def spec(**options: Any) -> CircuitSpec:
    return CircuitSpec(**{"consecutive": 3, "window": 1_000, "backoff": BACKOFF, **options})


steps = st.one_of(
    st.tuples(st.just("admit"), st.none()),
    st.tuples(st.just("admit"), st.none()),
    st.tuples(st.just("record"), st.tuples(st.integers(-9, 9), st.sampled_from(O), st.integers(0, 600))),
    st.tuples(st.just("record"), st.tuples(st.just(-1), st.sampled_from([O.FAULT, O.SUCCESS]), st.just(0))),
    st.tuples(st.just("time"), st.integers(1, 400)),
    st.tuples(st.just("recover"), st.none()),
    st.tuples(st.just("operate"), st.sampled_from([E.HEALTH_PASSED, E.FORCE_OPEN, E.FORCE_CLOSE, E.RESET])),
)


specs = st.builds(
    lambda consecutive, trials, ramp: spec(consecutive=consecutive, trials=trials, ramp=ramp, min_calls=3),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from([(), (0.5,), (0.25, 0.5), (0.1, 0.3, 0.7)]),
)


class Watched:
    """A circuit driven by a program, with everything that must hold checked at every step."""

    def __init__(self, circuit_spec: CircuitSpec) -> None:
        self.spec = circuit_spec
        self.circuit = Circuit(circuit_spec)
        self.now = 0
        self.in_flight: list[Admission] = []
        self.era_of_trials = -1
        self.state = S.CLOSED

    def step(self, name: str, argument: object) -> None:
        retry_at = self.circuit.retry_at
        match name, argument:
            case "admit", None:
                self._admit()
            case "record", (int(n), Outcome() as outcome, int(floor)):
                self._record(n, outcome, floor)
            case "time", int(passed):
                self.now += passed
            case "recover", None:
                self._recover()
            case "operate", CircuitEvent() as event:
                self._moved(self.circuit.operate(event, self.now))
                if event is E.RESET:
                    retry_at = 0
        assert self.circuit.retry_at >= retry_at
        assert self.circuit.openings >= 0
        assert self.circuit._trials >= 0
        assert self._trials() <= self.spec.trials
        self.circuit._counts.totals(self.now)
        assert all(0 <= faults <= calls for _, calls, faults in self.circuit._counts._counts)

    def _recover(self) -> None:
        """A trial that succeeds, if one is due by and by."""
        self.now = max(self.now, self.circuit.retry_at)
        before = len(self.in_flight)
        self._admit()
        if len(self.in_flight) > before:
            self._record(-1, O.SUCCESS, 0)

    def _trials(self) -> int:
        """Trials in flight since it last opened."""
        return sum(one.trial and one.era == self.circuit._era for one in self.in_flight)

    def _admit(self) -> None:
        state, moves = self.circuit.state, list[Move]()
        answer = self._asked(moves)
        self._moved(moves)
        match state:
            case S.FORCED_OPEN:
                assert answer == NEVER
            case S.OPEN:
                assert isinstance(answer, Admission) == (self.now >= self.circuit.retry_at)
            case S.CLOSED | S.FORCED_CLOSED:
                assert isinstance(answer, Admission)
                assert not answer.trial
            case S.HALF_OPEN | S.RAMPING:
                assert isinstance(answer, Admission) or answer <= self.now
        if isinstance(answer, Admission):
            assert answer.trial == (self.circuit.state is S.HALF_OPEN)
            self.in_flight.append(answer)

    def _asked(self, moves: list[Move]) -> Admission | int:
        retry_at = self.circuit.refused_until(self.now)
        if retry_at is None:
            return self.circuit.admit(self.now, moves)
        self.circuit.refused()
        return retry_at

    def _record(self, n: int, outcome: Outcome, floor: int) -> None:
        if not self.in_flight:
            return
        admission = self.in_flight.pop(n % len(self.in_flight))
        current = admission.era == self.circuit._era
        moves = self.circuit.record(admission, outcome, self.now, 0.5, self.now + floor)
        self._moved(moves)
        assert current or not moves
        assert outcome is not O.NEITHER or not moves
        if moves and moves[-1].after is S.OPEN:
            assert outcome is O.FAULT
            assert self.circuit.retry_at >= self.now + max(floor, BACKOFF.base)

    def _moved(self, moves: list[Move]) -> None:
        for move in moves:
            assert move.before is self.state
            assert move.at == self.now
            self.state = move.after
        assert self.circuit.state is self.state


@settings(max_examples=300)
@given(specs, st.lists(steps, max_size=80))
def test_whatever_happens_a_circuit_keeps_its_promises(
    circuit_spec: CircuitSpec, program: list[tuple[str, object]]
) -> None:
    watched = Watched(circuit_spec)
    for name, argument in program:
        watched.step(name, argument)
