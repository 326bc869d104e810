"""Reading an environment's records: checked, stripped of their checksums, the broken ones counted.

A record of a version that is not known yet raises TooNew, wherever it is met: a newer callboard has written it, and its
payload may mean something else.
"""

from collections.abc import Iterable

from callboard.messages.storing import VERSION
from callboard.runtime.storage.errors import BrokenRecord, TooNew
from callboard.runtime.storage.reading import ReadOnlyEnvironment
from callboard.runtime.storage.record import unpack

PAGE = 1_000


class Records:
    """The records of one environment. Every method that reads payloads raises StorageError."""

    def __init__(self, environment: ReadOnlyEnvironment) -> None:
        self._environment = environment
        self._broken: set[tuple[str, bytes]] = set()

    @property
    def broken(self) -> int:
        """Records met so far that cannot be read."""
        return len(self._broken)

    def refuse_newer(self, databases: Iterable[str]) -> None:
        """Raise TooNew if the last record of one of these is. What is read whole is refused when it is read."""
        for database in databases:
            for key, blob in self._environment.scan(database, limit=1, reverse=True):
                self._checked(database, key, blob)

    def get(self, database: str, key: bytes) -> bytes | None:
        """The payload under this key; None when there is none, or it cannot be read."""
        blob = self._environment.get(database, key)
        return None if blob is None else self._checked(database, key, blob)

    def all(self, database: str) -> list[tuple[bytes, bytes]]:
        """All keys and payloads in key order, less the broken ones."""
        found: list[tuple[bytes, bytes]] = []
        start = b""
        while page := self._environment.scan(database, start, limit=PAGE):
            found.extend(self._sound(database, page))
            start = page[-1][0] + b"\0"
        return found

    def first(self, database: str, limit: int, after: bytes = b"") -> list[tuple[bytes, bytes]]:
        """The first keys and payloads after this key, less the broken ones."""
        found: list[tuple[bytes, bytes]] = []
        start = after + b"\0" if after else b""
        while len(found) < limit and (page := self._environment.scan(database, start, limit=min(limit, PAGE))):
            found.extend(self._sound(database, page))
            start = page[-1][0] + b"\0"
        return found[:limit]

    def page(self, database: str, limit: int, after: bytes) -> list[tuple[bytes, bytes | None]]:
        """The first keys and payloads after this key; None for a payload that cannot be read."""
        start = after + b"\0" if after else b""
        found = self._environment.scan(database, start, limit=limit)
        return [(key, self._checked(database, key, blob)) for key, blob in found]

    def last_key(self, database: str) -> bytes | None:
        """The largest key; None when there is none."""
        last = self._environment.scan(database, limit=1, reverse=True)
        return last[0][0] if last else None

    def count(self, database: str) -> int:
        """How many records there are."""
        return self._environment.count(database)

    def size(self, database: str) -> int:
        """Bytes of the file that they take."""
        return self._environment.size(database)

    def _sound(self, database: str, page: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        checked = ((key, self._checked(database, key, blob)) for key, blob in page)
        return [(key, payload) for key, payload in checked if payload is not None]

    def _checked(self, database: str, key: bytes, blob: bytes) -> bytes | None:
        try:
            version, payload = unpack(key, blob)
        except BrokenRecord:
            self._broken.add((database, key))
            return None
        if version > VERSION:
            raise TooNew(self._environment.path, version, VERSION)
        return payload
