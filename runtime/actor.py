"""What an author writes: one class an actor.

An actor changes its state in `receive` and nowhere else. `receive` is synchronous, so no cancellation can tear the
state, and it returns one of these:

- the reply to an ask (None for a tell);
- LATER, when the ask is settled some other time with `envelope.reply(...)`;
- a coroutine, for everything that waits. It runs as a task of its own under the actor's bound on concurrency, its
  result is the reply, and what it finds out it reports by message;
- Scoped, a coroutine inside a cancel scope of the actor's own making, which it may move and cancel.

An exception in `receive` restarts the actor. One in a coroutine ends only its own ask.
"""

import enum
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, TypeVarTuple

import trio

from callboard.messages.base import Tell
from callboard.messages.events import Event
from callboard.runtime.cell import Cell
from callboard.runtime.clock import trio_deadline
from callboard.runtime.envelope import CURRENT, Envelope, Message
from callboard.runtime.mailbox import CONTROL
from callboard.runtime.ref import Ref

Ts = TypeVarTuple("Ts")


class Later(enum.Enum):
    """Returned by `receive` when the reply comes later."""

    LATER = "later"


LATER = Later.LATER


class Scoped(NamedTuple):
    """A handler whose cancel scope the actor keeps, so that a limit of its own costs no second scope.

    It runs in the task of its asker when that one is there to lend it (see handlers), else in one of its own; so it
    must end soon once it is cancelled, and not shield itself. When its own limit has cancelled it, and not its asker,
    it catches what that raises (see leaf.cancelled) and returns its answer without waiting for anything more. The ask's
    own deadline is up to the actor.
    """

    scope: trio.CancelScope
    work: Coroutine[Any, Any, object]


class Me:
    """What an incarnation knows of itself and may do."""

    def __init__(self, cell: Cell, nursery: trio.Nursery, rng: random.Random) -> None:
        self._cell = cell
        self._nursery = nursery
        self.ref = Ref(cell)
        self.random = rng
        self.now = cell.world.clock.now
        """Monotonic nanoseconds."""
        self.utc = cell.world.clock.utc
        """UTC nanoseconds."""

    @property
    def incarnation(self) -> int:
        """1 for the first life, one more for each restart."""
        return self._cell.incarnation

    @property
    def queued(self) -> int:
        """Messages in the actor's own data lanes: sent, and not received yet."""
        return self._cell.mailbox.data_queued

    def publish(self, snapshot: object) -> None:
        """Let others read this without asking. It must be immutable; readers may run in another thread."""
        self._cell.snapshot = snapshot

    def emit(self, event: Event) -> None:
        """Tell whoever watches the runtime what happened."""
        self._cell.world.emit(event)

    def report(self, message: Tell) -> None:
        """Tell oneself, ahead of the data lane: how a handler hands its findings to the next decide step."""
        self._cell.put(Envelope(message, own=True), CONTROL)

    def at(self, when: int, message: Tell) -> trio.CancelScope:
        """Report this message at `when` (monotonic nanoseconds), unless the returned scope is cancelled before."""
        scope = trio.CancelScope()
        self._nursery.start_soon(self._alarm, scope, when, message)
        return scope

    def spawn(self, task: Callable[[*Ts], Awaitable[object]], *args: *Ts) -> None:
        """Run a background task for as long as this incarnation lives; its failure is the actor's.

        It works for no ask: the deadline and trace of a handler that starts it do not travel on.
        """
        self._nursery.start_soon(_in_background, task, *args)

    def finish(self) -> None:
        """End normally once what is in hand is done."""
        self._cell.request_stop()

    @trio.lowlevel.enable_ki_protection
    async def _alarm(self, scope: trio.CancelScope, when: int, message: Tell) -> None:
        with scope:
            await trio.sleep_until(trio_deadline(when))
            self.report(message)


@trio.lowlevel.enable_ki_protection
async def _in_background(task: Callable[[*Ts], Awaitable[object]], *args: *Ts) -> None:
    CURRENT.set(None)
    await task(*args)


class Actor:
    """The base of all actors: one incarnation's behaviour and state. A restart makes a new one from its factory."""

    me: Me

    async def start(self) -> None:
        """Before the first message: get ready, or raise to say that the start failed."""

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Decide; see the top of this file."""
        raise NotImplementedError(f"{type(self).__name__} receives nothing")

    async def stop(self) -> None:
        """After the last message: a last chance to write something down. Not called after a crash."""
