"""One look at what is too old, or too much: what goes out of the book, and what is to be done on the disk."""

import math

from callboard.actors.ledger.book import Book
from callboard.actors.ledger.journal import JOURNAL, SEQUENCE, Journal, deletions
from callboard.actors.ledger.keeping import DAY, STEP, Keep
from callboard.actors.ledger.oldest import Oldest
from callboard.actors.ledger.outbox import Outbox
from callboard.actors.ledger.trimming import Trimming
from callboard.messages.accounting import LedgerEntry
from callboard.messages.storing import StoreDelete, StorePut
from callboard.testing.records import settled

NOW = 100 * DAY


class Disk:
    """The journal as it was written, read-only."""

    broken = 0

    def __init__(self, *entries: LedgerEntry) -> None:
        written = Journal(None).operations(entries, Book(), ())
        puts = [one for one in written if isinstance(one, StorePut) and one.database == JOURNAL]
        self.entries: list[tuple[bytes, bytes | None]] = [(one.key, one.value) for one in puts]

    def all(self, database: str) -> list[tuple[bytes, bytes]]:
        raise NotImplementedError

    def page(self, database: str, limit: int, after: bytes) -> list[tuple[bytes, bytes | None]]:
        return [pair for pair in self.entries if pair[0] > after][:limit]

    def last_key(self, database: str) -> bytes | None:
        raise NotImplementedError

    def size(self, database: str) -> int:
        return len(self.entries)


def trimming(book: Book, *entries: LedgerEntry, keep: Keep, room: float = math.inf, counted: float = 0.0) -> Trimming:
    outbox = Outbox()
    outbox.take_over(len(entries))
    return Trimming(book, Oldest(lambda: Disk(*entries), outbox, room), keep, counted)


def filled(*entries: LedgerEntry) -> Book:
    one = Book()
    for entry in entries:
        one.apply(entry)
    return one


def keys(*numbers: int) -> list[bytes]:
    return [number.to_bytes(SEQUENCE, "big") for number in numbers]


def test_a_step_takes_rows_that_are_too_old_out_of_the_book_and_has_them_deleted_with_the_entries() -> None:
    old, new = settled(at=NOW - 50 * DAY), settled(at=NOW, model="new")
    book = filled(old, new)
    found = trimming(book, old, new, keep=Keep(entries=10, usage=20)).step(NOW, full=False)
    (row,) = [one for one in found.drops if one.database == "spend"]
    assert found.drops == [*deletions(keys(1)), row]
    assert (found.changed, found.more) == ([], False)
    assert [one.model for one in book.report(0).spend] == ["new"]


def test_where_no_commit_finds_room_or_the_journal_has_more_than_its_own_the_oldest_go_whatever_their_age() -> None:
    young = [settled(at=NOW) for _ in range(STEP + 1)]
    for room, full in ((math.inf, True), (STEP, False)):
        one = trimming(Book(), *young, keep=Keep(), room=room)
        found = one.step(NOW, full=full)
        assert (len(found.drops), found.more) == (STEP, True)
        assert one.step(NOW, full=full) == (deletions(keys(STEP + 1)), [], False)
    assert trimming(Book(), *young, keep=Keep()).step(NOW, full=False) == ([], [], False)


def test_a_day_of_too_many_rows_is_added_up_to_its_end_though_few_enough_are_left_before() -> None:
    book = filled(*(settled(at=NOW - 50 * DAY, tag=str(number)) for number in range(STEP + 5)))
    one = trimming(book, keep=Keep(rows=10))
    sizes = [(len(found.changed), found.more) for found in (one.step(NOW, full=False) for _ in range(3))]
    assert sizes == [(STEP + 1, True), (5 + 1, True), (0, False)]
    assert [(row.summed, row.attempts) for row in book.report(0).spend] == [(True, STEP + 5)]


def test_after_a_day_of_just_so_many_rows_as_a_step_adds_up_the_next_day_is_looked_at_soon() -> None:
    days = (60, STEP), (50, 20)
    book = filled(*(settled(at=NOW - ago * DAY, tag=str(number)) for ago, many in days for number in range(many)))
    one = trimming(book, keep=Keep(rows=10))
    assert [one.step(NOW, full=False).more for _ in range(4)] == [True, True, True, False]
    assert [row.attempts for row in book.report(0).spend] == [STEP, 20]


def test_no_row_is_added_up_that_a_budget_counts() -> None:
    book = filled(*(settled(at=NOW - 50 * DAY, tag=str(number)) for number in range(99)))
    assert trimming(book, keep=Keep(rows=10), counted=60).step(NOW, full=False) == ([], [], False)
    assert trimming(book, keep=Keep(rows=10), counted=40).step(NOW, full=False).changed != []


def test_what_is_to_be_deleted_of_a_row_is_at_the_place_where_it_is_written() -> None:
    old = settled(at=NOW - 50 * DAY, model="m" * 600)
    book, journal = filled(), Journal(None)
    written = journal.operations([old], book, book.apply(old))
    found = trimming(book, keep=Keep(usage=20)).step(NOW, full=False)
    assert {StoreDelete(one.database, one.key) for one in written if one.database == "spend"} == set(found.drops)
