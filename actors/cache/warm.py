"""Entries that were read from the disk lately: whoever asks for one again is answered from memory. Pure."""

from callboard.messages.caching import Entry

MOST = 4_096
MOST_BYTES = 8 * 1024 * 1024


class Warm:
    """A bounded number of entries, of so many bytes on disk; those that were not asked for longest go first."""

    def __init__(self) -> None:
        self._entries: dict[bytes, tuple[Entry, int]] = {}
        self._bytes = 0

    def get(self, key: bytes) -> Entry | None:
        """The entry under this key."""
        found = self._entries.pop(key, None)
        if found is None:
            return None
        self._entries[key] = found
        return found[0]

    def put(self, key: bytes, entry: Entry, size: int) -> None:
        """Remember one more; `size` in bytes."""
        self.drop(key)
        self._entries[key] = entry, size
        self._bytes += size
        while len(self._entries) > MOST or self._bytes > MOST_BYTES:
            self.drop(next(iter(self._entries)))

    def drop(self, key: bytes) -> None:
        """Forget one, if it is there."""
        dropped = self._entries.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped[1]

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()
        self._bytes = 0
