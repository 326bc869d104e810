"""How long the ledger keeps what: entries of the journal go by their age, rows by their day. Pure."""

import math
from datetime import UTC, datetime

import msgspec

from callboard.actors.ledger.book import Book
from callboard.messages.accounting import BudgetMark, LedgerEntry
from callboard.messages.settings import numbers
from callboard.runtime.calendar import EVER

DAY = 86_400_000_000_000
STEP = 512
"""Entries, and rows, that one step looks at."""
LATELY = 33.0
"""Days after which a month is over. So many days' rows are not added up yet, so that a budget by month that is new or
changed counts what was spent before.
"""


class Keep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how many days each kind is kept, and how much of it."""

    entries: float = 90.0
    """Of the journal: attempts, calls, changes of circuits."""
    usage: float = 730.0
    """Sums by day; longer where a budget has a longer window."""
    rows: int = 100_000
    """Sums by day, tag and user, of some 1,300 bytes of memory each. Of more than these whole days are added up over
    all tags and users, the oldest first: not the latest 33 until there are four times as many, and none that a budget
    counts by tag or user.
    """

    def __post_init__(self) -> None:
        numbers(self)
        if not (0 < self.entries < math.inf and 0 < self.usage < math.inf):
            raise ValueError("`entries` and `usage` are numbers of days above 0")
        if not isinstance(self.rows, int) or self.rows < 0:
            raise ValueError("`rows` is a whole number, 0 or more")


KEEP = Keep()
Page = list[tuple[bytes, LedgerEntry | None]]
"""Keys and entries in order; None is one that cannot be read."""


def aged(page: Page, before: int, now: int) -> list[bytes]:
    """The keys at the head of a page that are older than a moment (UTC nanoseconds).

    With the unreadable among them, and those dated ahead of time, by a clock that was put right since.
    """
    last = 0
    for place, (_, entry) in enumerate(page, 1):
        if entry is None or entry.at > now:
            continue
        if entry.at >= before:
            break
        last = place
    return [key for key, _ in page[:last]]


def dated_ahead(page: Page, now: int) -> bool:
    """Whether all of a page that can be read is."""
    return all(entry is None or entry.at > now for _, entry in page)


def aged_rows(book: Book, before: int, now: int) -> list[tuple[str, str]]:
    """Database and key of at most STEP rows whose day ended before a moment (UTC nanoseconds)."""
    first, last = day_of(before), day_of(now + DAY)  # no zone's day is further ahead
    found: list[tuple[str, str]] = []
    for database, rows in book.rows.items():
        for key, row in rows.items():  # by day, but for what was added up, or dated by a clock that went back
            if isinstance(row, BudgetMark):
                if len(found) < STEP and _over(row, before, now):
                    found.append((database, key))
                continue
            day = getattr(row, "day", first)
            if day > last:
                continue
            if day >= first or len(found) >= STEP:
                break
            found.append((database, key))
    return found


def _over(mark: BudgetMark, before: int, now: int) -> bool:
    """Whether its window has ended; one that never does is over once its mark is older than sums may be."""
    if mark.starts == EVER.starts:
        return day_of(mark.at) < day_of(before)
    return mark.starts < now - int(LATELY * DAY) or day_of(mark.starts) < day_of(before)


def day_of(at: int) -> str:
    """The date in UTC of a moment in nanoseconds."""
    return datetime.fromtimestamp(max(0, at) // 1_000_000_000, UTC).date().isoformat()
