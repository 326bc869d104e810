"""What the runtime told of itself during the demo."""

from collections.abc import Callable
from typing import assert_never

import msgspec

from callboard.messages.events import (
    AccountBlocked,
    AccountLimited,
    ActorRestarted,
    BudgetAlert,
    CircuitMoved,
    Event,
    LedgerFailing,
    LedgerRecovered,
    SupervisorGaveUp,
)


class Move(msgspec.Struct, frozen=True):
    """One change of a circuit, in seconds since the start."""

    at: float
    provider: str
    circuit: str
    before: str
    after: str
    cause: str | None


class Timeline:
    """Takes every event; tells each as a line. `elapsed` gives seconds since the start."""

    def __init__(self, elapsed: Callable[[], float], say: Callable[[str], None]) -> None:
        self._elapsed = elapsed
        self._say = say
        self._states: dict[tuple[str, str], str] = {}
        self.moves: list[Move] = []

    def __call__(self, event: Event) -> None:
        """What `callboard.open` calls with each event."""
        self._say(line(event))
        if isinstance(event, CircuitMoved):
            self._states[event.provider, event.circuit] = event.after
            self.moves.append(
                Move(self._elapsed(), event.provider, event.circuit, event.before, event.after, event.cause)
            )

    def opened(self, provider: str) -> bool:
        """Whether any of the provider's circuits has opened."""
        return any(move.provider == provider and move.after == "open" for move in self.moves)

    def closed(self, provider: str) -> bool:
        """Whether all of its circuits are closed now."""
        return all(state == "closed" for (name, _), state in self._states.items() if name == provider)


def line(event: Event) -> str:
    """One event, for a person."""
    match event:
        case CircuitMoved():
            cause = f" ({event.cause.replace('_', ' ')})" if event.cause else ""
            return f"{event.provider}: circuit of {event.circuit}: {event.before} -> {event.after}{cause}"
        case AccountBlocked():
            return f"{event.provider}: {event.model or 'the account'} takes no calls: {event.why}"
        case AccountLimited():
            return f"{event.provider}: {event.model or 'the account'} was slowed down by its rate limit"
        case BudgetAlert():
            return f"budget {event.budget}: ${event.spent:f} of ${event.limit:f} spent in {event.window}"
        case LedgerFailing():
            return f"the ledger cannot be written ({event.cause}); it is tried again"
        case LedgerRecovered():
            return "the ledger is written again"
        case ActorRestarted():
            return f"{event.path} failed with {event.cause} and is started again"
        case SupervisorGaveUp():
            return f"{event.path or 'the root'} gave up after {event.cause}"
        case _:
            assert_never(event)
