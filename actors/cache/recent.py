"""The latest entries, which may not have been written yet: whoever asks again at once must find them. Pure."""

import msgspec

from callboard.actors.cache.place import Place
from callboard.messages.caching import Entry

MOST = 256
MOST_BYTES = 8 * 1024 * 1024


class Remembered(msgspec.Struct, frozen=True):
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

    def after(self, sequence: int) -> list[tuple[int, Place]]:
        """Numbers and places beyond this number, in order."""
        return [(one.sequence, one.place) for one in self._entries.values() if one.sequence > sequence]

    def put(self, entry: Entry, sequence: int, place: Place) -> None:
        """Remember one more, and forget the oldest where it is too much."""
        self.drop(place.key)
        self._entries[place.key] = Remembered(entry, sequence, place)
        self._bytes += place.size
        while len(self._entries) > MOST or self._bytes > MOST_BYTES:
            self.drop(next(iter(self._entries)))

    def drop(self, key: bytes) -> None:
        """Forget one, if it is there."""
        dropped = self._entries.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped.place.size
