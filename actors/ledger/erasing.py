"""Deleting on request, under way: an erasure goes through the whole journal, step by step."""

from collections.abc import Callable

import msgspec

from callboard.messages.accounting import LedgerEntry
from callboard.messages.base import Tell
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import DeclaredError

ERASE_PAUSE = ns(0.005)
ERASE_PATIENCE = ns(60)
"""For which an erasure waits for entries that cannot be written, once it has been through those that are."""
NOT_WRITTEN = "what was recorded last could not be written within a minute, and so is not yet deleted"


class EraseOn(Tell, frozen=True):
    """The ledger's own alarm: the next step of an erasure."""

    erasure: int


class Erasure(msgspec.Struct):
    """One ask to delete, and how far it has come."""

    envelope: Envelope
    matches: Callable[[LedgerEntry], bool]
    until: int
    """The number of the latest entry when it began, be it on disk or not yet."""
    rows: int
    latest: int
    """When it gives up, in monotonic nanoseconds."""
    after: bytes = b""
    entries: int = 0


class CannotErase(DeclaredError):
    """Not everything could be looked at; the sentence says why."""
