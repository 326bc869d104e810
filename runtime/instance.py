"""The loop that runs one incarnation of an actor."""

import logging
import math
import random
import types
from collections.abc import Callable, Coroutine
from typing import Any

import outcome
import trio

from callboard.messages.signals import Left
from callboard.runtime.actor import Actor, Later, Me, Scoped
from callboard.runtime.cell import Cell
from callboard.runtime.clock import seconds, trio_deadline
from callboard.runtime.envelope import CURRENT, Envelope
from callboard.runtime.errors import ActorCrashed, DeadlineExceeded, DeclaredError, HandlerFailed
from callboard.runtime.leaf import leaf
from callboard.runtime.lent import Lent
from callboard.runtime.mailbox import Lane
from callboard.runtime.slot import SlotState

BATCH = 64
"""Messages handled in a row before other tasks get a turn."""

_log = logging.getLogger("callboard.actors")


class Instance:
    """One incarnation at work."""

    def __init__(self, cell: Cell, factory: Callable[[], Actor], rng: random.Random) -> None:
        self._cell = cell
        self._factory = factory
        self._rng = rng
        self._actor: Actor
        self._nursery: trio.Nursery
        self._parked: trio.lowlevel.Task | None = None
        """The loop's task while it waits for messages, or was woken and has not gone on yet."""
        self._woken = False
        self._failure: BaseException | None = None
        """What failed in a sender's step after the loop was woken."""
        self._deciding = False
        self._turn = -1
        self._draining = trio.CancelScope()
        self._lent = Lent()

    async def run(self, task_status: "trio.TaskStatus[None]") -> None:
        """Live until told to stop. Raises what crashed the actor, after every ask in hand was settled."""
        self._cell.stop_requested = False
        try:
            async with trio.open_nursery() as self._nursery:
                try:
                    await self._live(task_status)
                finally:
                    await self._lent.recall()
                self._nursery.cancel_scope.cancel()
            self._cell.finished()
        except Exception as error:
            cause = leaf(error)
            self._cell.crashed(cause)
            raise cause from cause.__cause__
        finally:
            self._cell.mailbox.on_ready = None

    async def _live(self, task_status: "trio.TaskStatus[None]") -> None:
        self._actor = self._factory()
        self._actor.me = Me(self._cell, self._nursery, self._rng)
        await self._actor.start()
        self._cell.mailbox.on_ready = self._ready
        task_status.started()
        with self._draining:
            await self._serve()
        await self._finish()

    async def _serve(self) -> None:
        streak = 0
        while not self._finished():
            envelope = self._next()
            if envelope is None:
                await self._wait()
                streak = 0
                continue
            self._deliver(envelope)
            streak += 1
            if streak >= BATCH:
                await trio.lowlevel.checkpoint()
                streak = 0

    def _ready(self, asked: bool) -> None:
        """A message has come. Asks, and the first tell in a turn of the scheduler, are handled here, by their sender.

        Whoever asks is often answered at once and need not wait for a turn. Of tells, where much is going on, all but
        the first are handled in one go when the loop comes round, or before the next ask. Nothing else changes: the
        message has passed through the mailbox in its order, it is handled in the actor's own context, nobody else
        decides meanwhile, and what fails here fails in the loop.
        """
        task, turn = self._parked, self._cell.world.turns.count
        if task is None or self._deciding or self._cell.stop_requested or (turn == self._turn and not asked):
            self._wake()
            return
        self._turn = turn
        try:
            task.context.run(self._handle_now)
        except BaseException as error:
            self._parked, self._failure = None, error
            if not self._woken:
                trio.lowlevel.reschedule(task)

    def _handle_now(self) -> None:
        for _ in range(BATCH):
            envelope = self._next()
            if envelope is None:
                break
            self._deliver(envelope)
        if not self._cell.mailbox.empty:
            self._wake()

    def _queue(self, envelope: Envelope) -> None:
        """For the control lane, from where nothing may be decided: inside the cancellation of a task."""
        deciding, self._deciding = self._deciding, True
        self._cell.put(envelope, Lane.CONTROL)
        self._deciding = deciding
        self._wake()

    async def _finish(self) -> None:
        with trio.move_on_after(seconds(self._cell.drain)):
            await self._actor.stop()

    def _next(self) -> Envelope | None:
        cell = self._cell
        if cell.mailbox.empty:
            return None
        now = cell.world.clock.now()
        envelope = cell.mailbox.get(now, data=not cell.saturated)
        if envelope is not None:
            envelope.started = now
        return envelope

    def _finished(self) -> bool:
        cell = self._cell
        if not cell.stop_requested:
            return False
        if self._draining.deadline == math.inf:
            self._draining.deadline = trio.current_time() + seconds(cell.drain)
        return not (len(cell.mailbox) or cell.running or cell.deferred)

    def _deliver(self, envelope: Envelope) -> None:
        result = self._decide(envelope)
        if isinstance(result, types.CoroutineType):
            self._start_handler(envelope, Scoped(_scope(envelope), result))
        elif isinstance(result, Scoped) and envelope.lent:
            self._lend_handler(envelope, result)
        elif isinstance(result, Scoped):
            self._start_handler(envelope, result)
        elif result is Later.LATER:
            self._defer(envelope)
        elif envelope.slot is not None:
            envelope.reply(result)

    def _decide(self, envelope: Envelope) -> object:
        self._deciding = True
        try:
            return self._actor.receive(envelope.message, envelope)
        except DeclaredError as error:
            envelope.fail(error)
            return None
        except BaseException as error:
            envelope.fail(ActorCrashed(self._cell.path, self._cell.incarnation, error))
            self._cell.crashed(error)
            raise
        finally:
            self._deciding = False

    def _defer(self, envelope: Envelope) -> None:
        slot = envelope.slot
        if slot is None or not slot.open:
            return
        envelope.holder = self._cell
        deferred = self._cell.deferred
        deferred[envelope.id] = envelope

        def ended(state: SlotState) -> None:
            deferred.pop(envelope.id, None)
            if state is SlotState.ABANDONED:
                self._queue(Envelope(Left(envelope.id), own=True))
            elif self._cell.stop_requested:
                self._wake()

        slot.on_end(ended)

    def _start_handler(self, envelope: Envelope, handler: Scoped) -> None:
        scope, work = handler
        envelope.holder = self._cell
        self._cell.running[envelope.id] = envelope
        if envelope.slot is not None:
            envelope.slot.on_end(lambda state: scope.cancel() if state is SlotState.ABANDONED else None)
        self._nursery.start_soon(self._handle, envelope, scope, work)

    def _lend_handler(self, envelope: Envelope, handler: Scoped) -> None:
        envelope.holder = self._cell
        self._cell.running[envelope.id] = envelope
        self._lent.add(envelope.id, handler.scope)
        envelope.carry = self._carry(envelope, *handler)

    async def _carry(self, envelope: Envelope, scope: trio.CancelScope, work: Coroutine[Any, Any, object]) -> object:
        """The handler in its asker's task, and its reply. A cancelled asker leaves once the handler has."""
        slot, asking = envelope.slot, CURRENT.get()
        assert slot is not None
        try:
            await self._handle(envelope, scope, work)
        except BaseException:
            slot.abandon()
            self._cell.running.pop(envelope.id, None)
            raise
        finally:
            CURRENT.set(asking)
            self._lent.remove(envelope.id)
        if slot.state is SlotState.SETTLED:
            return slot.unwrap()
        return await slot.wait()  # it was recalled: whoever ends this incarnation says why

    async def _handle(self, envelope: Envelope, scope: trio.CancelScope, work: Coroutine[Any, Any, object]) -> None:
        CURRENT.set(envelope)
        try:
            with scope:
                envelope.reply(await work)
            if scope.cancelled_caught and not self._lent.recalled:
                envelope.fail(DeadlineExceeded(self._cell.path))
        except Exception as error:
            self._failed(envelope, leaf(error))
        finally:
            if not envelope.unanswered:  # one that was cut stays in hand: whoever ends this incarnation says why
                self._cell.running.pop(envelope.id, None)
            if not self._cell.mailbox.empty or self._cell.stop_requested:
                self._wake()

    def _failed(self, envelope: Envelope, cause: BaseException) -> None:
        if isinstance(cause, DeclaredError):
            envelope.fail(cause)
            return
        self._cell.handler_failures += 1
        self._cell.last_error = type(cause).__name__
        envelope.fail(HandlerFailed(self._cell.path, cause))
        _log.error("%s: %s failed with %s", self._cell.path, type(envelope.message).__name__, type(cause).__name__)

    async def _wait(self) -> None:
        self._parked = trio.lowlevel.current_task()

        def leave(_: object) -> trio.lowlevel.Abort:
            self._parked = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(leave)
        self._parked, self._woken = None, False
        if self._failure is not None:
            raise self._failure

    def _wake(self) -> None:
        if self._parked is not None and not self._woken:
            self._woken = True
            trio.lowlevel.reschedule(self._parked)


def _scope(envelope: Envelope) -> trio.CancelScope:
    """For a handler that has none of its own: the asker keeps the deadline himself, or it is kept here."""
    if envelope.enforced:
        return trio.CancelScope()
    return trio.CancelScope(deadline=trio_deadline(envelope.deadline))
