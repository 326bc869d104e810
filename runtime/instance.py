"""The loop that runs one incarnation of an actor."""

import math
import random
import types
from collections.abc import Callable

import trio

from callboard.messages.signals import Left
from callboard.runtime.actor import LATER, Actor, Me, Scoped
from callboard.runtime.cell import Cell
from callboard.runtime.clock import seconds
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import ActorCrashed, DeclaredError
from callboard.runtime.handlers import Handlers
from callboard.runtime.leaf import leaf
from callboard.runtime.mailbox import CONTROL, DATA, Lane
from callboard.runtime.parking import Parking
from callboard.runtime.slot import ABANDONED, SlotState

BATCH = 64
"""Messages handled in a row before other tasks get a turn."""


class Instance:
    """One incarnation at work."""

    def __init__(self, cell: Cell, factory: Callable[[], Actor], rng: random.Random) -> None:
        self._cell = cell
        self._factory = factory
        self._rng = rng
        self._actor: Actor
        self._handlers: Handlers
        self._parking = Parking()
        self._deciding = False
        self._draining = trio.CancelScope()

    async def run(self, task_status: "trio.TaskStatus[None]") -> None:
        """Live until told to stop. Raises what crashed the actor, after every ask in hand was settled."""
        cell = self._cell
        cell.stop_requested = False
        cell.mailbox.drop_own()  # what a former incarnation told itself is about work that ended with it
        try:
            async with trio.open_nursery() as nursery:
                self._handlers = Handlers(cell, nursery, self._parking.wake)
                try:
                    await self._live(nursery, task_status)
                finally:
                    await self._handlers.recall()
                nursery.cancel_scope.cancel()
            cell.finished()
        except Exception as error:
            cause = leaf(error)
            cell.crashed(cause)
            raise cause from cause.__cause__
        finally:
            cell.direct = cell.mailbox.on_ready = None

    async def _live(self, nursery: trio.Nursery, task_status: "trio.TaskStatus[None]") -> None:
        self._actor = self._factory()
        self._actor.me = Me(self._cell, nursery, self._rng)
        await self._actor.start()
        self._cell.direct = self._direct
        self._cell.mailbox.on_ready = self._ready
        task_status.started()
        with self._draining:
            await self._serve()
        with trio.move_on_after(seconds(self._cell.drain)):
            await self._actor.stop()

    async def _serve(self) -> None:
        streak = 0
        while not self._finished():
            envelope = self._next()
            if envelope is None:
                await self._parking.wait()
                streak = 0
                continue
            self._deliver(envelope)
            streak += 1
            if streak >= BATCH:
                await trio.lowlevel.checkpoint()
                streak = 0

    def _direct(self, envelope: Envelope, lane: Lane) -> bool:
        """A message has come and nothing is queued: it is handled here and now, in its sender's step.

        Whoever asks is often answered at once and need not wait for a turn of the scheduler. Nothing else changes: what
        was sent first is handled first, in the actor's own context, nobody else decides meanwhile, and what fails here
        fails in the loop.
        """
        cell, task = self._cell, self._parking.task
        if task is None or self._deciding or (lane is DATA and len(cell.running) >= cell.concurrency):
            return False
        envelope.started = began = cell.world.turns.began
        if envelope.deadline <= began:
            return False
        cell.mailbox.passed += 1
        try:
            task.context.run(self._deliver, envelope)
        except BaseException as error:
            self._parking.fail(error)
        return True

    def _ready(self) -> None:
        """Something was queued."""
        task = self._parking.task
        if task is None or self._deciding or self._cell.stop_requested:
            self._parking.wake()
            return
        try:
            task.context.run(self._catch_up)
        except BaseException as error:
            self._parking.fail(error)

    def _catch_up(self) -> None:
        for _ in range(BATCH):
            envelope = self._next()
            if envelope is None:
                break
            self._deliver(envelope)
        if self._cell.mailbox.queued:
            self._parking.wake()

    def _queue(self, envelope: Envelope) -> None:
        """For the control lane, from where nothing may be decided: inside the cancellation of a task."""
        deciding, self._deciding = self._deciding, True
        self._cell.put(envelope, CONTROL)
        self._deciding = deciding
        self._parking.wake()

    def _next(self) -> Envelope | None:
        cell = self._cell
        if not cell.mailbox.queued:
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
        self._deciding = True
        try:
            result = self._actor.receive(envelope.message, envelope)
        except DeclaredError as error:
            envelope.fail(error)
            return
        except BaseException as error:
            envelope.fail(ActorCrashed(self._cell.path, self._cell.incarnation, error))
            self._cell.crashed(error)
            raise
        finally:
            self._deciding = False
        if type(result) is Scoped:
            self._handlers.start_scoped(envelope, result)
        elif result is LATER:
            self._defer(envelope)
        elif type(result) is types.CoroutineType:
            self._handlers.start(envelope, result)
        elif envelope.slot is not None:
            envelope.reply(result)

    def _defer(self, envelope: Envelope) -> None:
        slot = envelope.slot
        if slot is None or not slot.open:
            return
        envelope.holder = self._cell
        self._cell.deferred[envelope.id] = envelope
        slot.on_end(self._deferred_ended, envelope.id)

    def _deferred_ended(self, state: SlotState, number: int) -> None:
        self._cell.deferred.pop(number, None)
        if state is ABANDONED:
            self._queue(Envelope(Left(number), own=True))
        elif self._cell.stop_requested:
            self._parking.wake()
