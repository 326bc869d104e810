"""The place where one reply goes.

A slot is settled once or abandoned once, whichever comes first; every later attempt is refused and says so. So a
cancelled asker can never kill the actor that answers, and a late reply is noticed instead of lost.
"""

import enum
from collections.abc import Callable
from typing import Any, Final

import msgspec
import outcome
import trio


class SlotState(enum.Enum):
    """Where a slot stands."""

    OPEN = "open"
    SETTLED = "settled"
    ABANDONED = "abandoned"


OPEN: Final = SlotState.OPEN
SETTLED: Final = SlotState.SETTLED
ABANDONED: Final = SlotState.ABANDONED
"""Short for the members, and quick: Python 3.11 takes a microsecond to look up each `SlotState.OPEN`."""


_TAKEN = object()
"""In place of an error that has been raised."""


class Slot(msgspec.Struct, eq=False):
    """A one-shot reply between two tasks of one Trio run. One task may wait."""

    state: SlotState = OPEN
    _value: object = None
    _error: BaseException | None = None
    _task: trio.lowlevel.Task | None = None
    _on_end: Callable[[SlotState, Any], None] | None = None
    _about: Any = None

    @property
    def open(self) -> bool:
        """Whether a reply would still be taken."""
        return self.state is OPEN

    def on_end(self, callback: Callable[[SlotState, Any], None] | None, about: Any = None) -> None:
        """Call this synchronously with the state and `about` when the slot is settled or abandoned; None forgets it.

        Not with a closure, whose cells the garbage collector would have to look at as well for each ask that waits.
        """
        self._on_end = callback
        self._about = about

    def settle(self, value: object) -> bool:
        """Give the reply. False when it comes too late."""
        if self.state is not OPEN:
            return False
        self._value = value
        self.state = SETTLED
        if self._task is not None:
            self._wake(outcome.Value(value))
        if self._on_end is not None:
            self._ended()
        return True

    def fail(self, error: BaseException) -> bool:
        """Give an error in place of a reply. False when it comes too late."""
        if self.state is not OPEN:
            return False
        self._error = error
        self.state = SETTLED
        if self._task is not None:
            self._take_error()
            self._wake(outcome.Error(error))
        self._ended()
        return True

    def abandon(self) -> bool:
        """The asker leaves. False when the slot was settled or abandoned before."""
        if self.state is not OPEN:
            return False
        self.state = ABANDONED
        self._task = None
        self._ended()
        return True

    def unwrap(self) -> Any:
        """The reply, or its error raised, of a slot that is settled. An error can be taken once: it holds, by its
        traceback, those who hold the slot, and both would be kept until the garbage collector comes.
        """
        if self._error is None:
            if self._value is _TAKEN:
                raise RuntimeError("the error that this ask ended with was raised before")
            return self._value
        error = self._error
        self._take_error()
        try:
            raise error
        finally:
            del error

    @trio.lowlevel.enable_ki_protection
    async def wait(self) -> object:
        """The reply, or its error raised. Cancelling the wait abandons the slot; a settled reply is never lost.

        Raises RuntimeError when the slot was abandoned, or when another task waits already.
        """
        if self.state is SETTLED:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return self.unwrap()
        if self.state is ABANDONED or self._task is not None:
            raise RuntimeError("a reply is waited for by one task, and not after it was abandoned")
        self._task = trio.lowlevel.current_task()
        return await trio.lowlevel.wait_task_rescheduled(self._leave)

    def _leave(self, _: object) -> trio.lowlevel.Abort:
        self.abandon()
        return trio.lowlevel.Abort.SUCCEEDED

    def _wake(self, told: outcome.Value[object] | outcome.Error) -> None:
        assert self._task is not None
        trio.lowlevel.reschedule(self._task, told)
        self._task = None

    def _take_error(self) -> None:
        self._error, self._value = None, _TAKEN

    def _ended(self) -> None:
        callback, about = self._on_end, self._about
        self._on_end = self._about = None
        if callback is not None:
            callback(self.state, about)

    def __repr__(self) -> str:
        return f"Slot({self.state.value})"
