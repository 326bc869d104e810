"""Every cell of the circuit breaker's table."""

import pytest

from callboard.runtime.circuit.table import TABLE, CircuitEvent, CircuitState, step
from callboard.runtime.errors import IllegalStep

S, E = CircuitState, CircuitEvent

LEGAL = {
    (S.CLOSED, E.TRIP): S.OPEN,
    (S.OPEN, E.BACKOFF_OVER): S.HALF_OPEN,
    (S.OPEN, E.HEALTH_PASSED): S.HALF_OPEN,
    (S.HALF_OPEN, E.TRIAL_SUCCEEDED): S.RAMPING,
    (S.HALF_OPEN, E.TRIAL_FAILED): S.OPEN,
    (S.RAMPING, E.FULL_SHARE): S.CLOSED,
    (S.RAMPING, E.FAULT): S.OPEN,
    **{(state, E.FORCE_OPEN): S.FORCED_OPEN for state in S},
    **{(state, E.FORCE_CLOSE): S.FORCED_CLOSED for state in S},
    **{(state, E.RESET): S.CLOSED for state in S},
}


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("event", E)
def test_every_cell_is_a_step_or_illegal(state: CircuitState, event: CircuitEvent) -> None:
    if (state, event) in LEGAL:
        assert step(state, event) is LEGAL[state, event]
    else:
        with pytest.raises(IllegalStep, match=f"circuit: no step for event {event} in state {state}") as caught:
            step(state, event)
        assert (caught.value.machine, caught.value.state, caught.value.event) == ("circuit", state, event)


def test_every_state_has_a_row() -> None:
    assert set(TABLE) == set(S)


def test_every_state_can_be_reached_and_left() -> None:
    reached = {S.CLOSED}
    for _ in S:
        reached |= {after for state in reached for after in TABLE[state].values()}
    assert reached == set(S)
