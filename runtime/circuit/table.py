"""The circuit breaker's states, as one table.

    closed ──trip──> open ──backoff over──> half-open ──trial succeeded──> ramping ──full share──> closed
                      ^                         │                            │
                      └──────trial failed───────┴───────────fault────────────┘

An operator's force and reset lead out of every state.
"""

import enum

from callboard.runtime.errors import IllegalStep


class CircuitState(enum.StrEnum):
    """What the circuit admits: all; none; a few trials; a growing share; none; all."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"
    RAMPING = "ramping"
    FORCED_OPEN = "forced open"
    FORCED_CLOSED = "forced closed"


GIVEN_UP = {CircuitState.OPEN, CircuitState.FORCED_OPEN}
"""No attempt is admitted."""
STEADY = {CircuitState.CLOSED, CircuitState.FORCED_CLOSED}
"""Every attempt is admitted."""
FORCED = {CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED}
"""Until an operator resets it."""


class CircuitEvent(enum.StrEnum):
    """What moves it."""

    TRIP = "trip"
    """Enough faults, by the rule in `circuit.py`."""
    BACKOFF_OVER = "backoff over"
    HEALTH_PASSED = "health passed"
    TRIAL_SUCCEEDED = "trial succeeded"
    TRIAL_FAILED = "trial failed"
    FULL_SHARE = "full share"
    FAULT = "fault"
    """One fault, where one is enough."""
    FORCE_OPEN = "force open"
    FORCE_CLOSE = "force close"
    RESET = "reset"


_OPERATOR = {
    CircuitEvent.FORCE_OPEN: CircuitState.FORCED_OPEN,
    CircuitEvent.FORCE_CLOSE: CircuitState.FORCED_CLOSED,
    CircuitEvent.RESET: CircuitState.CLOSED,
}

TABLE: dict[CircuitState, dict[CircuitEvent, CircuitState]] = {
    CircuitState.CLOSED: {CircuitEvent.TRIP: CircuitState.OPEN, **_OPERATOR},
    CircuitState.OPEN: {
        CircuitEvent.BACKOFF_OVER: CircuitState.HALF_OPEN,
        CircuitEvent.HEALTH_PASSED: CircuitState.HALF_OPEN,
        **_OPERATOR,
    },
    CircuitState.HALF_OPEN: {
        CircuitEvent.TRIAL_SUCCEEDED: CircuitState.RAMPING,
        CircuitEvent.TRIAL_FAILED: CircuitState.OPEN,
        **_OPERATOR,
    },
    CircuitState.RAMPING: {
        CircuitEvent.FULL_SHARE: CircuitState.CLOSED,
        CircuitEvent.FAULT: CircuitState.OPEN,
        **_OPERATOR,
    },
    CircuitState.FORCED_OPEN: {**_OPERATOR},
    CircuitState.FORCED_CLOSED: {**_OPERATOR},
}


def step(state: CircuitState, event: CircuitEvent) -> CircuitState:
    """The next state. Raises IllegalStep where the table has no entry."""
    try:
        return TABLE[state][event]
    except KeyError:
        raise IllegalStep("circuit", state, event) from None
