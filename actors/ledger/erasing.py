"""Deleting on request: an erasure goes through the whole journal, step by step, and through the sums at once.

Sums over models and days stay when a user is deleted: his rows are added to those of nobody. What he spent is kept
apart from what callers without a user spend, for a budget with a window for each user would make these pay for it.
Latency and circuits have one row for each model, so nothing of them has to go.
"""

import enum
from collections.abc import Callable

import msgspec

from callboard.actors.ledger.book import Book
from callboard.actors.ledger.journal import number_of
from callboard.actors.ledger.keeping import STEP, Page
from callboard.actors.ledger.rows import Row, key_of, total
from callboard.messages.accounting import BudgetMark, CallRow, Erase, LedgerEntry, SpendRow
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


class Progress(enum.Enum):
    """How an erasure goes on after a step."""

    UNREADABLE = enum.auto()
    """The journal cannot be read now: the same step again, later."""
    MORE = enum.auto()
    """There are more entries on disk to look at."""
    UNWRITTEN = enum.auto()
    """It has been through those on disk, and waits for those that came before it and are not there yet."""
    GIVEN_UP = enum.auto()
    """It has waited for these for too long."""
    DONE = enum.auto()
    """It is answered once its deletions are on disk."""


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

    def step(self, found: Page | None, written: int, now: int) -> tuple[list[bytes], Progress]:
        """Look at the next entries: the keys of those to delete, and how it goes on.

        `found` is what lies behind `after`, None when that cannot be read; `written` the number of the latest entry on
        disk; `now` in monotonic nanoseconds.
        """
        if found is None:
            return [], Progress.UNREADABLE
        keys = [key for key, entry in found if entry is not None and self.matches(entry)]
        self.entries += len(keys)
        if found:
            self.after = found[-1][0]
        if len(found) == STEP and number_of(self.after) < self.until:
            self.latest = now + ERASE_PATIENCE
            return keys, Progress.MORE
        if written >= self.until:
            return keys, Progress.DONE
        return keys, Progress.GIVEN_UP if now >= self.latest else Progress.UNWRITTEN


class CannotErase(DeclaredError):
    """Not everything could be looked at; the sentence says why."""


def chosen(erase: Erase) -> Callable[[LedgerEntry], bool]:
    """Whether an entry is to be erased: it has everything that is named."""

    def matches(entry: LedgerEntry) -> bool:
        return (
            (erase.user is None or getattr(entry, "user", None) == erase.user)
            and (erase.call is None or erase.call in (entry_id(entry), getattr(entry, "call", None)))
            and (erase.before is None or entry.at < erase.before)
        )

    return matches


def entry_id(entry: LedgerEntry) -> str | None:
    """The call's or attempt's own id."""
    return getattr(entry, "id", None)


def anonymous(book: Book, user: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Add a user's rows to those of nobody, or of the deleted.

    Database and key of the rows that are gone, and of those that changed.
    """
    gone: list[tuple[str, str]] = []
    changed: list[tuple[str, str]] = []
    for database, rows in book.rows.items():
        for key in [key for key, row in rows.items() if user and getattr(row, "user", "") == user]:
            gone.append((database, key))
            if isinstance(rows[key], BudgetMark):  # what a window of this user has told and forgiven is nobody's
                del rows[key]
                continue
            row = _nobodys(rows.pop(key))
            nobody = key_of(row)
            rows[nobody] = total([row, rows[nobody]] if nobody in rows else [row])
            changed.append((database, nobody))
    return gone, changed


def _nobodys(row: Row) -> SpendRow | CallRow:
    """Without its user."""
    if isinstance(row, SpendRow):
        return msgspec.structs.replace(row, user="", erased=True)
    assert isinstance(row, CallRow)
    return msgspec.structs.replace(row, user="")
