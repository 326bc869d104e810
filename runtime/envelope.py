"""What surrounds a message on its way: who asks, until when, and where the reply goes."""

import itertools
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from callboard.messages.base import Ask, Tell
from callboard.runtime.clock import NEVER
from callboard.runtime.slot import Slot

if TYPE_CHECKING:
    from callboard.runtime.cell import Cell

Message = Tell | Ask[Any]

PRIORITIES = {"critical": 0, "normal": 1, "background": 2}
"""Data lanes in the order in which they are served."""

_ids = itertools.count(1)


class Envelope:
    """One message underway. `slot` is None for a tell."""

    __slots__ = (
        "attempt",
        "carry",
        "deadline",
        "enforced",
        "holder",
        "id",
        "lent",
        "message",
        "own",
        "priority",
        "slot",
        "started",
        "trace",
    )

    def __init__(
        self,
        message: Message,
        slot: Slot | None = None,
        *,
        deadline: int = NEVER,
        priority: int = 1,
        trace: str | None = None,
        attempt: int = 0,
        own: bool = False,
    ) -> None:
        self.id = next(_ids)
        self.message = message
        self.slot = slot
        self.deadline = deadline
        self.priority = priority
        self.trace = trace
        self.attempt = attempt
        self.own = own
        """Whether the actor tells itself; nobody misses that once the actor is gone."""
        self.enforced = False
        """Whether the asker itself leaves at the deadline."""
        self.lent = False
        """Whether the asker is here in this step, and its task may carry the handler."""
        self.carry: Coroutine[Any, Any, object] | None = None
        """The handler that the asker's task is to carry; its result is the reply."""
        self.holder: Cell | None = None
        """The cell that has it in hand: its handler runs it, or it was kept for later."""
        self.started = 0

    @property
    def unanswered(self) -> bool:
        """Whether this is an ask whose asker still waits."""
        return self.slot is not None and self.slot.open

    @property
    def abandoned(self) -> bool:
        """Whether this was an ask whose asker has left or has been answered."""
        return self.slot is not None and not self.slot.open

    def reply(self, value: object) -> bool:
        """Settle the ask. False for a tell and for a reply that comes too late, which its holder counts."""
        if self.slot is None or self.slot.settle(value):
            return self.slot is not None
        if self.holder is not None:
            self.holder.late_replies += 1
        return False

    def fail(self, error: BaseException) -> bool:
        """Settle the ask with an error. False for a tell and for an error that comes too late."""
        return self.slot is not None and self.slot.fail(error)

    def __repr__(self) -> str:
        kind = "tell" if self.slot is None else f"ask {self.slot.state.value}"
        return f"Envelope({self.id}, {type(self.message).__name__}, {kind})"


CURRENT: ContextVar[Envelope | None] = ContextVar("callboard_current_envelope", default=None)
"""The ask or tell whose handler is running in this task: deadline, trace and priority travel on from it."""
