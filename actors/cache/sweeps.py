"""Forgetting under way: a sweep looks through the whole list, step by step."""

from collections.abc import Callable

import msgspec

from callboard.actors.cache.place import Place
from callboard.actors.cache.shelf import Swept
from callboard.messages.base import Tell
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import ActorError


class Sweep(msgspec.Struct):
    """One ask to forget, and how far it has come. What is kept after it was asked stays."""

    envelope: Envelope
    wanted: Callable[[Place], bool]
    until: int
    """The number of the latest entry when it began."""
    after: int = 0
    dropped: int = 0


class SweptOn(Tell, frozen=True):
    """The cache's own report on one step: its operations are written, or why not."""

    sweep: int
    swept: Swept
    error: ActorError | None
