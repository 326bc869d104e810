"""What surrounds a message on its way: who asks, until when, and where the reply goes."""

import itertools
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import msgspec

from callboard.messages.base import Ask, Tell
from callboard.runtime.clock import NEVER
from callboard.runtime.slot import Slot

if TYPE_CHECKING:
    from callboard.runtime.cell import Cell

Message = Tell | Ask[Any]


class Envelope(msgspec.Struct, eq=False):
    """One message underway. `slot` is None for a tell."""

    message: Message
    slot: Slot | None = None
    deadline: int = NEVER
    priority: int = 1
    trace: str | None = None
    attempt: int = 0
    own: bool = False
    """Whether the actor tells itself; nobody misses that once this incarnation is gone."""
    enforced: bool = False
    """Whether the asker itself leaves at the deadline."""
    lent: bool = False
    """Whether the asker is here in this step, and its task may carry the handler."""
    carry: Coroutine[Any, Any, Any] | None = None
    """The handler that the asker's task is to carry; its result is the reply."""
    holder: "Cell | None" = None
    """The cell that has it in hand: its handler runs it, or it was kept for later."""
    started: int = 0
    """When it was taken up, in monotonic nanoseconds."""
    id: int = msgspec.field(default_factory=itertools.count(1).__next__)

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
