"""What is on the cache's shelf: which entry is where, how much there is, what goes when it is full.

Database `entries` maps a cache key to its entry, preceded by the 8 bytes of its sequence number; `order` maps sequence
numbers, oldest first, to places: key, size, and what the entry can be found by. The oldest go first when the shelf is
full. An entry that is written again gets a new number.

What is handed to the store is written a little later, or in a crisis not at all. So the shelf itself remembers the
latest entries until they are written, up to where it has evicted and what it has swept off, and how much of all that
the file does not show yet: whenever its owner knows up to which number all is written it counts the file anew, and adds
what is still underway. A cache that cannot be read is an empty one.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from callboard.actors.cache import place
from callboard.actors.cache.place import Place
from callboard.actors.cache.recent import WAITING, Recent
from callboard.actors.cache.warm import Warm
from callboard.messages.caching import Entry, Labels
from callboard.messages.settings import numbers
from callboard.messages.storing import Operation, StoreDelete, StorePut
from callboard.runtime.storage.errors import StorageError

T = TypeVar("T")

ENTRIES = "entries"
ORDER = "order"
SEQUENCE = 8
EVICTED_AT_ONCE = 256
"""Entries that one new entry may push off: a shelf whose bound was lowered shrinks in steps."""
LOOKED_AT = 8
"""Of the oldest places at a time, where there is no room: as a rule the first one makes it."""
STEP_BACK = 60 * 1_000_000_000
"""Nanoseconds by which a clock may be put back, as clocks are, before what was kept ahead of it is a miss."""
SWEPT_AT_ONCE = 128
"""Places that one step of a sweep looks at."""

ABSENT = 4_096
UNREADABLE: bytes | None = b""
"""In place of what cannot be read: it is not known whether it is there."""

NO_LABELS = Labels(None, None, "")


class Bounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the cache may hold, and for how long."""

    max_entries: int = 1_000_000
    max_bytes: int = 1_073_741_824
    """Of the file that the entries take, more or less."""
    max_age: float = 86_400.0
    """Seconds."""
    max_reply: int = 1_048_576
    """Bytes of one reply; a larger one is not kept."""

    def __post_init__(self) -> None:
        numbers(self)
        if min(self.max_entries, self.max_bytes, self.max_reply) < 1 or not 0 < self.max_age < math.inf:
            raise ValueError(
                "`max_entries`, `max_bytes`, `max_age` (seconds) and `max_reply` (bytes) are numbers above 0"
            )


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

    def size(self, database: str) -> int:
        """Bytes of the file that they take."""
        ...


class Swept(NamedTuple):
    """One step of a sweep. It is over when `last` is None, else it goes on after that number."""

    keys: tuple[bytes, ...]
    operations: tuple[Operation, ...]
    last: int | None
    latest: int
    """The number of the latest entry that was kept before its operations were handed over."""


class Change(NamedTuple):
    """What the operations under this number add to the file, once they are written."""

    number: int
    entries: int
    size: int
    """Bytes."""


class Shelf:
    """Reads entries, and says which operations keep one. `reading` gives the environment as it is open now. `run` is
    that of the monotonic clock; without one ages are told in UTC alone.
    """

    def __init__(self, reading: Callable[[], Reading], bounds: Bounds, run: bytes = b"") -> None:
        self._reading = reading
        self._bounds = bounds
        self._run = run
        self._decoder = msgspec.msgpack.Decoder(Entry)
        self._encoder = msgspec.msgpack.Encoder()
        self._recent = Recent()
        self._warm = Warm()
        self._absent: dict[bytes, None] = {}
        """Keys that were looked for on disk in vain: to keep something under one of these takes no second look. Nothing
        else goes by it, for what a shelf before this one had handed over may come to the file later.
        """
        self._sequence = self._written = self._last_written()
        self._count = self._look(lambda now: now.count(ENTRIES), 0)
        self._bytes = self._look(lambda now: now.size(ENTRIES), 0)
        self._underway: deque[Change] = deque(maxlen=WAITING)
        """What the file may not show yet. The store lets no more wait, and loses the rest."""
        self._cleared = 0
        """All entries up to this number are gone, whatever is still written."""
        self._cleared_by = 0
        """The number under which that was handed over."""
        self._swept: dict[bytes, Change] = {}
        """As are those up to these numbers under these keys."""

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> int:
        """Bytes of the file that the entries take, more or less."""
        return self._bytes

    @property
    def latest(self) -> int:
        """The number of the latest entry."""
        return self._sequence

    def get(self, key: bytes, max_age: int, utc: int, monotonic: int = 0) -> Entry | None:
        """The entry under this key, unless it is older than `max_age` nanoseconds or cannot be read.

        One from the future was kept while the clock was ahead: nobody knows how old it is. UTC stands still while a
        clock that was put back is held, and the monotonic clock while the machine sleeps: so an entry is as old as the
        one says that says more.
        """
        entry = self._recent.get(key) or self._warm.get(key) or self._on_disk(key)
        if entry is None:
            return None
        limit = min(max_age, int(self._bounds.max_age * 1e9))
        age = utc - entry.stored
        if self._run and entry.run == self._run:
            age = max(age, monotonic - entry.at)
        return entry if -STEP_BACK <= age <= limit else None

    def keep(self, key: bytes, entry: Entry, labels: Labels = NO_LABELS) -> tuple[Operation, ...]:
        """The operations that put this entry on the shelf, and take the oldest off where there is no room.

        One that cannot be kept takes off what was there before.
        """
        count, size = self._count, self._bytes
        operations = self._kept(key, entry, labels)
        self._underway.append(Change(self._sequence, self._count - count, self._bytes - size))
        return tuple(operations)

    def _kept(self, key: bytes, entry: Entry, labels: Labels) -> list[Operation]:
        self._warm.drop(key)
        payload = self._encoded(entry)
        new = key in self._absent and self._recent.listed(key) is None
        operations = [] if new else self._take_off(key)
        self._absent.pop(key, None)
        self._sequence += 1
        if payload is None:
            return operations
        operations += self._make_room(len(payload))
        self._count += 1
        self._bytes += len(payload)
        sequence = _bytes(self._sequence)
        listed = place.place(key, entry, len(payload), labels)
        operations.append(StorePut(ENTRIES, key, sequence + payload))
        operations.append(StorePut(ORDER, sequence, place.encode(listed)))
        self._recent.put(entry, self._sequence, listed, self._written)
        return operations

    def refresh(self, written: int) -> None:
        """All that was kept up to this number is on disk, or was lost: forget what was remembered only until then, and
        count anew.
        """
        self._written = max(self._written, written)
        self._recent.trim(self._written)
        while self._underway and self._underway[0].number <= self._written:
            self._underway.popleft()
        if self._cleared_by <= self._written:
            self._cleared = 0
        ahead = (*self._underway, *self._swept.values())
        try:
            reading = self._reading()
            self._count = reading.count(ENTRIES) + sum(one.entries for one in ahead)
            self._bytes = reading.size(ENTRIES) + sum(one.size for one in ahead)
        except StorageError:
            return

    def sweep(self, wanted: Callable[[Place], bool], after: int, until: int) -> Swept:
        """Take off what is wanted among the next places after one number and up to another.

        Say `swept` once the operations are written.
        """
        self._warm.clear()  # of a file that was begun anew since, nothing would be listed
        listed = self._listed(SWEPT_AT_ONCE, after)
        keys: list[bytes] = []
        operations: list[Operation] = []
        for number, one in listed:
            if number <= until and wanted(one) and self._number_of(one.key) == number:
                size = self._bytes
                operations += self._take_off(one.key)
                self._swept[one.key] = Change(number, -1, self._bytes - size)
                keys.append(one.key)
        over = len(listed) < SWEPT_AT_ONCE or listed[-1][0] >= until
        return Swept(tuple(keys), tuple(operations), None if over else listed[-1][0], self._sequence)

    def swept(self, step: Swept, *, written: bool) -> None:
        """The operations of this step are written, or have failed."""
        for key in step.keys:
            self._swept.pop(key, None)
        self.refresh(step.latest if written else 0)

    def _on_disk(self, key: bytes) -> Entry | None:
        blob = self._look(lambda reading: reading.get(ENTRIES, key), UNREADABLE)
        if blob is None:
            self._remember_absent(key)
            return None
        if not self._stands(key, _number(blob[:SEQUENCE])):
            return None
        try:
            entry = self._decoder.decode(blob[SEQUENCE:])
        except (msgspec.MsgspecError, ValueError):
            return None
        self._warm.put(key, entry, len(blob))
        return entry

    def _remember_absent(self, key: bytes) -> None:
        self._absent[key] = None
        if len(self._absent) > ABSENT:
            del self._absent[next(iter(self._absent))]

    def _stands(self, key: bytes, number: int) -> bool:
        swept = self._swept.get(key)
        return number > self._cleared and (swept is None or number > swept.number)

    def _encoded(self, entry: Entry) -> bytes | None:
        """None for an entry that is too large, or holds what cannot be written, such as an integer of 70 bits."""
        try:
            payload = self._encoder.encode(entry)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return None
        return payload if len(payload) <= self._bounds.max_reply else None

    def _number_of(self, key: bytes) -> int | None:
        """The sequence number under which this key's entry stands; None when there is none."""
        standing = self._standing(key)
        return None if standing is None else standing[0]

    def _standing(self, key: bytes) -> tuple[int, int] | None:
        """Its sequence number and bytes."""
        listed = self._recent.listed(key)
        if listed is not None:
            return listed[0], listed[1].size
        blob = self._look(lambda reading: reading.get(ENTRIES, key), None)
        number = 0 if blob is None else _number(blob[:SEQUENCE])
        return (number, len(blob) - SEQUENCE) if blob is not None and self._stands(key, number) else None

    def _take_off(self, key: bytes) -> list[Operation]:
        standing = self._standing(key)
        if standing is None:
            return []
        number, size = standing
        self._recent.drop(key)
        self._warm.drop(key)
        self._count -= 1
        self._bytes -= size
        return [StoreDelete(ENTRIES, key), StoreDelete(ORDER, _bytes(number))]

    def _make_room(self, size: int) -> list[Operation]:
        operations: list[Operation] = []
        left = EVICTED_AT_ONCE
        while left > 0 and self._lacks_room(size) and (oldest := self._listed(min(left, LOOKED_AT), self._cleared)):
            for number, one in oldest:
                if not self._lacks_room(size):
                    break
                if self._number_of(one.key) == number:
                    operations += self._take_off(one.key)
                    left -= 1
                else:  # it was written again since, and is not the oldest
                    operations.append(StoreDelete(ORDER, _bytes(number)))
                self._cleared, self._cleared_by = number, self._sequence
        return operations

    def _lacks_room(self, size: int) -> bool:
        """For one more entry of so many bytes."""
        bounds = self._bounds
        return self._count >= bounds.max_entries or (self._count > 0 and self._bytes + size > bounds.max_bytes)

    def _listed(self, limit: int, after: int) -> list[tuple[int, Place]]:
        """Sequence numbers and places after this number, oldest first, those not written among them."""
        nothing: list[tuple[bytes, bytes]] = []
        written = self._look(lambda reading: reading.first(ORDER, limit, _bytes(after)), nothing)
        found = dict(self._recent.after(after, limit))
        found.update((_number(sequence), place.decode(blob)) for sequence, blob in written)
        return sorted(found.items())[:limit]

    def _last_written(self) -> int:
        return _number(self._look(lambda reading: reading.last_key(ORDER), None))

    def _look(self, query: Callable[[Reading], T], otherwise: T) -> T:
        try:
            return query(self._reading())
        except StorageError:
            return otherwise


def _bytes(number: int) -> bytes:
    return number.to_bytes(SEQUENCE, "big")


def _number(sequence: bytes | None) -> int:
    return int.from_bytes(sequence or b"", "big")
