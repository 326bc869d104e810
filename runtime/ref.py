"""How actors are reached. A ref points to the cell, so it stays good over restarts."""

from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

import trio

from callboard.messages.base import Ask, Tell
from callboard.messages.signals import Down
from callboard.runtime.cell import Cell, CellStatus
from callboard.runtime.clock import NEVER, trio_deadline
from callboard.runtime.envelope import CURRENT, Envelope
from callboard.runtime.errors import DeadlineExceeded, Deadlock, MailboxFull
from callboard.runtime.mailbox import ACCEPTED, DATA, Delivery, Lane
from callboard.runtime.slot import SETTLED, Slot
from callboard.runtime.waits import Waiter, circle

R = TypeVar("R")


class Pending(Generic[R]):
    """An ask that was sent and is not yet waited for. Wait for it or abandon it."""

    __slots__ = ("_cell", "_envelope")

    def __init__(self, cell: Cell, envelope: Envelope) -> None:
        self._cell = cell
        self._envelope = envelope

    @trio.lowlevel.enable_ki_protection
    async def wait(self) -> R:
        """The reply, or an ActorError. Cancelling abandons the ask."""
        reply: R
        envelope, slot, current = self._envelope, self._envelope.slot, CURRENT.get()
        assert slot is not None
        holder = None if current is None else current.holder
        if current is None or holder is None:
            reply = await _reply(self._cell, slot, envelope.deadline)
            return reply
        if envelope.unanswered and (names := circle(holder, self._cell)):
            self.abandon()
            raise Deadlock(names)
        waits = holder.waits
        waits[self._cell] = waits.get(self._cell, 0) + 1
        try:
            reply = await _reply_within(self._cell, slot, envelope.deadline, current.deadline)
            return reply
        finally:
            _forget_edge(waits, self._cell)

    @trio.lowlevel.enable_ki_protection
    def abandon(self) -> None:
        """Leave: the handler is cancelled at once. Does nothing when there is a reply already."""
        assert self._envelope.slot is not None
        self._envelope.slot.abandon()


class Ref:
    """The address of one actor."""

    __slots__ = ("_cell",)

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    @property
    def path(self) -> str:
        """The actor's name in the tree, such as `providers/openai`."""
        return self._cell.path

    @property
    def status(self) -> CellStatus:
        """Where the actor's life stands."""
        return self._cell.status

    @property
    def snapshot(self) -> Any:
        """What the actor last published; immutable. None before the first time."""
        return self._cell.snapshot

    @property
    @trio.lowlevel.enable_ki_protection
    def latest(self) -> Any:
        """As `snapshot`, once the actor has handled what it was told before, if it can do so now: for the Trio thread.

        So whoever has told something, or was answered after somebody did, reads what came of it.
        """
        self._cell.catch_up()
        return self._cell.snapshot

    @trio.lowlevel.enable_ki_protection
    def tell(self, message: Tell, *, lane: Lane = DATA, priority: int = 1) -> Delivery:
        """Send and go on. Never waits; the result says whether the message was accepted."""
        return self._cell.put(Envelope(message, priority=priority), lane)

    @trio.lowlevel.enable_ki_protection
    def ask(
        self, message: Ask[R], *, deadline: int = NEVER, lane: Lane = DATA, priority: int | None = None
    ) -> Coroutine[Any, Any, R]:
        """Send and wait for the reply.

        `deadline` is in monotonic nanoseconds; inside a handler the asker's own deadline holds as well. Raises an
        ActorError (its subclasses say what happened). Cancelling the wait cancels the handler. A handler that begins
        in this very step runs in the task of its asker (see handlers).
        """
        current = CURRENT.get()
        envelope = _envelope(message, Slot(), deadline, priority, current)
        envelope.enforced = True
        if current is None or current.holder is None:
            return _ask_from_outside(self._cell, envelope, lane)
        return _ask_from_handler(self._cell, envelope, lane, current, current.holder)

    @trio.lowlevel.enable_ki_protection
    def submit(
        self, message: Ask[R], *, deadline: int = NEVER, lane: Lane = DATA, priority: int | None = None
    ) -> Pending[R]:
        """Send an ask and wait for it later. The deadline holds on the handler's side too. Raises as `ask`."""
        envelope = _envelope(message, Slot(), deadline, priority, CURRENT.get())
        _check(self._cell.put(envelope, lane), self._cell, envelope)
        return Pending(self._cell, envelope)

    @trio.lowlevel.enable_ki_protection
    def watch(self, watcher: "Ref") -> None:
        """Tell `watcher` one Down when this actor is gone for good, at once if it is gone already."""
        down = watcher._cell
        self._cell.watch(lambda why: _told(down, Down(self._cell.path, why)))

    def __repr__(self) -> str:
        return f"Ref({self._cell.path})"


def _envelope(message: Ask[Any], slot: Slot, deadline: int, priority: int | None, current: Envelope | None) -> Envelope:
    if current is None:
        return Envelope(message, slot, deadline=deadline, priority=1 if priority is None else priority)
    return Envelope(
        message,
        slot,
        deadline=min(deadline, current.deadline),
        priority=current.priority if priority is None else priority,
        trace=current.trace,
        attempt=current.attempt,
    )


def _lend(cell: Cell, envelope: Envelope, lane: Lane) -> None:
    envelope.lent = True
    delivery = cell.put(envelope, lane)
    envelope.lent = False
    if delivery is not ACCEPTED:
        _check(delivery, cell, envelope)


def _check(delivery: Delivery, cell: Cell, envelope: Envelope) -> None:
    """Raises what an ask that was not taken ends with."""
    if delivery is Delivery.DOWN:
        raise cell.down()
    if not delivery:
        raise MailboxFull(cell.path, envelope.message)


@trio.lowlevel.enable_ki_protection
async def _ask_from_outside(cell: Cell, envelope: Envelope, lane: Lane) -> Any:
    """Every ask of no handler is a checkpoint, also when nothing had to be waited for."""
    turns, slot = cell.world.turns, envelope.slot
    assert slot is not None
    await trio.lowlevel.checkpoint_if_cancelled()
    if envelope.deadline < NEVER and envelope.deadline <= cell.world.clock.now():
        raise DeadlineExceeded(cell.path)
    turn = turns.count
    _lend(cell, envelope, lane)
    try:
        if envelope.carry is not None:
            return await envelope.carry
        return slot.unwrap() if slot.state is SETTLED else await _reply(cell, slot, envelope.deadline)
    finally:
        if turns.count == turn:
            await turns.rest()


@trio.lowlevel.enable_ki_protection
async def _ask_from_handler(cell: Cell, envelope: Envelope, lane: Lane, current: Envelope, holder: Cell) -> Any:
    slot = envelope.slot
    assert slot is not None
    if holder.saturated and (names := circle(holder, cell)):
        raise Deadlock(names)
    _lend(cell, envelope, lane)
    if envelope.carry is None and slot.state is SETTLED:  # answered in this very step: nothing to wait for
        return slot.unwrap()
    waits = holder.waits  # an edge of the wait-for graph
    waits[cell] = waits.get(cell, 0) + 1
    try:
        if envelope.carry is not None:
            return await envelope.carry
        return await _reply_within(cell, slot, envelope.deadline, current.deadline)
    finally:
        _forget_edge(waits, cell)


def _reply(cell: Cell, slot: Slot, deadline: int) -> Coroutine[Any, Any, Any]:
    return slot.wait() if deadline >= NEVER else _reply_by(cell, slot, deadline)


async def _reply_by(cell: Cell, slot: Slot, deadline: int) -> Any:
    with trio.CancelScope(deadline=trio_deadline(deadline)):
        return await slot.wait()
    raise DeadlineExceeded(cell.path)


def _reply_within(cell: Cell, slot: Slot, deadline: int, kept: int) -> Coroutine[Any, Any, Any]:
    """For a handler whose own deadline `kept` others keep already: whoever does cancels it in time."""
    return _reply(cell, slot, deadline if deadline < kept else NEVER)


def _forget_edge(waits: dict[Waiter, int], cell: Cell) -> None:
    waits[cell] -= 1
    if not waits[cell]:
        del waits[cell]


def _told(cell: Cell, message: Down) -> None:
    cell.put(Envelope(message), Lane.SYSTEM)
