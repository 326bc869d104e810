from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.actors.ledger.book import Book
from callboard.actors.ledger.journal import JOURNAL, KEY_BOUND, OPEN, Journal, load, page
from callboard.actors.ledger.rows import ROW_TYPES
from callboard.messages.accounting import AttemptOpened, AttemptSettled, CallEnded, CircuitRecord, LedgerEntry
from callboard.messages.storing import Operation, StoreDelete, StorePut
from callboard.messages.usage import Apart, Usage, apart

names = st.text("ab|é漢 ", max_size=4)
counts = st.integers(0, 99)
aparts = st.builds(apart, audio_output=counts, cache_write_1h=counts)
usages = st.builds(Usage, input=counts, output=counts, apart=st.none() | aparts)
costs = st.one_of(st.none(), st.decimals(0, 10, places=6))
times = st.integers(0, 2**62)
ids = st.sampled_from(["a", "b", "c"])
entries: st.SearchStrategy[LedgerEntry] = st.one_of(
    st.builds(AttemptOpened, id=ids, provider=names, model=names, at=times, estimate=usages, estimated_cost=costs),
    st.builds(
        AttemptSettled,
        id=ids,
        provider=names,
        model=names,
        at=times,
        usage=usages,
        cost=costs,
        duration=times,
        first_token=st.none(),
    ),
    st.builds(
        CallEnded, at=times, attempts=st.integers(0, 9), usage=usages, cost=costs, tag=names, user=names, duration=times
    ),
    st.builds(CircuitRecord, provider=names, key=names, at=times, retry_at=times, openings=st.integers(0, 9)),
)


class Disk:
    """What was committed."""

    def __init__(self) -> None:
        self.databases: dict[str, dict[bytes, bytes]] = {name: {} for name in (JOURNAL, OPEN, *ROW_TYPES)}
        self.broken = 0

    def commit(self, operations: tuple[Operation, ...]) -> None:
        for operation in operations:
            database = self.databases[operation.database]
            if isinstance(operation, StorePut):
                assert 0 < len(operation.key) <= 511
                database[operation.key] = operation.value
            elif isinstance(operation, StoreDelete):
                database.pop(operation.key, None)

    def all(self, database: str) -> list[tuple[bytes, bytes]]:
        return sorted(self.databases[database].items())

    def page(self, database: str, limit: int, after: bytes) -> list[tuple[bytes, bytes | None]]:
        pairs: list[tuple[bytes, bytes | None]] = [(key, value) for key, value in self.all(database) if key > after]
        return pairs[:limit]

    def size(self, database: str) -> int:
        return sum(map(len, self.databases[database].values()))

    def last_key(self, database: str) -> bytes | None:
        return max(self.databases[database], default=None)


def write(disk: Disk, book: Book, journal: Journal, *group: LedgerEntry) -> None:
    changed = [row for entry in group for row in book.apply(entry)]
    disk.commit(journal.operations(group, book, changed))


def settled(model: str = "m", id_: str = "a") -> AttemptSettled:
    return AttemptSettled(
        id=id_,
        call="c",
        provider="p",
        model=model,
        at=0,
        outcome="ok",
        fault=None,
        usage=Usage(input=1),
        cost=Decimal(1),
        estimated=False,
        duration=1,
    )


def opened(id_: str = "a") -> AttemptOpened:
    return AttemptOpened(id=id_, call="c", provider="p", model="m", at=0, estimate=Usage(), estimated_cost=None)


@settings(max_examples=60)
@given(groups=st.lists(st.lists(entries, max_size=6), min_size=1, max_size=6))
def test_whatever_was_committed_is_there_after_a_restart(groups: list[list[LedgerEntry]]) -> None:
    disk = Disk()
    book, journal, _ = load(disk)
    for number, group in enumerate(groups):
        write(disk, book, journal, *group)
        again, later, skipped = load(disk)
        assert (again.rows, again.open, skipped) == (book.rows, book.open, 0)
        if number % 2:
            book, journal = again, later
    kept = [msgspec.msgpack.decode(blob, type=LedgerEntry) for _, blob in disk.all(JOURNAL)]
    assert kept == [entry for group in groups for entry in group]


def without(members: dict[str, Any]) -> bytes:
    """As it was written when nothing was counted apart."""
    usage = {name: tokens for name, tokens in members["usage"].items() if name != "apart"}
    return msgspec.msgpack.encode(members | {"usage": usage})


def test_what_was_written_before_anything_was_counted_apart_is_read_and_added_to() -> None:
    disk = Disk()
    write(disk, Book(), Journal(None), settled("m", "a"))
    for database in (JOURNAL, *ROW_TYPES):
        for key, blob in disk.all(database):
            members = msgspec.msgpack.decode(blob)
            if "usage" in members:
                disk.databases[database][key] = without(members)
    book, journal, skipped = load(disk)
    assert (book.report(0).usage, skipped) == (Usage(input=1), 0)
    said = Usage(input=2, apart=Apart(audio_output=3))
    write(disk, book, journal, msgspec.structs.replace(settled("m", "b"), usage=said))
    again, _, skipped = load(disk)
    assert (again.report(0).usage, skipped) == (Usage(input=3, apart=Apart(audio_output=3)), 0)


def test_an_attempt_that_opens_and_ends_in_one_group_is_never_written_as_open() -> None:
    book, journal = Book(), Journal(None)
    group = (opened("a"), settled(id_="a"), opened("b"))
    operations = journal.operations(group, book, [row for entry in group for row in book.apply(entry)])
    touched = [(type(operation), operation.key) for operation in operations if operation.database == OPEN]
    assert touched == [(StorePut, b"b")]


def test_each_row_is_written_once_a_group() -> None:
    book, journal = Book(), Journal(None)
    group = [settled() for _ in range(9)]
    operations = journal.operations(group, book, [row for entry in group for row in book.apply(entry)])
    assert sorted(operation.database for operation in operations if operation.database not in (JOURNAL, OPEN)) == [
        "latency",
        "spend",
    ]


def test_the_journal_goes_on_where_it_ended() -> None:
    disk = Disk()
    for _ in range(3):
        book, journal, _ = load(disk)
        write(disk, book, journal, settled(), settled())
    assert [int.from_bytes(key, "big") for key, _ in disk.all(JOURNAL)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("length", [1, 400, KEY_BOUND, 5_000])
@pytest.mark.parametrize("letter", ["m", "é", "漢"])
def test_names_of_any_length_have_rows_of_their_own(length: int, letter: str) -> None:
    disk = Disk()
    book, journal, _ = load(disk)
    models = [letter * length, letter * length + "x", letter * length + "y"]
    write(disk, book, journal, *[settled(model) for model in models])
    again, _, skipped = load(disk)
    assert {row.model for row in again.report(0).models} == set(models)
    assert skipped == 0


@pytest.mark.parametrize("database", [*ROW_TYPES, OPEN])
def test_a_record_that_cannot_be_read_is_skipped_and_counted(database: str) -> None:
    disk = Disk()
    book, journal, _ = load(disk)
    write(disk, book, journal, settled(), opened("b"))
    disk.databases[database][b"0 rubbish"] = b"\xc1\xff"
    disk.databases[database][b"1 another shape"] = msgspec.msgpack.encode({"version": 2})
    disk.databases[database][b"2 text that is none"] = b"\x92\xa1\xff\x80"
    disk.broken = 5
    again, _, skipped = load(disk)
    assert skipped == 8
    assert (again.rows, again.open) == (book.rows, book.open)


@given(blob=st.binary(max_size=30))
def test_no_record_keeps_the_ledger_from_starting(blob: bytes) -> None:
    disk = Disk()
    for database in (*ROW_TYPES, OPEN):
        disk.databases[database][b"k"] = blob
    load(disk)


def test_what_cannot_be_encoded_is_lost_and_counted_and_keeps_nothing_else_from_disk() -> None:
    disk = Disk()
    book, journal, _ = load(disk)
    huge = msgspec.structs.replace(settled("huge"), usage=Usage(input=2**64))
    write(disk, book, journal, settled("before"), huge, settled("after"))
    again, later, skipped = load(disk)
    assert {row.model for row in again.report(0).models} == {"before", "after"}
    assert [entry is not None for _, entry in page(disk, b"")] == [True, False, True]
    assert (journal.lost, skipped, later.last) == (2, 0, 3)  # the entry and the day's row


def test_a_row_that_changed_and_is_gone_is_deleted() -> None:
    disk, book, journal = Disk(), Book(), Journal(None)
    write(disk, book, journal, settled("m"), settled("n"))
    (key, *_) = book.rows["spend"]
    del book.rows["spend"][key]
    disk.commit(journal.operations((), book, [("spend", key)]))
    assert load(disk)[0].rows == book.rows
