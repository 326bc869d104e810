"""The latest entries, which may not have been written yet: whoever asks again at once must find them. Pure."""

import msgspec

from callboard.messages.caching import Entry

MOST = 256
MOST_BYTES = 8 * 1024 * 1024


class Remembered(msgspec.Struct, frozen=True):
    """One entry, the number under which it was handed to the store, and its bytes."""

    entry: Entry
    sequence: int
    size: int


class Recent:
    """A bounded part of the shelf in memory, in the order in which the entries came."""

    def __init__(self) -> None:
        self._entries: dict[bytes, Remembered] = {}
        self._bytes = 0

    def get(self, key: bytes) -> Entry | None:
        """The entry under this key."""
        found = self._entries.get(key)
        return None if found is None else found.entry

    def sequence(self, key: bytes) -> int | None:
        """The number under which this key was last handed over."""
        found = self._entries.get(key)
        return None if found is None else found.sequence

    def after(self, sequence: int) -> list[tuple[int, bytes]]:
        """Numbers and keys beyond this number, in order."""
        return [(one.sequence, key) for key, one in self._entries.items() if one.sequence > sequence]

    def put(self, key: bytes, entry: Entry, sequence: int, size: int) -> None:
        """Remember one more, and forget the oldest where it is too much."""
        self.drop(key)
        self._entries[key] = Remembered(entry, sequence, size)
        self._bytes += size
        while len(self._entries) > MOST or self._bytes > MOST_BYTES:
            self.drop(next(iter(self._entries)))

    def drop(self, key: bytes) -> None:
        """Forget one, if it is there."""
        dropped = self._entries.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped.size

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()
        self._bytes = 0
