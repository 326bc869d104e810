"""A provider's subtree: its attempts are temporary children, its circuits decide whether it takes more of them.

Each attempt is an entry in the child table, under one or more circuit keys, all of which must admit it. Its outcome
is an event for those circuits; when their rule is met the subtree is given up (open), and repaired later through
trials (half-open, ramping). Pure; `now` is passed in.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain, islice

import msgspec

from callboard.runtime.circuit.circuit import CLOSED, NEITHER, SUCCESS, Admission, Circuit, CircuitSpec, Move, Outcome
from callboard.runtime.circuit.table import CircuitEvent, CircuitState

KEEP = 512
"""Circuits kept, unless more are at work or not closed; see `Subtree._forgettable`."""


class Child(msgspec.Struct, frozen=True, gc=False):
    """One attempt underway."""

    admissions: dict[str, Admission]
    trial: bool
    """Whether a half-open circuit is being tried by it."""


class Refused(msgspec.Struct, frozen=True):
    """An attempt that was not admitted: by which circuit, and until when."""

    key: str
    retry_at: int


class View(msgspec.Struct, frozen=True):
    """One circuit as others see it."""

    state: CircuitState
    retry_at: int
    """Monotonic nanoseconds; meaningful while open; NEVER while forced open."""
    openings: int
    floor: int = 0
    """Monotonic nanoseconds: not before it, whatever a health check says, for the provider asked to be left alone."""


class Subtree:
    """Child table and circuits."""

    def __init__(self, spec: CircuitSpec) -> None:
        self._spec = spec
        self._circuits: dict[str, Circuit] = {}
        self.children: dict[str, Child] = {}

    def admit(self, child: str, keys: Iterable[str], now: int) -> tuple[Child | Refused, list[tuple[str, Move]]]:
        """Take in an attempt if every key's circuit admits it; otherwise nothing is taken."""
        known = len(self._circuits)
        circuits = [(key, self._circuit(key)) for key in keys]
        if known < len(self._circuits) > KEEP:
            self._forget([key for key, _ in circuits], now)
        for key, circuit in circuits:
            if (retry_at := circuit.refused_until(now)) is not None:
                circuit.refused()
                return Refused(key, retry_at), []
        moved: list[tuple[str, Move]] = []
        admissions: dict[str, Admission] = {}
        trial = False
        for key, circuit in circuits:
            moves: list[Move] = []
            admissions[key] = admission = circuit.admit(now, moves)
            trial = trial or admission.trial
            if moves:
                moved.extend((key, move) for move in moves)
        self.children[child] = entry = Child(admissions, trial)
        return entry, moved

    def answered(self, child: str, now: int, rand: float) -> list[tuple[str, Move]]:
        """A trial is answered, though not to its end: it has succeeded. Its end then counts as any other attempt's."""
        entry = self.children.get(child)
        if entry is None or not entry.trial:
            return []
        moved = [
            (key, move)
            for key, admission in entry.admissions.items()
            if admission.trial
            for move in self._circuits[key].record(admission, SUCCESS, now, rand)
        ]
        admissions = {key: Admission(admission.era, trial=False) for key, admission in entry.admissions.items()}
        self.children[child] = Child(admissions, trial=False)
        return moved

    def ended(
        self, child: str, outcomes: Mapping[str, Outcome], now: int, rand: float, floor: int = 0
    ) -> list[tuple[str, Move]]:
        """An attempt ended; a key without an outcome counts as NEITHER. Unknown children are ignored."""
        entry = self.children.pop(child, None)
        if entry is None:
            return []
        return [
            (key, move)
            for key, admission in entry.admissions.items()
            for move in self._circuits[key].record(admission, outcomes.get(key, NEITHER), now, rand, floor)
        ]

    def operate(self, keys: Iterable[str], event: CircuitEvent, now: int) -> list[tuple[str, Move]]:
        """An operator's command to these circuits."""
        return [(key, move) for key in keys for move in self._circuit(key).operate(event, now)]

    def restore(self, key: str, known: View, last: int) -> None:
        """Go on from what a former process knew; since `last` the circuit has been quiet."""
        self._circuit(key).restore(known.state, known.retry_at, known.openings, known.floor, last)

    def views(self) -> dict[str, View]:
        """All circuits that were used."""
        return {key: View(one.state, one.next_trial, one.openings, one.floor) for key, one in self._circuits.items()}

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that were used, the longest unused first."""
        return tuple(self._circuits)

    def _circuit(self, key: str) -> Circuit:
        circuit = self._circuits.pop(key, None) or Circuit(self._spec)
        self._circuits[key] = circuit
        return circuit

    def _forget(self, in_hand: Collection[str], now: int) -> None:
        surplus = len(self._circuits) - KEEP
        for key in tuple(islice(self._forgettable(in_hand, now), surplus)):
            del self._circuits[key]

    def _forgettable(self, in_hand: Collection[str], now: int) -> Iterator[str]:
        """Closed circuits, the idle ones first and of each kind the longest unused first.

        Never those of the admission in hand, among them the one that all admissions share, nor of an attempt underway.
        """
        at_work = {*in_hand, *chain.from_iterable(child.admissions for child in self.children.values())}
        for idle in (True, False):
            for key, circuit in self._circuits.items():
                if circuit.state is CLOSED and key not in at_work and circuit.idle(now) is idle:
                    yield key
