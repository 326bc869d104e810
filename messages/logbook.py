"""What is said to the logbook, and by it."""

from callboard.messages.base import Ask, Tell, Veiled
from callboard.messages.calls import Outcome
from callboard.messages.request import Work


class LogCall(Tell, frozen=True, kw_only=True):
    """Keep what was asked in this call and what came of it."""

    call: str
    at: int
    """UTC nanoseconds."""
    request: Work
    outcome: Outcome


class LogRecord(Veiled, frozen=True, kw_only=True):
    """One call, word by word, less what was to be left out."""

    call: str
    at: int
    """UTC nanoseconds."""
    user: str | None
    tag: str | None
    request: str
    """JSON; cut where it would be too long."""
    reply: str | None
    """JSON; None when there was none."""
    fault: str | None
    """Why there was none."""


class ReadLog(Ask[LogRecord | None], frozen=True):
    """What was kept of a call; None when nothing was."""

    call: str


class LogWritten(Tell, frozen=True):
    """The logbook's own report on what it wrote: whether the records are there, and whether the others have gone."""

    written: bool
    dropped: bool
