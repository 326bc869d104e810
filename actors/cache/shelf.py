"""What is on the cache's shelf: which entry is where, how much there is, what goes when it is full. Pure.

Database `entries` maps a cache key to its entry, preceded by the 8 bytes of its sequence number; `order` maps sequence
numbers, oldest first, to keys. The oldest go first when the shelf is full.
"""

from typing import Protocol

import msgspec

from callboard.messages.caching import Entry
from callboard.messages.storing import Operation, StoreDelete, StorePut

RECENT = 256
RECENT_BYTES = 8 * 1024 * 1024
ENTRIES = "entries"
ORDER = "order"
SEQUENCE = 8


class Bounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the cache may hold, and for how long."""

    max_entries: int = 1_000_000
    max_age: float = 86_400.0
    """Seconds."""
    max_reply: int = 1_048_576
    """Bytes of one reply; a larger one is not kept."""

    def __post_init__(self) -> None:
        if self.max_entries < 1 or self.max_age <= 0 or self.max_reply < 1:
            raise ValueError("a cache needs max_entries, max_age and max_reply above 0")


class Reading(Protocol):
    """The cache's environment, read-only. Values come with their checksums verified, or not at all."""

    def get(self, database: str, key: bytes) -> bytes | None:
        """The value, or None."""
        ...

    def first(self, database: str, limit: int) -> list[tuple[bytes, bytes]]:
        """The first pairs in key order."""
        ...

    def last_key(self, database: str) -> bytes | None:
        """The largest key."""
        ...

    def count(self, database: str) -> int:
        """How many there are."""
        ...


class Recent:
    """The latest entries, which may not have been written yet: whoever asks again at once must find them."""

    def __init__(self) -> None:
        self._entries: dict[bytes, tuple[Entry, bytes, int]] = {}
        self._bytes = 0

    def get(self, key: bytes) -> Entry | None:
        """The entry under this key."""
        found = self._entries.get(key)
        return None if found is None else found[0]

    def sequence(self, key: bytes) -> bytes | None:
        """The sequence number under which this key was last written."""
        found = self._entries.get(key)
        return None if found is None else found[1]

    def put(self, key: bytes, entry: Entry, sequence: bytes, size: int) -> None:
        """Remember one more, and forget the oldest where it is too much."""
        self._drop(key)
        self._entries[key] = (entry, sequence, size)
        self._bytes += size
        while len(self._entries) > RECENT or self._bytes > RECENT_BYTES:
            self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()
        self._bytes = 0

    def _drop(self, key: bytes) -> None:
        dropped = self._entries.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped[2]


class Shelf:
    """Reads entries, and says which operations keep one."""

    def __init__(self, reading: Reading, bounds: Bounds) -> None:
        self._reading = reading
        self._bounds = bounds
        self._decoder = msgspec.msgpack.Decoder(Entry)
        self._encoder = msgspec.msgpack.Encoder()
        self._recent = Recent()
        last = reading.last_key(ORDER)
        self._sequence = 0 if last is None else int.from_bytes(last, "big")
        self._count = reading.count(ENTRIES)

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
        """The operations that put this entry on the shelf, and take the oldest off where there is no room."""
        payload = self._encoder.encode(entry)
        if len(payload) > self._bounds.max_reply:
            return ()
        operations: list[Operation] = []
        former = self._former(key)
        self._count = self._reading.count(ENTRIES)
        if former is not None:
            operations.append(StoreDelete(ORDER, former))
        else:
            operations.extend(self._make_room())
        self._sequence += 1
        sequence = self._sequence.to_bytes(SEQUENCE, "big")
        operations.append(StorePut(ENTRIES, key, sequence + payload))
        operations.append(StorePut(ORDER, sequence, key))
        self._recent.put(key, entry, sequence, len(payload))
        return tuple(operations)

    def clear(self) -> tuple[int, tuple[Operation, ...]]:
        """How many entries there are, and the operations that drop them all."""
        everything = self._reading.first(ORDER, self._count + 1)
        operations = [
            operation
            for sequence, key in everything
            for operation in (StoreDelete(ENTRIES, key), StoreDelete(ORDER, sequence))
        ]
        self._recent.clear()
        dropped, self._count = self._count, 0
        return dropped, tuple(operations)

    def _written(self, key: bytes) -> Entry | None:
        blob = self._reading.get(ENTRIES, key)
        try:
            return None if blob is None else self._decoder.decode(blob[SEQUENCE:])
        except msgspec.MsgspecError:
            return None

    def _former(self, key: bytes) -> bytes | None:
        blob = self._reading.get(ENTRIES, key)
        return self._recent.sequence(key) or (None if blob is None else blob[:SEQUENCE])

    def _make_room(self) -> list[Operation]:
        excess = self._count + 1 - self._bounds.max_entries
        if excess <= 0:
            return []
        operations: list[Operation] = []
        for sequence, key in self._reading.first(ORDER, excess):
            operations += [StoreDelete(ENTRIES, key), StoreDelete(ORDER, sequence)]
        return operations
