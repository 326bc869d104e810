"""How long the ledger keeps what, and what goes on request. Pure.

Entries of the journal go by their age, rows by their day. Sums over models and days stay when a user is deleted: his
rows are added to those of nobody. What he spent is kept apart from what callers without a user spend, for a budget with
a window for each user would make these pay for it. Latency and circuits have one row for each model, so nothing of them
has to go.

All rows are in memory, and whoever names each job with a tag of its own would fill it: of more rows than are kept those
of the oldest days are added up over all tags and users, a whole day at a time, so that what is left of a day by tag or
user is all of it, and its calls and its money name the same.
"""

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeGuard

import msgspec

from callboard.actors.ledger.book import Book, Row
from callboard.messages.accounting import BudgetMark, CallRow, Erase, LedgerEntry, SpendRow
from callboard.runtime.calendar import EVER

DAY = 86_400_000_000_000
STEP = 512
"""Entries, and rows, that one step looks at."""
NAMED = ("spend", "calls")
"""Databases with a row for each tag and user."""
LATELY = 33.0
"""Days after which a month is over. So many days' rows are not added up yet, so that a budget by month that is new or
changed counts what was spent before.
"""
CROWD = 4
"""Times as many rows as are kept, from which on they are all the same."""


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
    first, last = _day(before), _day(now + DAY)  # no zone's day is further ahead
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
        return _day(mark.at) < _day(before)
    return mark.starts < now - int(LATELY * DAY) or _day(mark.starts) < _day(before)


def _day(at: int) -> str:
    return datetime.fromtimestamp(max(0, at) // 1_000_000_000, UTC).date().isoformat()


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
            row = msgspec.structs.replace(rows.pop(key), user="")
            nobody = key.removesuffix(user)
            if isinstance(row, SpendRow):
                row, nobody = msgspec.structs.replace(row, erased=True), of_the_deleted(nobody)
            rows[nobody] = _sum([row, rows[nobody]] if nobody in rows else [row])
            changed.append((database, nobody))
    return gone, changed


def overfull(book: Book, most: int, spared: int, needed: int, now: int) -> str | None:
    """The first day with rows by tag and user, if there are more than `most` of these.

    Unless it is not before `spared`, and they are no crowd yet, or not before `needed` (UTC nanoseconds).
    """
    if sum(len(book.rows[database]) for database in NAMED) <= most:
        return None
    named = sum(_naming(book.rows[database].values()) for database in NAMED)
    if named <= most:
        return None
    first, last = _day(needed if named > CROWD * most else spared), _day(now + DAY)
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
        chosen = list(itertools.islice(_named(rows, day, _day(now + DAY)), STEP))
        sums: dict[str, list[Row]] = {}
        for key in chosen:
            row, together = _of_all(key, rows[key])
            sums.setdefault(together, []).append(row)
        for together, parts in sums.items():
            rows[together] = _sum([*parts, rows[together]] if together in rows else parts)
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


def _of_all(key: str, row: Row) -> tuple[Row, str]:
    """Without its tag and user, and the key of such a row: beside those of nobody's and of the deleted's."""
    assert isinstance(row, SpendRow | CallRow)
    day, _, account = key.removesuffix(f"{len(row.tag)}|{row.tag}|{row.user}").partition("|")
    nobody = {"tag": "", "user": "", "summed": True}
    if isinstance(row, SpendRow):
        nobody["erased"] = False
    return msgspec.structs.replace(row, **nobody), f"{day}|||{account.removeprefix('|')}0||"


def of_the_deleted(key: str) -> str:
    """Beside the key of nobody's spending: no account is named with nothing, so no other row has it."""
    return key.replace("|", "||", 1)


def _sum(parts: list[Row]) -> Row:
    first = parts[0]
    names = first.__struct_fields__
    return msgspec.structs.replace(
        first, **{name: _added(name, [getattr(row, name) for row in parts]) for name in names}
    )


def _added(name: str, values: list[Any]) -> Any:
    match name:
        case "starts":
            return min(values)
        case "ends":
            return max(values)
        case _:
            return values[0] if isinstance(values[0], str | bool) else functools.reduce(operator.add, values)
