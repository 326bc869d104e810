"""The handlers of one incarnation: coroutines that work for an ask, side by side.

Whoever asks waits for the answer anyway. So a handler with a scope of its actor's own runs in its asker's task when the
ask is taken up in its asker's own step: it is *lent* that task, needs none of its own, and wakes nobody to hand its
reply over. Any other handler has a task in the incarnation's nursery. When the incarnation ends, its nursery cancels
these, and those that were lent a task are recalled.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import trio

from callboard.runtime.actor import Scoped
from callboard.runtime.cell import Cell
from callboard.runtime.clock import seconds, trio_deadline
from callboard.runtime.envelope import CURRENT, Envelope
from callboard.runtime.errors import DeadlineExceeded, DeclaredError, HandlerFailed
from callboard.runtime.leaf import alone, leaf
from callboard.runtime.logs import get_logger
from callboard.runtime.slot import ABANDONED, SETTLED, SlotState

_log = get_logger("callboard.actors")


class Handlers:
    """Those that run now. `wake` is called after one has ended, when its actor may have something to do."""

    def __init__(self, cell: Cell, nursery: trio.Nursery, wake: Callable[[], None]) -> None:
        self._cell = cell
        self._nursery = nursery
        self._wake = wake
        self._lent: dict[int, trio.CancelScope] = {}
        self._returned: trio.Event | None = None

    def start(self, envelope: Envelope, work: Coroutine[Any, Any, object]) -> None:
        """Run it. The asker keeps the deadline himself, or it is kept here."""
        deadline = float("inf") if envelope.enforced else trio_deadline(envelope.deadline)
        self._start(envelope, trio.CancelScope(deadline=deadline), work)

    def start_scoped(self, envelope: Envelope, handler: Scoped) -> None:
        """Run it in its actor's scope, and in the asker's task when that is lent."""
        scope, work = handler
        if not envelope.lent:
            self._start(envelope, scope, work)
            return
        latest = trio_deadline(envelope.deadline)
        if latest < scope.deadline:  # noqa: PLR1730 - setting a scope's deadline costs more than all the rest here
            scope.deadline = latest
        envelope.holder = self._cell
        self._cell.running[envelope.id] = envelope
        self._lent[envelope.id] = scope
        envelope.carry = self._borrowed(envelope, scope, work)

    async def recall(self) -> None:
        """Cancel those that were lent a task, and wait until they have ended, no longer than the actor may drain.

        A KeyboardInterrupt can end an asker before his handler has begun or between its end and its return.
        """
        self._returned = trio.Event()
        if not self._lent:
            return
        for scope in self._lent.values():
            scope.cancel()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + seconds(self._cell.drain)):
            await self._returned.wait()

    def _start(self, envelope: Envelope, scope: trio.CancelScope, work: Coroutine[Any, Any, object]) -> None:
        if envelope.slot is not None:
            envelope.slot.on_end(_cut_for_want_of_an_asker, scope)
        envelope.holder = self._cell
        self._cell.running[envelope.id] = envelope
        self._nursery.start_soon(self._own, envelope, scope, work)

    @trio.lowlevel.enable_ki_protection
    async def _own(self, envelope: Envelope, scope: trio.CancelScope, work: Coroutine[Any, Any, object]) -> None:
        """In a task of its own."""
        CURRENT.set(envelope)
        try:
            with scope:
                envelope.reply(await work)
            self._ended(envelope, scope)
        except Exception as error:
            self._failed(envelope, leaf(error))
        finally:
            self._put_down(envelope)

    async def _borrowed(self, envelope: Envelope, scope: trio.CancelScope, work: Coroutine[Any, Any, object]) -> object:
        """In the asker's task; the reply is for him. A cancelled asker leaves once his handler has."""
        asking, slot = CURRENT.get(), envelope.slot
        assert slot is not None
        CURRENT.set(envelope)
        try:
            with scope:
                envelope.reply(await work)
            self._ended(envelope, scope)
        except Exception as error:
            self._failed(envelope, leaf(error))
        except BaseException as error:
            if self._left(envelope, error):
                await trio.lowlevel.checkpoint_if_cancelled()
            with alone():
                raise
        finally:
            CURRENT.set(asking)
            self._give_back(envelope.id)
            self._put_down(envelope)
        return slot.unwrap() if slot.state is SETTLED else await slot.wait()

    def _ended(self, envelope: Envelope, scope: trio.CancelScope) -> None:
        if scope.cancelled_caught and self._returned is None:
            envelope.fail(DeadlineExceeded(self._cell.path))

    def _put_down(self, envelope: Envelope) -> None:
        cell = self._cell
        if not envelope.unanswered:  # one that was cut stays in hand: whoever ends this incarnation says why
            cell.running.pop(envelope.id, None)
        if cell.stop_requested or cell.mailbox.queued:
            self._wake()

    def _give_back(self, number: int) -> None:
        del self._lent[number]
        if self._returned is not None and not self._lent:
            self._returned.set()

    def _left(self, envelope: Envelope, error: BaseException) -> bool:
        """The asker leaves. Whether he was cancelled, and that came as a group: then he is to get it alone.

        A bug that came with it is the actor's.
        """
        assert envelope.slot is not None
        bug = error.split(trio.Cancelled)[1] if isinstance(error, BaseExceptionGroup) else error
        if isinstance(bug, Exception):
            self._failed(envelope, leaf(bug))
        envelope.slot.abandon()
        return bug is None or isinstance(bug, Exception)

    def _failed(self, envelope: Envelope, cause: BaseException) -> None:
        if isinstance(cause, DeclaredError):
            envelope.fail(cause)
            return
        self._cell.handler_failures += 1
        self._cell.last_error = type(cause).__name__
        envelope.fail(HandlerFailed(self._cell.path, cause))
        _log.error("%s: %s failed with %s", self._cell.path, type(envelope.message).__name__, type(cause).__name__)


def _cut_for_want_of_an_asker(state: SlotState, scope: trio.CancelScope) -> None:
    if state is ABANDONED:
        scope.cancel()
