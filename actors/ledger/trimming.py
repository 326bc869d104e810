"""Looking for what is older than it is kept, and for what is too much, one small step at a time.

Of the journal the oldest entries go, of the rows those of the oldest days; of too many rows by tag and user whole days
are added up.
"""

from typing import NamedTuple

from callboard.actors.ledger.adding_up import add_up, overfull
from callboard.actors.ledger.book import Book
from callboard.actors.ledger.journal import deletions, row_key
from callboard.actors.ledger.keeping import DAY, LATELY, STEP, Keep, aged_rows
from callboard.actors.ledger.oldest import Oldest
from callboard.messages.storing import StoreDelete


class Trimmed(NamedTuple):
    """What one step has found."""

    drops: list[StoreDelete]
    changed: list[tuple[str, str]]
    """Database and key of rows that were added up, or came of that."""
    more: bool
    """Whether there may be more to find."""


class Trimming:
    """Takes what is to go out of the book; whoever calls it has the same done on the disk.

    For `counted` days at the most a budget counts by tag or user; 0 where none does.
    """

    def __init__(self, book: Book, oldest: Oldest, keep: Keep, counted: float) -> None:
        self._book = book
        self._oldest = oldest
        self._keep = keep
        self._counted = int(counted * DAY)
        self._adding_up: str | None = None
        """The day that is being added up."""

    def step(self, now: int, *, full: bool) -> Trimmed:
        """Look once, at `now` in UTC nanoseconds. `full`: no commit finds room, so the oldest go whatever their age."""
        keys, more = self._entries(now, full)
        rows = aged_rows(self._book, now - int(self._keep.usage * DAY), now)
        for database, key in rows:
            del self._book.rows[database][key]
        changed, many = self._add_up(now)
        drops = [*deletions(keys), *(StoreDelete(database, row_key(key)) for database, key in rows)]
        return Trimmed(drops, changed, more=more or many or len(rows) == STEP)

    def _entries(self, now: int, full: bool) -> tuple[list[bytes], bool]:
        if full or self._oldest.crowded:
            return self._oldest.any_age()
        return self._oldest.aged(now - int(self._keep.entries * DAY), now)

    def _add_up(self, now: int) -> tuple[list[tuple[str, str]], bool]:
        """Rows by tag and user of the oldest day, if there are too many; and whether there were."""
        day = self._adding_up or self._overfull(now)
        if day is None:
            return [], False
        gone, changed = add_up(self._book, day, now)
        self._adding_up = day if len(gone) >= STEP else None
        return [*gone, *changed], True

    def _overfull(self, now: int) -> str | None:
        spared = now - int(LATELY * DAY)
        needed = now - self._counted if self._counted else now + 2 * DAY  # no zone's day is further ahead
        return overfull(self._book, self._keep.rows, min(needed, spared), needed, now)
