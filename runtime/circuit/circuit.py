"""One circuit breaker: admits or refuses attempts, and moves by their outcomes. Pure; `now` is passed in."""

import enum
from typing import Final

import msgspec

from callboard.runtime.circuit.rolling import RollingCounts
from callboard.runtime.circuit.table import CircuitEvent, CircuitState, step
from callboard.runtime.clock import NEVER, ns
from callboard.runtime.errors import SpecError
from callboard.runtime.supervision.backoff import Backoff, BackoffState


class Outcome(enum.StrEnum):
    """What an attempt says about its provider. NEITHER: nothing, it was the caller's doing or the caller left."""

    SUCCESS = "success"
    FAULT = "fault"
    NEITHER = "neither"


CLOSED: Final = CircuitState.CLOSED
SUCCESS: Final = Outcome.SUCCESS
NEITHER: Final = Outcome.NEITHER
"""What nearly every attempt meets, under names that are looked up at once; see slot.py."""


class CircuitSpec(msgspec.Struct, frozen=True, kw_only=True):
    """When a circuit opens and how it comes back. Durations in nanoseconds.

    It opens after `consecutive` faults in a row, or when within `window` there were more than `intensity` faults and
    at least `min_calls` calls of which a share of at least `rate` were faults.
    """

    consecutive: int = 5
    intensity: int = 5
    min_calls: int = 20
    rate: float = 0.5
    window: int = ns(30)
    backoff: Backoff = Backoff(base=ns(5), max=ns(300), jitter=0.2, quiet=ns(600), immediate_first=False)
    trials: int = 1
    """Trials at once in half-open."""
    ramp: tuple[float, ...] = (0.25, 0.5)
    """The share admitted after the first, second, ... success; after the last it closes. One a `window` is admitted
    in any case: where calls are rare a share of them would take hours.
    """

    def __post_init__(self) -> None:
        if min(self.consecutive, self.min_calls, self.trials, self.window) < 1 or self.intensity < 0:
            raise SpecError("a circuit needs consecutive, min_calls, trials and window >= 1 and intensity >= 0")
        if not 0 < self.rate <= 1 or not all(0 < share < 1 for share in self.ramp):
            raise SpecError("a circuit needs 0 < rate <= 1 and shares of its ramp between 0 and 1")


class Admission(msgspec.Struct, frozen=True, gc=False):
    """The right to make one attempt."""

    era: int
    trial: bool


class Move(msgspec.Struct, frozen=True):
    """One change of state."""

    before: CircuitState
    after: CircuitState
    event: CircuitEvent
    at: int


class Circuit:
    """State and rule of one key."""

    def __init__(self, spec: CircuitSpec) -> None:
        self._spec = spec
        self._counts = RollingCounts(spec.window)
        self._backoff = BackoffState(spec.backoff)
        self._era = 0
        self._consecutive = 0
        self._trials = 0
        self._ramp_step = 0
        self._ramp_credit = 0.0
        self._ramped = 0
        """When the latest call was admitted while ramping."""
        self.floor = 0
        """No trial and no health check brings one forward before it: the provider asked to be left alone so long."""
        self.state = CircuitState.CLOSED
        self.retry_at = 0

    def refused_until(self, now: int) -> int | None:
        """When the earliest trial is, if an attempt would be refused now; NEVER while forced open. Takes nothing."""
        if self.state is CLOSED:  # first, for nearly all are
            return None
        match self.state:
            case CircuitState.FORCED_OPEN:
                return NEVER
            case CircuitState.OPEN if now < self.retry_at:
                return self.retry_at
            case CircuitState.HALF_OPEN if self._trials >= self._spec.trials:
                return now
            case CircuitState.RAMPING if self._ramp_credit + self._share < 1 and now - self._ramped < self._spec.window:
                return now
            case _:
                return None

    def refused(self) -> None:
        """An attempt was turned away: a ramping circuit counts it."""
        if self.state is CircuitState.RAMPING:
            self._ramp_credit += self._share

    def admit(self, now: int, moves: list[Move]) -> Admission:
        """The right to one attempt, where `refused_until` has none to tell. Moves are added to `moves`."""
        if self.state is CLOSED:
            return Admission(self._era, trial=False)
        if self.state is CircuitState.RAMPING:
            self._ramp_credit = max(0.0, self._ramp_credit + self._share - 1)
            self._ramped = now
        if self.state is CircuitState.OPEN:
            self._move(CircuitEvent.BACKOFF_OVER, now, moves)
        trial = self.state is CircuitState.HALF_OPEN
        self._trials += trial
        return Admission(self._era, trial)

    def record(self, admission: Admission, outcome: Outcome, now: int, rand: float, floor: int = 0) -> list[Move]:
        """How an admitted attempt ended. `floor`: no trial before it, should the circuit open now.

        What was admitted before the circuit last opened says nothing any more.
        """
        moves: list[Move] = []
        if admission.era != self._era:
            return moves
        if admission.trial and self.state is CircuitState.HALF_OPEN:
            self._trials -= 1
        if outcome is SUCCESS:
            self._succeeded(admission, now, moves)
        elif outcome is Outcome.FAULT:
            self._failed(admission, now, rand, floor, moves)
        return moves

    def operate(self, event: CircuitEvent, now: int) -> list[Move]:
        """An operator's command, or a passed health check.

        A health check moves an open circuit only, and not before the time that the provider asked to be left alone.
        """
        moves: list[Move] = []
        if event is CircuitEvent.HEALTH_PASSED and (self.state is not CircuitState.OPEN or now < self.floor):
            return moves
        if event is CircuitEvent.RESET:
            self._forget()
        self._move(event, now, moves)
        return moves

    def restore(self, state: CircuitState, retry_at: int, openings: int, floor: int, last: int) -> None:
        """Go on from what a former process knew; since `last` the circuit has been quiet."""
        self.state, self.retry_at, self.floor = state, retry_at, floor
        self._backoff.restore(openings, last)
        if state in (CircuitState.HALF_OPEN, CircuitState.RAMPING):
            self.state = CircuitState.OPEN

    @property
    def next_trial(self) -> int:
        """Monotonic nanoseconds of the earliest one, meaningful while it is open; NEVER while forced open."""
        return NEVER if self.state is CircuitState.FORCED_OPEN else self.retry_at

    @property
    def openings(self) -> int:
        """How often it opened since the last quiet time; the next backoff grows with it."""
        return self._backoff.failures

    def idle(self, now: int) -> bool:
        """Whether it is closed and none of its faults lies in its window: all that it can still know is older ones in
        a row.
        """
        return self.state is CLOSED and self._counts.totals(now)[1] == 0

    @property
    def _share(self) -> float:
        return self._spec.ramp[self._ramp_step]

    def _succeeded(self, admission: Admission, now: int, moves: list[Move]) -> None:
        self._consecutive = 0
        self._counts.add(now, fault=False)
        if self.state is CLOSED:
            return
        if self.state is CircuitState.HALF_OPEN and admission.trial:
            self._move(CircuitEvent.TRIAL_SUCCEEDED, now, moves)
            if not self._spec.ramp:
                self._move(CircuitEvent.FULL_SHARE, now, moves)
        elif self.state is CircuitState.RAMPING:
            self._ramp_step += 1
            if self._ramp_step >= len(self._spec.ramp):
                self._move(CircuitEvent.FULL_SHARE, now, moves)

    def _failed(self, admission: Admission, now: int, rand: float, floor: int, moves: list[Move]) -> None:
        self._consecutive += 1
        self._counts.add(now, fault=True)
        event = self._opening_event(admission, now)
        if event is not None:
            self._open_until(now, rand, floor)
            self._move(event, now, moves)

    def _opening_event(self, admission: Admission, now: int) -> CircuitEvent | None:
        match self.state:
            case CircuitState.CLOSED:
                return CircuitEvent.TRIP if self._too_many(now) else None
            case CircuitState.HALF_OPEN:
                return CircuitEvent.TRIAL_FAILED if admission.trial else None
            case CircuitState.RAMPING:
                return CircuitEvent.FAULT
            case _:
                return None

    def _too_many(self, now: int) -> bool:
        spec = self._spec
        if self._consecutive >= spec.consecutive:
            return True
        calls, faults = self._counts.totals(now)
        return faults > spec.intensity and calls >= spec.min_calls and faults >= spec.rate * calls

    def _open_until(self, now: int, rand: float, floor: int) -> None:
        self.floor = max(self.floor, floor)
        self.retry_at = max(self.retry_at, floor, now + self._backoff.next(now, rand))

    def _move(self, event: CircuitEvent, now: int, moves: list[Move]) -> None:
        before, self.state = self.state, step(self.state, event)
        if before is self.state:
            return
        moves.append(Move(before, self.state, event, now))
        match self.state:
            case CircuitState.OPEN:
                self._new_era()
            case CircuitState.HALF_OPEN:
                self._trials = 0
            case CircuitState.RAMPING:
                self._ramp_step, self._ramp_credit, self._ramped = 0, 0.0, now
            case CircuitState.CLOSED:
                self._consecutive = 0
                self._counts.clear()
            case CircuitState.FORCED_OPEN | CircuitState.FORCED_CLOSED:
                self._new_era()

    def _forget(self) -> None:
        self._backoff.reset()
        self.floor = 0
        self.retry_at = 0
        self._consecutive = 0
        self._counts.clear()

    def _new_era(self) -> None:
        self._era += 1
