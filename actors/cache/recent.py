"""The latest entries, among them all that are not written yet: whoever asks again at once must find them. Pure."""

from itertools import islice

import msgspec

from callboard.actors.cache.place import Place
from callboard.messages.caching import Entry
from callboard.runtime.storage.backlog import GroupLimits

MOST = 256
MOST_BYTES = 8 * 1024 * 1024
WAITING = GroupLimits().waiting
WAITING_BYTES = GroupLimits().waiting_size
"""Of what is not written, no more is remembered than the store lets wait: the rest is lost to it."""


class Remembered(msgspec.Struct, frozen=True, gc=False):
    """One entry, the number under which it was handed to the store, and where it is listed."""

    entry: Entry
    sequence: int
    place: Place


class Recent:
    """A bounded part of the shelf in memory, in the order in which the entries came."""

    def __init__(self) -> None:
        self._entries: dict[bytes, Remembered] = {}
        self._bytes = 0

    def get(self, key: bytes) -> Entry | None:
        """The entry under this key."""
        found = self._entries.get(key)
        return None if found is None else found.entry

    def listed(self, key: bytes) -> tuple[int, Place] | None:
        """The number under which this key was last handed over, and its place."""
        found = self._entries.get(key)
        return None if found is None else (found.sequence, found.place)

    def after(self, sequence: int, limit: int) -> list[tuple[int, Place]]:
        """The first numbers and places beyond this number, in order."""
        later = ((one.sequence, one.place) for one in self._entries.values() if one.sequence > sequence)
        return list(islice(later, limit))

    def put(self, entry: Entry, sequence: int, place: Place, written: int) -> None:
        """Remember one more, and where it is too much forget the oldest of those up to the last number on disk."""
        self.drop(place.key)
        self._entries[place.key] = Remembered(entry, sequence, place)
        self._bytes += place.size
        self.trim(written)

    def trim(self, written: int) -> None:
        """Where it is too much, forget the oldest of those up to the last number on disk."""
        while self._beyond(WAITING, WAITING_BYTES) or (
            self._beyond(MOST, MOST_BYTES) and self._oldest.sequence <= written
        ):
            self.drop(self._oldest.place.key)

    def drop(self, key: bytes) -> None:
        """Forget one, if it is there."""
        dropped = self._entries.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped.place.size

    @property
    def _oldest(self) -> Remembered:
        return next(iter(self._entries.values()))

    def _beyond(self, entries: int, size: int) -> bool:
        return len(self._entries) > entries or self._bytes > size
