"""One LMDB environment with one writer.

A commit is one transaction: all of it, or nothing. When the map is too small the commit asks for growth; the
caller grows while nobody reads or commits, and commits again.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import assert_never

import lmdb
import msgspec

from callboard.runtime.storage.errors import NeedsGrowth, StorageError, StorageFailed, StorageFull, Unreadable
from callboard.runtime.storage.opening import Handle, Plan, close_written, drop, explained, open_to_write, whole_pages
from callboard.runtime.storage.operations import Delete, DeleteRange, Operation, Put, size
from callboard.runtime.storage.reading import ReadOnlyEnvironment, T
from callboard.runtime.storage.soundness import DATA

MIB = 1024 * 1024
RESERVE = 64 * MIB
"""Bytes at most, an eighth of the bound in a small store: LMDB needs free pages even to delete."""


def _nobody_waits() -> None:
    """Nothing goes on before the commit is made."""


class EnvironmentStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """An environment, now. The counters are since it was opened."""

    map_size: int
    """Bytes that the file may have before it must grow."""
    max_map_size: int
    used: int
    """Bytes of the file that were ever used; free space inside it, which LMDB uses again, included."""
    live: int
    """Bytes that hold entries."""
    capacity: int
    """Bytes that entries may hold: the bound less a reserve that only deleting may use."""
    entries: dict[str, int]
    """By database."""
    commits: int
    operations: int
    growths: int
    remaps: int
    """How often the map was laid anew."""
    failures: int
    """Commits that failed for another reason than growth."""
    dropped: int
    """How often an unreadable file was deleted and begun anew, at its opening or later."""


class Environment(ReadOnlyEnvironment):
    """The owner's view: reads as in ReadOnlyEnvironment, and the only writer there is."""

    def __init__(self, plan: Plan, handle: Handle, *, dropped: int = 0) -> None:
        super().__init__(plan, handle)
        self._map_size = handle.environment.info()["map_size"]
        self._page_size = handle.environment.stat()["psize"]
        self._stale = False
        self._damaged = False
        self._commits = 0
        self._operations = 0
        self._growths = 0
        self._remaps = 0
        self._failures = 0
        self._dropped = dropped

    @classmethod
    def open(
        cls,
        path: Path,
        databases: tuple[str, ...],
        *,
        map_size: int = 16 * MIB,
        max_map_size: int = 16 * 1024 * MIB,
        sync: bool = True,
        disposable: bool = False,
    ) -> "Environment":
        """Open the environment in the folder `path`, or make it; sizes in bytes.

        The caller holds the store's OwnerLock. With `sync` a commit returns when it is on disk. An unreadable
        file raises Unreadable, unless it is `disposable`: then it is deleted, counted and begun anew. Raises
        StorageFailed and StorageFull as well, and ValueError for sizes without sense.
        """
        plan = Plan(
            path=path,
            databases=databases,
            map_size=map_size,
            max_map_size=max_map_size,
            sync=sync,
            disposable=disposable,
        )
        try:
            return cls(plan, open_to_write(plan))
        except Unreadable:
            if not disposable:
                raise
        drop(path)
        return cls(plan, open_to_write(plan), dropped=1)

    @property
    def map_size(self) -> int:
        """Bytes that the file may have before it must grow."""
        return self._map_size

    @property
    def dropped(self) -> int:
        """How often an unreadable file was deleted and begun anew, at its opening or later."""
        return self._dropped

    def check(self, operations: Sequence[Operation]) -> None:
        """LookupError when an operation names a database that was not opened."""
        for name in {operation.database for operation in operations}:
            self._database(name)

    def has_room(self, operations: Sequence[Operation], share: float) -> bool:
        """Whether with these, entries would fill no more than this share (0 to 1) of the capacity.

        Raises StorageError where that cannot be read.
        """
        return self._live(self._stats()) + sum(map(size, operations)) <= share * self._capacity

    def commit(self, operations: Sequence[Operation], all_in: Callable[[], object] = _nobody_waits) -> None:
        """Carry out all operations, in order, in one transaction. Blocks for the disk; any thread may call it.

        `all_in` is called when only the disk is still waited for.

        A disposable file in which this, or a read before, has found damage is deleted first, counted and begun
        anew. At the bound, puts are refused while entries fill the capacity; deletes never are. Want of room is told
        only when no reader that has died holds any.
        Raises NeedsGrowth, StorageFull, StorageFailed, Unreadable and StorageBusy, and has then changed
        nothing.
        """
        try:
            if self._damaged:
                self.begin_anew()
            if self._stale:
                with self._gate.alone("the store was to be opened anew"):
                    self._reopen()
            self._write(operations, all_in)
        except StorageError:
            self._failures += 1
            raise
        self._commits += 1
        self._operations += len(operations)

    def grow(self) -> None:
        """Double the map. Raises StorageFull at its bound, and StorageBusy while somebody reads or commits."""
        wanted = whole_pages(min(self._map_size * 2, self._plan.max_map_size))
        if wanted <= self._map_size:
            raise StorageFull(self.path, f"its bound of {self._plan.max_map_size} bytes is reached")
        with self._gate.alone("the map was to grow"), explained(self.path):
            self._resize(wanted)
        self._growths += 1

    def remap(self) -> None:
        """Lay the map anew, so that the pages of the file touched so far no longer count as this process's memory.

        They stay in the system's cache, and each is mapped again when it is needed. Raises StorageBusy while somebody
        reads or commits, and StorageFailed.
        """
        with self._gate.alone("the map was to be laid anew"), explained(self.path):
            self._resize(self._map_size)
        self._remaps += 1

    def begin_anew(self) -> None:
        """Delete the files of a disposable environment, count that, and make new ones.

        Raises StorageBusy, StorageFailed and StorageFull, and is then tried again before the next commit; and
        ValueError for an environment that is to stay.
        """
        if not self._plan.disposable:
            raise ValueError(f"{self.path}: this environment is to stay")
        self._damaged = True
        with self._gate.alone("the store was to be rebuilt"):
            self._reopen(empty=True)
        self._damaged = False
        self._dropped += 1

    def statistics(self) -> EnvironmentStatistics:
        """Sizes, entries and counters."""
        stats = self._stats()
        info = self._handle.environment.info()
        return EnvironmentStatistics(
            map_size=self._map_size,
            max_map_size=self._plan.max_map_size,
            used=(info["last_pgno"] + 1) * self._page_size,
            live=self._live(stats),
            capacity=self._capacity,
            entries={name: stat["entries"] for name, stat in stats.items()},
            commits=self._commits,
            operations=self._operations,
            growths=self._growths,
            remaps=self._remaps,
            failures=self._failures,
            dropped=self._dropped,
        )

    @property
    def _capacity(self) -> int:
        return self._plan.max_map_size - min(RESERVE, self._plan.max_map_size // 8)

    def _stats(self) -> dict[str, "lmdb._StatDict"]:
        databases = self._handle.databases
        return self._read(lambda transaction: {name: transaction.stat(found) for name, found in databases.items()})

    def _live(self, stats: dict[str, "lmdb._StatDict"]) -> int:
        pages = sum(s["branch_pages"] + s["leaf_pages"] + s["overflow_pages"] for s in stats.values())
        return pages * self._page_size

    def _refuse_gone(self) -> None:
        """What lies there now, if anything does, may be another process's."""
        if self._handle.gone:
            raise StorageFailed(self.path, f"{DATA} was deleted or replaced while it was open; restart the program")

    def _refuse_puts_beyond_capacity(self, operations: Sequence[Operation]) -> None:
        if self._map_size < self._plan.max_map_size:
            return
        added = sum(map(size, operations))
        if added and self._live(self._stats()) + added > self._capacity:
            raise StorageFull(self.path, f"its bound of {self._plan.max_map_size} bytes is reached")

    def _write(self, operations: Sequence[Operation], all_in: Callable[[], object]) -> None:
        try:
            self._transact(operations, all_in)
        except Unreadable:
            if not self._plan.disposable:
                raise
            self.begin_anew()
            self._transact(operations, all_in)
        except (NeedsGrowth, StorageFull):
            if not self._clear_dead_readers():
                raise
            self._transact(operations, all_in)

    def _clear_dead_readers(self) -> int:
        """Free the pages that a process killed within its transaction still holds. Gives how many readers were dead."""
        with self._gate.committing(), explained(self.path):
            return self._handle.environment.reader_check()

    def _transact(self, operations: Sequence[Operation], all_in: Callable[[], object]) -> None:
        self._refuse_puts_beyond_capacity(operations)
        with self._gate.committing(), explained(self.path):
            self._refuse_gone()
            try:
                with self._handle.environment.begin(write=True) as transaction:
                    self._apply(transaction, operations)
                    all_in()
            except lmdb.MapFullError:
                raise NeedsGrowth(self.map_size) from None
            except lmdb.MapResizedError:
                self._follow_growth()
            except lmdb.PanicError:
                # LMDB could not write the page that names the newest transaction, and refuses all work from
                # now on.
                self._stale = True
                raise

    def _apply(self, transaction: "lmdb.Transaction[bytes]", operations: Sequence[Operation]) -> None:
        for operation in operations:
            database = self._handle.databases[operation.database]
            match operation:
                case Put():
                    transaction.put(operation.key, operation.value, db=database)
                case Delete():
                    transaction.delete(operation.key, db=database)
                case DeleteRange():
                    with transaction.cursor(db=database) as cursor:
                        _delete_range(cursor, operation)
                case _:
                    assert_never(operation)

    def _read(self, query: Callable[["lmdb.Transaction[bytes]"], T]) -> T:
        try:
            return super()._read(query)
        except Unreadable:
            self._damaged = self._plan.disposable
            raise

    def _follow_growth(self) -> None:
        """Nobody but this owner lets the file grow."""
        raise Unreadable(self.path / DATA, "its first pages claim more than was written")

    def _resize(self, map_size: int) -> None:
        try:
            self._handle.environment.set_mapsize(map_size)
        except lmdb.Error as error:
            # py-lmdb closes an environment whose map it could not make.
            self._reopen()
            raise StorageFailed(self.path, f"the map cannot have {map_size} bytes: {error}") from error
        self._map_size = map_size

    def _reopen(self, *, empty: bool = False) -> None:
        """Close the handle and open another; to be called alone."""
        self._stale = True
        self._handle.close()
        if empty:
            drop(self.path)
            self._map_size = self._plan.map_size
        self._handle = open_to_write(msgspec.structs.replace(self._plan, map_size=self._map_size))
        self._map_size = self._handle.environment.info()["map_size"]
        self._stale = False

    def _finish(self) -> None:
        if self._stale:
            super()._finish()
        else:
            close_written(self._handle, self.path)


def _delete_range(cursor: "lmdb.Cursor[bytes]", span: DeleteRange) -> None:
    left = span.limit
    there = cursor.set_range(span.start)
    while there and left and (span.stop is None or cursor.key() < span.stop):
        cursor.delete()
        left -= 1
        there = bool(cursor.key())
