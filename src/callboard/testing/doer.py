"""An actor that does whatever a message says, for tests of everything around actors."""

from collections.abc import Callable
from typing import Any, TypeAlias

from callboard.messages.base import Ask, Tell
from callboard.runtime.actor import Actor
from callboard.runtime.envelope import Envelope, Message

Work: TypeAlias = "Callable[[Doer, Envelope], object]"
"""What `receive` does with the message: it may return a value, LATER or a coroutine, or raise."""


class Do(Ask[Any], frozen=True):
    """Ask for the result of this work."""

    work: Work


class Note(Tell, frozen=True):
    """Have this work done."""

    work: Work


class Doer(Actor):
    """Does it, and keeps the other messages that it receives."""

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.kept: list[Envelope] = []
        """For work that wants to answer later."""

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Do what a Do or a Note says."""
        if isinstance(message, Do | Note):
            return message.work(self, envelope)
        self.received.append(message)
        return None
