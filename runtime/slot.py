"""The place where one reply goes.

A slot is settled once or abandoned once, whichever comes first; every later attempt is refused and says so. So a
cancelled asker can never kill the actor that answers, and a late reply is noticed instead of lost.
"""

import enum
from collections.abc import Callable

import outcome
import trio


class SlotState(enum.Enum):
    """Where a slot stands."""

    OPEN = "open"
    SETTLED = "settled"
    ABANDONED = "abandoned"


class Slot:
    """A one-shot reply between two tasks of one Trio run. One task may wait."""

    __slots__ = ("_on_end", "_outcome", "_task", "state")

    def __init__(self) -> None:
        self.state = SlotState.OPEN
        self._outcome: outcome.Value[object] | outcome.Error | None = None
        self._task: trio.lowlevel.Task | None = None
        self._on_end: Callable[[SlotState], None] | None = None

    @property
    def open(self) -> bool:
        """Whether a reply would still be taken."""
        return self.state is SlotState.OPEN

    def on_end(self, callback: Callable[[SlotState], None] | None) -> None:
        """Call this synchronously when the slot is settled or abandoned; None forgets it."""
        self._on_end = callback

    def settle(self, value: object) -> bool:
        """Give the reply. False when it comes too late."""
        return self._end(outcome.Value(value))

    def fail(self, error: BaseException) -> bool:
        """Give an error in place of a reply. False when it comes too late."""
        return self._end(outcome.Error(error))

    def abandon(self) -> bool:
        """The asker leaves. False when the slot was settled or abandoned before."""
        if self.state is not SlotState.OPEN:
            return False
        self.state = SlotState.ABANDONED
        self._task = None
        self._ended()
        return True

    def unwrap(self) -> object:
        """The reply, or its error raised, of a slot that is settled."""
        assert self._outcome is not None
        return self._outcome.unwrap()

    async def wait(self) -> object:
        """The reply, or its error raised. Cancelling the wait abandons the slot; a settled reply is never lost.

        Raises RuntimeError when the slot was abandoned, or when another task waits already.
        """
        if self._outcome is not None:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return self._outcome.unwrap()
        if self.state is SlotState.ABANDONED or self._task is not None:
            raise RuntimeError("a reply is waited for by one task, and not after it was abandoned")
        self._task = trio.lowlevel.current_task()

        def leave(_: object) -> trio.lowlevel.Abort:
            self.abandon()
            return trio.lowlevel.Abort.SUCCEEDED

        return await trio.lowlevel.wait_task_rescheduled(leave)

    def _end(self, result: "outcome.Value[object] | outcome.Error") -> bool:
        if self.state is not SlotState.OPEN:
            return False
        self.state = SlotState.SETTLED
        self._outcome = result
        task, self._task = self._task, None
        if task is not None:
            trio.lowlevel.reschedule(task, result)
        self._ended()
        return True

    def _ended(self) -> None:
        callback, self._on_end = self._on_end, None
        if callback is not None:
            callback(self.state)

    def __repr__(self) -> str:
        return f"Slot({self.state.value})"
