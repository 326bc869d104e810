"""What circuits may and may not do, seen from outside: their moves as events, and what arrives at the providers."""

from collections import Counter
from collections.abc import Callable, Iterable

from callboard.messages.accounting import CircuitHistory
from callboard.messages.events import CircuitMoved
from callboard.runtime.circuit.table import CircuitState
from callboard.simulation.cast import CIRCUIT

SHUT = {CircuitState.OPEN.value, CircuitState.FORCED_OPEN.value}
ENDPOINT = "endpoint"


class Circuits:
    """Follows every circuit of every account. `find` is told what must not be."""

    def __init__(self, find: Callable[[str], None]) -> None:
        self._find = find
        self._states: dict[tuple[str, str], str] = {}
        self._trials: dict[tuple[str, str], set[str]] = {}
        self.moves: Counter[str] = Counter()
        self.cycles = 0
        """How often a circuit that had opened by itself was closed again by itself."""

    def moved(self, event: CircuitMoved) -> None:
        """A circuit has moved."""
        key = (event.provider, event.circuit)
        self._states[key] = event.after
        self._trials[key] = set()
        self.moves[f"{event.before} -> {event.after}"] += 1
        if (event.before, event.after) == (CircuitState.RAMPING, CircuitState.CLOSED) and event.cause is None:
            self.cycles += 1

    def restored(self, provider: str, histories: Iterable[CircuitHistory]) -> None:
        """A process begins with what is on disk; what was being tried is open again."""
        for key in [key for key in self._states if key[0] == provider]:
            del self._states[key]
        for one in histories:
            tried = one.state in (CircuitState.HALF_OPEN, CircuitState.RAMPING)
            self._states[provider, one.key] = CircuitState.OPEN.value if tried else one.state

    def arrived(self, provider: str, model: str, attempt: str) -> None:
        """A request came in."""
        for circuit in (ENDPOINT, f"{ENDPOINT} {model}"):
            key = (provider, circuit)
            state = self._states.get(key)
            if state in SHUT:
                self._find(f"attempt {attempt} reached {provider}, whose circuit {circuit} is {state}")
            if state == CircuitState.HALF_OPEN:
                self._trials[key].add(attempt)
                if len(self._trials[key]) > CIRCUIT.trials:
                    self._find(f"{provider}'s circuit {circuit} is half-open and makes the trials {self._trials[key]}")

    def ended(self, attempt: str) -> None:
        """A request has ended."""
        for trials in self._trials.values():
            trials.discard(attempt)

    def shut(self) -> dict[tuple[str, str], str]:
        """The states of those that are not closed now, by provider and circuit."""
        return {key: state for key, state in self._states.items() if state != CircuitState.CLOSED}
