"""An actor's lasting half: address, mailbox, status and incarnation number. It survives restarts.

The cell also owns every reply slot that its actor has in hand, so that a crash or a stop settles each of them.
"""

import enum
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from callboard.messages.events import Event
from callboard.runtime.clock import Clock
from callboard.runtime.deadletters import DeadLetters
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import ActorCrashed, ActorDown
from callboard.runtime.mailbox import ACCEPTED, DATA, Delivery, Lane, Mailbox, MailboxSpec
from callboard.runtime.turns import Turns
from callboard.runtime.waits import Waiter


class CellStatus(enum.StrEnum):
    """Where an actor's life stands."""

    NEW = "new"
    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    GIVEN_UP = "given up"


GONE = {CellStatus.STOPPED, CellStatus.GIVEN_UP}
TAKES_MESSAGES = {CellStatus.NEW, CellStatus.STARTING, CellStatus.RUNNING, CellStatus.RESTARTING}


def _ignore(_: Event) -> None:
    """Nobody watches."""


class World(msgspec.Struct, frozen=True):
    """What all cells of one tree share."""

    clock: Clock
    dead_letters: DeadLetters
    turns: Turns
    emit: Callable[[Event], None] = _ignore
    """Takes every event of the tree; must not wait or raise."""


class Cell:
    """One address. `concurrency` bounds the handlers that run at once."""

    def __init__(self, path: str, world: World, *, mailbox: MailboxSpec, concurrency: int, drain: int) -> None:
        self.path = path
        self.world = world
        self.concurrency = concurrency
        self.drain = drain
        self.mailbox = Mailbox(path, mailbox)
        self.status = CellStatus.NEW
        self.incarnation = 0
        self.running: dict[int, Envelope] = {}
        self.deferred: dict[int, Envelope] = {}
        self.waits: dict[Waiter, int] = {}
        self.snapshot: Any = None
        self.stop_requested = False
        self.late_replies = 0
        self.handler_failures = 0
        self.last_error: str | None = None
        self.direct: Callable[[Envelope, Lane], bool] | None = None
        """Set by an incarnation that takes messages; offered what comes while nothing is queued. True: handled."""
        self._watchers: list[Callable[[str], None]] = []
        self._why = "not started"

    @property
    def saturated(self) -> bool:
        """Whether no handler is free."""
        return len(self.running) >= self.concurrency

    def put(self, envelope: Envelope, lane: Lane) -> Delivery:
        """Queue a message; what cannot be queued becomes a dead letter.

        A stopping actor still takes what it needs to finish: its own reports and what others give back.
        """
        if self.direct is not None and not self.mailbox.queued and self.direct(envelope, lane):
            return ACCEPTED
        status = self.status
        takes = status in TAKES_MESSAGES or (status is CellStatus.STOPPING and lane is not DATA)
        delivery = self.mailbox.put(envelope, lane) if takes else Delivery.DOWN
        if not delivery:
            self._refused(envelope, delivery)
        return delivery

    def catch_up(self) -> None:
        """Let what is queued be handled in this step, if somebody does so now."""
        if self.mailbox.on_ready is not None and self.mailbox.queued:
            self.mailbox.on_ready()

    def _refused(self, envelope: Envelope, delivery: Delivery) -> None:
        if delivery is not Delivery.DOWN:
            self._bury(envelope, delivery.value)
        elif not envelope.own:
            self._bury(envelope, self._why)

    def request_stop(self) -> None:
        """The instance finishes what it has, for at most `drain` nanoseconds, and ends."""
        self.stop_requested = True
        self.direct = None
        if self.mailbox.on_ready is not None:
            self.mailbox.on_ready()

    def crashed(self, cause: BaseException) -> None:
        """The instance failed: every ask in hand ends; the queued ones stay for the next incarnation."""
        self.last_error = type(cause).__name__
        self.interrupted(cause)

    def interrupted(self, cause: BaseException) -> None:
        """The instance was cut because of another's failure: as for a crash, but the failure is not its own."""
        self._settle_in_hand(lambda: ActorCrashed(self.path, self.incarnation, cause))

    def finished(self) -> None:
        """The instance has ended in order; what it could not answer in time ends too."""
        self._settle_in_hand(lambda: ActorDown(self.path, "it ended before it had answered"))

    def close_intake(self) -> None:
        """From now on the data lane is closed."""
        self.status = CellStatus.STOPPING
        self.direct = None
        self._why = "it is stopping"

    def end(self, status: CellStatus, why: str) -> None:
        """There will be no further incarnation: settle everything and tell the watchers, once."""
        if self.status in GONE:
            return
        self.status = status
        self._why = why
        self._settle_in_hand(lambda: ActorDown(self.path, why))
        for envelope in self.mailbox.drain():
            if not (envelope.abandoned or envelope.own):
                self._bury(envelope, why)
            envelope.fail(ActorDown(self.path, why))
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher(why)

    def watch(self, watcher: Callable[[str], None]) -> None:
        """Call this once with the reason when the actor is gone for good; at once if it is gone already."""
        if self.status in GONE:
            watcher(self._why)
        else:
            self._watchers.append(watcher)

    def down(self) -> ActorDown:
        """The error for an ask that came too late."""
        return ActorDown(self.path, self._why)

    def _settle_in_hand(self, error: Callable[[], ActorCrashed | ActorDown]) -> None:
        """Each asker gets an error of his own: where it was raised is written on it."""
        in_hand: Iterable[Envelope] = (*self.running.values(), *self.deferred.values())
        self.running.clear()
        self.deferred.clear()
        for envelope in in_hand:
            if envelope.slot is not None:
                envelope.slot.on_end(None)
            envelope.fail(error())

    def _bury(self, envelope: Envelope, reason: str) -> None:
        self.world.dead_letters.add(self.path, envelope.message, reason, self.world.clock.now())

    def __repr__(self) -> str:
        return f"Cell({self.path}, {self.status.value}, incarnation {self.incarnation})"
