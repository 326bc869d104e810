"""What the runtime itself tells an actor."""

from callboard.messages.base import Tell


class Left(Tell, frozen=True):
    """The asker of a deferred ask has left: forget it, and take back what was set aside for it."""

    envelope: int
    """The id of the ask's envelope."""


class Down(Tell, frozen=True):
    """A watched actor is gone for good. Sent exactly once a watch."""

    path: str
    why: str
