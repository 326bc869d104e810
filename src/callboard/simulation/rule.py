"""The rule by which a circuit must open, applied to the ledger's journal alone."""

from collections.abc import Callable, Iterable

from callboard.messages.accounting import AttemptOpened, AttemptSettled, CircuitRecord, LedgerEntry
from callboard.messages.faults import FaultKind
from callboard.runtime.circuit.table import CircuitState
from callboard.simulation.cast import CIRCUIT

SOON = 1_000_000_000
"""Nanoseconds in which a circuit moves after the fault that moves it."""
MODEL_FAULTS = {FaultKind.SERVER, FaultKind.OVERLOADED, FaultKind.MALFORMED_REPLY, FaultKind.INTERRUPTED}
_SAYS_NOTHING = {FaultKind.TIMED_OUT, FaultKind.DEADLINE, FaultKind.INTERNAL, FaultKind.UNAVAILABLE}
"""For the journal does not tell one time limit from another, and the rest is nobody's doing."""

Key = tuple[str, str]
"""Provider and circuit."""


class Rule:
    """Follows the faults in a row of every circuit. `find` is told of one that should have opened and did not.

    Only attempts that began since the circuit last moved, and since its provider's actor last started, are counted:
    others say nothing, or are not known to it any more. So a circuit that opens early is not found here.
    """

    def __init__(self, find: Callable[[str], None]) -> None:
        self._find = find
        self._began: dict[str, int] = {}
        self._states: dict[Key, str] = {}
        self._moved: dict[Key, int] = {}
        self._streaks: dict[Key, int] = {}
        self._due: dict[Key, int] = {}
        """By when each circuit must have opened."""
        self._started: dict[str, int] = {}

    def started(self, provider: str, at: int) -> None:
        """This provider's actor began anew, at a UTC time in nanoseconds."""
        self._started[provider] = at
        for key in [key for key in self._streaks if key[0] == provider]:
            del self._streaks[key]

    def follow(self, entries: Iterable[LedgerEntry]) -> None:
        """The next entries of the journal."""
        for entry in entries:
            match entry:
                case AttemptOpened():
                    self._began[entry.id] = entry.at
                case AttemptSettled():
                    self._settled(entry)
                case CircuitRecord():
                    self._circuit(entry)
                case _:
                    pass
            self._overdue(entry.at)

    def _settled(self, entry: AttemptSettled) -> None:
        began = self._began.pop(entry.id, 0)
        for circuit, fault in _says(entry).items():
            key = (entry.provider, circuit)
            if began <= max(self._moved.get(key, -1), self._started.get(entry.provider, -1)):
                continue
            self._streaks[key] = self._streaks.get(key, 0) + 1 if fault else 0
            closed = self._states.get(key, CircuitState.CLOSED) == CircuitState.CLOSED
            if closed and self._streaks[key] >= CIRCUIT.consecutive:
                self._due.setdefault(key, entry.at + SOON)

    def _circuit(self, entry: CircuitRecord) -> None:
        key = (entry.provider, entry.key)
        self._states[key], self._moved[key] = entry.after, entry.at
        self._streaks.pop(key, None)
        self._due.pop(key, None)

    def _overdue(self, now: int) -> None:
        for key, due in list(self._due.items()):
            if due < now:
                del self._due[key]
                provider, circuit = key
                if self._started.get(provider, -1) < due - SOON:
                    self._find(f"{provider}'s circuit {circuit} did not open after {self._streaks.get(key)} faults")


def _says(entry: AttemptSettled) -> dict[str, bool]:
    """What an attempt says about its circuits: whether each has failed; nothing of those left out."""
    model = f"endpoint {entry.model}"
    if entry.outcome == "ok":
        return {"endpoint": False, model: False}
    if entry.outcome != "fault" or entry.fault is None or entry.fault in _SAYS_NOTHING:
        return {}
    if entry.fault is FaultKind.CONNECTION:
        return {"endpoint": True}
    return {"endpoint": False, **({model: True} if entry.fault in MODEL_FAULTS else {})}
