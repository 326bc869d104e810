"""The supervision tree at one moment, as data."""

from typing import Any, Literal

import msgspec


class MailboxStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one mailbox; counts since the start."""

    queued: int
    waiting: int
    accepted: int
    delivered: int
    skipped: int
    dropped: int
    refused: int


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One actor, supervisor or attempt."""

    path: str
    kind: Literal["supervisor", "actor", "attempt"]
    status: str
    incarnation: int = 0
    running: int = 0
    """Handlers at work."""
    deferred: int = 0
    """Asks kept to be answered later."""
    mailbox: MailboxStatus | None = None
    failed: int = 0
    """Handlers that ended with an error that they do not declare, since the start."""
    late: int = 0
    """Replies to asks that were over."""
    last_error: str | None = None
    """The name of the latest failure's type."""
    facts: dict[str, Any] | None = None
    """What the actor published for status, such as its circuits and limits."""
    children: "tuple[NodeStatus, ...]" = ()


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """A handler that keeps the event loop from turning."""

    path: str
    message: str
    """The name of the type of the message in hand."""
    seconds: float
    """How long it has been at it."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The whole runtime at one moment."""

    taken: int
    """UTC nanoseconds."""
    pid: int
    version: str
    uptime: float
    """Seconds."""
    tree: NodeStatus
    dead_letters: dict[str, int]
    clock_behind: float = 0.0
    """Seconds by which the wall clock was set back: dates stand still until it has caught up."""
    blocked: Blocked | None = None

    def __str__(self) -> str:
        from callboard.messages.drawing import drawing

        return drawing(self)
