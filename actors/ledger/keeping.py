"""How long the ledger keeps what, and what goes on request. Pure.

Entries of the journal go by their age, rows by their day. Sums over models and days stay when a user is deleted: his
rows are added to those of nobody. What he spent is kept apart from what callers without a user spend, for a budget with
a window for each user would make these pay for it. Latency and circuits have one row for each model, so nothing of them
has to go.

All rows are in memory, and whoever names each job with a tag of its own would fill it: of more rows than are kept those
of the oldest days are added up, over all tags and users.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from callboard.actors.ledger.book import Book, Row
from callboard.messages.accounting import BudgetMark, CallRow, Erase, LedgerEntry, SpendRow

DAY = 86_400_000_000_000
STEP = 512
"""Entries, and rows, that one step looks at."""
NAMED = ("spend", "calls")
"""Databases with a row for each tag and user."""


class Keep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how many days each kind is kept, and how much of it."""

    entries: float = 90.0
    """Of the journal: attempts, calls, changes of circuits."""
    usage: float = 730.0
    """Sums by day; longer where a budget has a longer window."""
    rows: int = 100_000
    """Sums by day, tag and user, of attempts and of calls each; of more than these those of the oldest days are added
    up, but for days that a budget counts by tag or user. One takes some 1,300 bytes of memory.
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
        for (
            key,
            row,
        ) in rows.items():  # in the order of their days, but for sums and a clock that went back
            day = _day(row.starts) if isinstance(row, BudgetMark) else getattr(row, "day", first)
            if day > last:
                continue
            if day >= first or len(found) >= STEP:
                break
            found.append((database, key))
    return found


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
            rows[nobody] = _sum(row, rows.get(nobody))
            changed.append((database, nobody))
    return gone, changed


def add_up(book: Book, most: int, before: int, now: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Of more than `most` rows add up those by tag and user of the oldest days before a moment (UTC nanoseconds), at
    most STEP of each database.

    Database and key of the rows that are gone, and of those that changed.
    """
    first, last = _day(before), _day(now + DAY)
    gone: list[tuple[str, str]] = []
    changed: list[tuple[str, str]] = []
    for database in NAMED:
        rows = book.rows[database]
        for key in _oldest(rows, min(STEP, len(rows) - most), first, last):
            row, together = _without_names(key, rows.pop(key))
            rows[together] = _sum(row, rows.get(together))
            gone.append((database, key))
            changed.append((database, together))
    return gone, changed


def _oldest(rows: dict[str, Row], number: int, first: str, last: str) -> list[str]:
    """The keys of rows that have a tag or a user, of days before the first that is to be kept."""
    found: list[str] = []
    for key, row in rows.items():
        if not isinstance(row, SpendRow | CallRow) or row.day > last or not (row.tag or row.user):
            continue
        if row.day >= first or len(found) >= number:
            break
        found.append(key)
    return found


def _without_names(key: str, row: Row) -> tuple[Row, str]:
    assert isinstance(row, SpendRow | CallRow)
    nobody = key.removesuffix(f"{len(row.tag)}|{row.tag}|{row.user}") + "0||"
    if isinstance(row, CallRow):
        return msgspec.structs.replace(row, tag="", user=""), nobody
    return msgspec.structs.replace(row, tag="", user="", summed=True, erased=False), of_all(nobody)


def of_all(key: str) -> str:
    """Beside the keys of nobody's spending and of the deleted's."""
    day, _, account = key.partition("|")
    return f"{day}|||{account.removeprefix('|')}"


def of_the_deleted(key: str) -> str:
    """Beside the key of nobody's spending: no account is named with nothing, so no other row has it."""
    return key.replace("|", "||", 1)


def _sum(row: Row, other: Row | None) -> Row:
    if other is None:
        return row
    names = row.__struct_fields__
    return msgspec.structs.replace(
        row, **{name: _added(name, getattr(row, name), getattr(other, name)) for name in names}
    )


def _added(name: str, one: Any, other: Any) -> Any:
    match name:
        case "starts":
            return min(one, other)
        case "ends":
            return max(one, other)
        case _:
            return one if isinstance(one, str | bool) else one + other
