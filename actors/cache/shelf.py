"""What is on the cache's shelf: which entry is where, how much there is, what goes when it is full.

Database `entries` maps a cache key to its entry, preceded by the 8 bytes of its sequence number; `order` maps sequence
numbers, oldest first, to keys. The oldest go first when the shelf is full. An entry that is written again gets a new
number.

What is handed to the store is written a little later, or in a crisis not at all. So the shelf itself remembers the
latest entries and up to where it has cleared, and counts anew whenever all that it handed over has been written. A
cache that cannot be read is an empty one.
"""

import math
from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec

from callboard.actors.cache.recent import Recent
from callboard.messages.caching import Entry
from callboard.messages.storing import Operation, StoreDelete, StorePut
from callboard.runtime.storage.errors import StorageError

T = TypeVar("T")

ENTRIES = "entries"
ORDER = "order"
SEQUENCE = 8
EVICTED_AT_ONCE = 256
"""Entries that one new entry may push off: a shelf whose bound was lowered shrinks in steps."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the cache may hold, and for how long."""

    max_entries: int = 1_000_000
    max_age: float = 86_400.0
    """Seconds."""
    max_reply: int = 1_048_576
    """Bytes of one reply; a larger one is not kept."""

    def __post_init__(self) -> None:
        if self.max_entries < 1 or self.max_reply < 1 or not 0 < self.max_age < math.inf:
            raise ValueError("`max_entries`, `max_age` (seconds) and `max_reply` (bytes) are numbers above 0")


class Reading(Protocol):
    """The cache's environment, read-only. Values come with their checksums verified, or not at all."""

    def get(self, database: str, key: bytes) -> bytes | None:
        """The value, or None."""
        ...

    def first(self, database: str, limit: int, after: bytes) -> list[tuple[bytes, bytes]]:
        """The first pairs after this key, in key order."""
        ...

    def last_key(self, database: str) -> bytes | None:
        """The largest key."""
        ...

    def count(self, database: str) -> int:
        """How many there are."""
        ...


class Shelf:
    """Reads entries, and says which operations keep one. `reading` gives the environment as it is open now."""

    def __init__(self, reading: Callable[[], Reading], bounds: Bounds) -> None:
        self._reading = reading
        self._bounds = bounds
        self._decoder = msgspec.msgpack.Decoder(Entry)
        self._encoder = msgspec.msgpack.Encoder()
        self._recent = Recent()
        now = reading()
        self._sequence = _number(now.last_key(ORDER))
        self._count = now.count(ENTRIES)
        self._cleared = 0
        """All entries up to this number are gone, whatever is still written."""

    def __len__(self) -> int:
        return self._count

    def get(self, key: bytes, max_age: int, now: int) -> Entry | None:
        """The entry under this key, unless it is older than `max_age` nanoseconds or cannot be read."""
        entry = self._recent.get(key) or self._written(key)
        if entry is None:
            return None
        limit = min(max_age, int(self._bounds.max_age * 1e9))
        return entry if now - entry.stored <= limit else None

    def keep(self, key: bytes, entry: Entry) -> tuple[Operation, ...]:
        """The operations that put this entry on the shelf, and take the oldest off where there is no room.

        One that cannot be kept takes off what was there before.
        """
        self._count_anew()
        payload = self._encoded(entry)
        operations = self._take_off(key)
        self._sequence += 1
        if payload is None:
            return tuple(operations)
        operations += self._make_room()
        self._count += 1
        sequence = _bytes(self._sequence)
        operations.append(StorePut(ENTRIES, key, sequence + payload))
        operations.append(StorePut(ORDER, sequence, key))
        self._recent.put(key, entry, self._sequence, len(payload))
        return tuple(operations)

    def clear(self) -> tuple[int, tuple[Operation, ...]]:
        """How many entries there are, and the operations that drop them all."""
        operations = [
            operation
            for number, key in self._oldest(self._sequence)
            for operation in (StoreDelete(ENTRIES, key), StoreDelete(ORDER, _bytes(number)))
        ]
        self._recent.clear()
        self._sequence += 1
        dropped, self._count, self._cleared = self._count, 0, self._sequence
        return dropped, tuple(operations)

    def _written(self, key: bytes) -> Entry | None:
        blob = self._look(lambda reading: reading.get(ENTRIES, key), None)
        if blob is None or _number(blob[:SEQUENCE]) <= self._cleared:
            return None
        try:
            return self._decoder.decode(blob[SEQUENCE:])
        except (msgspec.MsgspecError, ValueError):
            return None

    def _encoded(self, entry: Entry) -> bytes | None:
        """None for an entry that is too large, or holds what cannot be written, such as an integer of 70 bits."""
        try:
            payload = self._encoder.encode(entry)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return None
        return payload if len(payload) <= self._bounds.max_reply else None

    def _number_of(self, key: bytes) -> int | None:
        """The sequence number under which this key's entry stands; None when there is none."""
        number = self._recent.sequence(key)
        if number is None:
            blob = self._look(lambda reading: reading.get(ENTRIES, key), None)
            number = 0 if blob is None else _number(blob[:SEQUENCE])
        return number if number > self._cleared else None

    def _take_off(self, key: bytes) -> list[Operation]:
        number = self._number_of(key)
        if number is None:
            return []
        self._recent.drop(key)
        self._count -= 1
        return [StoreDelete(ENTRIES, key), StoreDelete(ORDER, _bytes(number))]

    def _make_room(self) -> list[Operation]:
        operations: list[Operation] = []
        excess = min(EVICTED_AT_ONCE, self._count + 1 - self._bounds.max_entries)
        while excess > 0 and (oldest := self._oldest(excess)):
            for number, key in oldest:
                if self._number_of(key) == number:
                    operations += self._take_off(key)
                    excess -= 1
                else:  # it was written again since, and is not the oldest
                    operations.append(StoreDelete(ORDER, _bytes(number)))
                self._cleared = number
        return operations

    def _oldest(self, limit: int) -> list[tuple[int, bytes]]:
        """Sequence numbers and keys, from the first that is not cleared; those not yet written come last."""
        after = _bytes(self._cleared)
        nothing: list[tuple[bytes, bytes]] = []
        written = self._look(lambda reading: reading.first(ORDER, limit, after), nothing)
        found = [(_number(sequence), key) for sequence, key in written]
        last = found[-1][0] if found else self._cleared
        return [*found, *self._recent.after(last)][:limit]

    def _count_anew(self) -> None:
        """Nothing is underway when the last number given is the last one written."""
        if self._look(lambda reading: reading.last_key(ORDER), None) == _bytes(self._sequence):
            self._count = self._look(lambda reading: reading.count(ENTRIES), self._count)
            self._cleared = 0

    def _look(self, query: Callable[[Reading], T], otherwise: T) -> T:
        try:
            return query(self._reading())
        except StorageError:
            return otherwise


def _bytes(number: int) -> bytes:
    return number.to_bytes(SEQUENCE, "big")


def _number(sequence: bytes | None) -> int:
    return int.from_bytes(sequence or b"", "big")
