"""The ledger on disk: entries as records, rows beside them, open attempts by id. Pure but for reading."""

import hashlib
from collections.abc import Iterable
from typing import Protocol

import msgspec

from callboard.actors.ledger.book import Book
from callboard.actors.ledger.keeping import STEP, Page
from callboard.actors.ledger.rows import ROW_TYPES
from callboard.messages.accounting import AttemptOpened, AttemptSettled, LedgerEntry
from callboard.messages.storing import Operation, StoreDelete, StorePut
from callboard.runtime.calendar import Calendar

JOURNAL = "journal"
OPEN = "open"
SEQUENCE = 8
KEY_BOUND = 500
"""LMDB's keys end at 511 bytes."""

_UNREADABLE = (msgspec.MsgspecError, ValueError)
_UNWRITABLE = (msgspec.MsgspecError, ValueError, OverflowError)
_NOTHING = msgspec.msgpack.encode(None)
"""In the place of an entry that cannot be encoded, so that each entry has its own number all the same."""
_encoder = msgspec.msgpack.Encoder()
_entries: msgspec.msgpack.Decoder[LedgerEntry] = msgspec.msgpack.Decoder(LedgerEntry)


class Reading(Protocol):
    """The ledger's environment, read-only. Values come with their checksums verified, or not at all."""

    @property
    def broken(self) -> int:
        """Records met so far that cannot be read."""
        ...

    def all(self, database: str) -> list[tuple[bytes, bytes]]:
        """All keys and values in key order."""
        ...

    def page(self, database: str, limit: int, after: bytes) -> list[tuple[bytes, bytes | None]]:
        """The first keys and values after this key; None for a value that cannot be read."""
        ...

    def last_key(self, database: str) -> bytes | None:
        """The largest key."""
        ...

    def size(self, database: str) -> int:
        """Bytes of the file that its records take."""
        ...


class Journal:
    """Gives entries their place."""

    def __init__(self, last: bytes | None, written_open: Iterable[str] = ()) -> None:
        self._sequence = 0 if last is None else number_of(last)
        self._written_open = set(written_open)
        """Attempts that are open on disk, or will be after the commits underway."""
        self.lost = 0
        """Entries, and changes of rows, that could not be encoded."""

    @property
    def last(self) -> int:
        """The number of the latest entry."""
        return self._sequence

    def operations(
        self, entries: Iterable[LedgerEntry], book: Book, changed: Iterable[tuple[str, str]]
    ) -> tuple[Operation, ...]:
        """What one commit writes: the entries, the rows that changed, and which attempts are open after it.

        A row is written as the book has it now, and deleted where the book has none.
        """
        operations: list[Operation] = []
        opened: dict[str, AttemptOpened] = {}
        for entry in entries:
            self._sequence += 1
            operations.append(
                StorePut(JOURNAL, self._sequence.to_bytes(SEQUENCE, "big"), self._encoded(entry) or _NOTHING)
            )
            if isinstance(entry, AttemptOpened):
                opened[entry.id] = entry
            elif isinstance(entry, AttemptSettled):
                opened.pop(entry.id, None)
                if entry.id in self._written_open:
                    self._written_open.remove(entry.id)
                    operations.append(StoreDelete(OPEN, entry.id.encode()))
        self._written_open.update(opened)
        for id_, entry in opened.items():
            operations += self._put(OPEN, id_, entry)
        for database, key in dict.fromkeys(changed):
            row = book.rows[database].get(key)
            operations += [StoreDelete(database, row_key(key))] if row is None else self._put(database, key, (key, row))
        return tuple(operations)

    def _put(self, database: str, key: str, value: object) -> list[Operation]:
        encoded = self._encoded(value)
        return [] if encoded is None else [StorePut(database, row_key(key), encoded)]

    def _encoded(self, value: object) -> bytes | None:
        """None, and counted, when it cannot be: whoever told it is long gone, and those after it are to be written."""
        try:
            return _encoder.encode(value)
        except _UNWRITABLE:
            self.lost += 1
            return None


def load(reading: Reading, calendar: Calendar | None = None) -> tuple[Book, Journal, int]:
    """What the last process left: the book, where the journal goes on, and how many records could not be read."""
    book = Book(calendar)
    unreadable = 0
    for database, row_type in ROW_TYPES.items():
        decoder = msgspec.msgpack.Decoder(tuple[str, row_type])  # type: ignore[valid-type]
        for _, payload in reading.all(database):
            try:
                key, row = decoder.decode(payload)
            except _UNREADABLE:
                unreadable += 1
            else:
                book.rows[database][key] = row
    opened = msgspec.msgpack.Decoder(AttemptOpened)
    for _, payload in reading.all(OPEN):
        try:
            entry = opened.decode(payload)
        except _UNREADABLE:
            unreadable += 1
        else:
            book.open[entry.id] = entry
    return book, Journal(reading.last_key(JOURNAL), book.open), unreadable + reading.broken


def number_of(key: bytes) -> int:
    """The number of the entry under this key."""
    return int.from_bytes(key, "big")


def page(reading: Reading, after: bytes, limit: int = STEP) -> Page:
    """The next entries after this key."""
    return [(key, _entry(payload)) for key, payload in reading.page(JOURNAL, limit, after)]


def _entry(payload: bytes | None) -> LedgerEntry | None:
    try:
        return None if payload is None else _entries.decode(payload)
    except _UNREADABLE:
        return None


def deletions(keys: Iterable[bytes]) -> list[StoreDelete]:
    """The operations that delete the entries under these keys."""
    return [StoreDelete(JOURNAL, key) for key in keys]


def row_key(key: str) -> bytes:
    """The key under which a row is written."""
    encoded = key.encode()
    if len(encoded) <= KEY_BOUND:
        return encoded
    digest = hashlib.blake2b(encoded, digest_size=16).hexdigest().encode()
    return encoded[: KEY_BOUND - len(digest)] + digest
