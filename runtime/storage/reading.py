"""Reads an environment: each call is one short read transaction, and gives copies."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import lmdb

from callboard.runtime.storage.gate import Gate
from callboard.runtime.storage.opening import Database, Handle, Plan, explain, explained, open_to_read

T = TypeVar("T")


class ReadOnlyEnvironment:
    """A store that another process may own and be writing, or that nobody has open. It is never changed.

    Every method is synchronous, may be called from any thread of the process that opened it, and raises
    StoreClosed, WrongProcess after a fork, Unreadable where the file is damaged, and StorageFailed. An
    unknown database is a LookupError; a database that the owner has not made yet is empty.
    """

    def __init__(self, plan: Plan, handle: Handle) -> None:
        self._plan = plan
        self._handle = handle
        self._gate = Gate(plan.path)

    @classmethod
    def open_readonly(cls, path: Path, databases: tuple[str, ...]) -> "ReadOnlyEnvironment":
        """Open the store in the folder `path`. Raises NoStore where there is none, Unreadable, StorageFailed."""
        plan = Plan(path=path, databases=databases, map_size=1, max_map_size=1, sync=True, disposable=False)
        return ReadOnlyEnvironment(plan, open_to_read(plan))

    @property
    def path(self) -> Path:
        """The folder that holds the files."""
        return self._plan.path

    def get(self, database: str, key: bytes) -> bytes | None:
        """What is stored under `key`, or None."""

        def query(transaction: "lmdb.Transaction[bytes]") -> bytes | None:
            found = self._database(database)
            return None if found is None else transaction.get(key, db=found)

        return self._read(query)

    def scan(
        self,
        database: str,
        start: bytes = b"",
        stop: bytes | None = None,
        *,
        limit: int,
        reverse: bool = False,
    ) -> list[tuple[bytes, bytes]]:
        """At most `limit` keys and values from `start` on, before `stop`; the last ones first with `reverse`.

        b"" and None leave an end open. To go on, scan again from the last key and a zero byte; in reverse, up
        to it.
        """

        def query(transaction: "lmdb.Transaction[bytes]") -> list[tuple[bytes, bytes]]:
            found = self._database(database)
            if found is None:
                return []
            with transaction.cursor(db=found) as cursor:
                walk = _backward if reverse else _forward
                return walk(cursor, start, stop, limit)

        return self._read(query)

    def count(self, database: str) -> int:
        """How many keys a database has."""

        def query(transaction: "lmdb.Transaction[bytes]") -> int:
            found = self._database(database)
            return 0 if found is None else transaction.stat(found)["entries"]

        return self._read(query)

    def size(self, database: str) -> int:
        """Bytes of the pages in which a database's keys and values lie."""

        def query(transaction: "lmdb.Transaction[bytes]") -> int:
            found = self._database(database)
            if found is None:
                return 0
            stat = transaction.stat(found)
            pages = stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
            return pages * stat["psize"]

        return self._read(query)

    def close(self) -> None:
        """Close the files. Does nothing the second time or in a forked child. Raises StorageBusy."""
        if self._gate.closed or self._gate.forked:
            return
        with self._gate.alone("the store was to be closed"), explained(self.path):
            self._gate.closed = True
            self._finish()

    def _finish(self) -> None:
        self._handle.close()

    def _database(self, name: str) -> Database | None:
        if name not in self._plan.databases:
            known = ", ".join(self._plan.databases)
            raise LookupError(f"{self.path}: there is no database {name!r}; there are {known}")
        return self._handle.databases.get(name)

    def _read(self, query: Callable[["lmdb.Transaction[bytes]"], T]) -> T:
        try:
            return self._once(query)
        except lmdb.MapResizedError:
            with explained(self.path):
                self._follow_growth()
                return self._once(query)
        except (lmdb.Error, OSError) as error:
            raise explain(error, self.path) from error

    def _once(self, query: Callable[["lmdb.Transaction[bytes]"], T]) -> T:
        with self._gate.reading(), self._handle.environment.begin() as transaction:
            return query(transaction)

    def _follow_growth(self) -> None:
        with self._gate.alone("the map was to follow the owner's growth"):
            self._handle.environment.set_mapsize(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r}, closed={self._gate.closed})"


def _forward(cursor: "lmdb.Cursor[bytes]", start: bytes, stop: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    there = cursor.set_range(start)
    while there and len(found) < limit and (stop is None or cursor.key() < stop):
        found.append(cursor.item())
        there = cursor.next()
    return found


def _backward(cursor: "lmdb.Cursor[bytes]", start: bytes, stop: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    there = cursor.last() if stop is None or not cursor.set_range(stop) else cursor.prev()
    while there and len(found) < limit and cursor.key() >= start:
        found.append(cursor.item())
        there = cursor.prev()
    return found
