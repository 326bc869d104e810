"""All rows are in memory, and whoever names each job with a tag of its own would fill it. Pure.

Of more rows than are kept those of the oldest days are added up over all tags and users, a whole day at a time, so that
what is left of a day by tag or user is all of it, and its calls and its money name the same.
"""

import itertools
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, TypeGuard

import msgspec

from callboard.actors.ledger.book import Book
from callboard.actors.ledger.keeping import DAY, STEP, day_of
from callboard.actors.ledger.rows import Row, key_of, total
from callboard.messages.accounting import CallRow, SpendRow

NAMED = ("spend", "calls")
"""Databases with a row for each tag and user."""
CROWD = 4
"""Times as many rows as are kept, from which on they are all the same."""


def overfull(book: Book, most: int, spared: int, needed: int, now: int) -> str | None:
    """The first day with rows by tag and user, if there are more than `most` of these.

    Unless it is not before `spared`, and they are no crowd yet, or not before `needed` (UTC nanoseconds).
    """
    if sum(len(book.rows[database]) for database in NAMED) <= most:
        return None
    named = sum(_naming(book.rows[database].values()) for database in NAMED)
    if named <= most:
        return None
    first, last = day_of(needed if named > CROWD * most else spared), day_of(now + DAY)
    for database in NAMED:
        days = (row.day for row in book.rows[database].values() if _names_somebody(row))
        day = next((day for day in days if day <= last), None)
        if day is not None and day < first:
            return day
    return None


def _naming(rows: Iterable[Any]) -> int:
    """As `_names_somebody`, three times as fast: there may be a hundred thousand."""
    return sum(1 for row in rows if row.tag or row.user)


def add_up(book: Book, day: str, now: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Add up a day's rows over all tags and users: at most STEP of each database at once.

    Database and key of the rows that are gone, and of those that changed.
    """
    gone: list[tuple[str, str]] = []
    changed: list[tuple[str, str]] = []
    for database in NAMED:
        rows = book.rows[database]
        chosen = list(itertools.islice(_named(rows, day, day_of(now + DAY)), STEP))
        sums: dict[str, list[Row]] = {}
        for key in chosen:
            row = _of_all(rows[key])
            sums.setdefault(key_of(row), []).append(row)
        for together, parts in sums.items():
            rows[together] = total([*parts, rows[together]] if together in rows else parts)
        for key in chosen:
            del rows[key]
        gone += [(database, key) for key in chosen]
        changed += [(database, together) for together in sums]
    return gone, changed


def _named(rows: dict[str, Row], day: str, last: str) -> Iterator[str]:
    """The keys of a day's rows by tag and user. Those of the day after it may be among them, later ones are not."""
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    for key, row in rows.items():
        if not _names_somebody(row) or row.day > last:
            continue
        if row.day > following:
            return
        if row.day == day:
            yield key


def _names_somebody(row: Row) -> TypeGuard[SpendRow | CallRow]:
    return isinstance(row, SpendRow | CallRow) and bool(row.tag or row.user)


def _of_all(row: Row) -> SpendRow | CallRow:
    """Without its tag and user."""
    if isinstance(row, SpendRow):
        return msgspec.structs.replace(row, tag="", user="", summed=True, erased=False)
    assert isinstance(row, CallRow)
    return msgspec.structs.replace(row, tag="", user="", summed=True)
