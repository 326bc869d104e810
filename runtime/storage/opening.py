"""Opens LMDB's files, and says in callboard's own errors what LMDB says in its."""

import errno
import mmap
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import NamedTuple, TypeAlias

import lmdb
import msgspec

from callboard.runtime.storage.errors import NoStore, StorageError, StorageFailed, StorageFull, Unreadable
from callboard.runtime.storage.soundness import (
    DATA,
    LOCK,
    MARK,
    is_marked,
    mark,
    refuse_damage,
    refuse_empty,
    unmark,
)

Database: TypeAlias = lmdb._Database
SPARE = 64 * 1024
"""Bytes added to a full file at opening, if a named database has to be made in it."""
FULL_DISK = 1024 * 1024
"""Free bytes below which a failed write is blamed on the disk's size."""
LOCK_BYTES = 8192
"""LMDB's table of 126 readers, less what it begins with."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How an environment is to be opened."""

    path: Path
    """The folder that holds the two files."""
    databases: tuple[str, ...]
    map_size: int
    """Bytes to begin with; a file that is larger already counts."""
    max_map_size: int
    """Bytes beyond which it never grows."""
    sync: bool
    """Whether a commit returns only when it is on disk."""
    disposable: bool
    """Whether an unreadable file is dropped instead of being an error."""

    def __post_init__(self) -> None:
        if not self.databases:
            raise ValueError("an environment needs at least one named database")
        if not 0 < self.map_size <= self.max_map_size:
            raise ValueError(f"map_size {self.map_size} is not within 1 and {self.max_map_size}, its maximum")


class Handle(NamedTuple):
    """An open environment. A database that nobody has made yet is missing in a reader's."""

    environment: lmdb.Environment
    databases: dict[str, Database]
    file: FileIO
    """The same file: it tells whether that is still anywhere, whatever has become of its path."""

    @property
    def gone(self) -> bool:
        """Whether the file was deleted or replaced: what is written to it is lost with its last descriptor."""
        return os.fstat(self.file.fileno()).st_nlink == 0

    def close(self) -> None:
        """Let go of the files."""
        self.environment.close()
        self.file.close()


def open_to_write(plan: Plan) -> Handle:
    """Open, or make. Raises Unreadable, StorageFailed and StorageFull."""
    try:
        return _open_to_write(plan, plan.map_size)
    except StorageFull:
        return _open_to_write(plan, _length(plan.path) + SPARE)


def open_to_read(plan: Plan) -> Handle:
    """Open what another process may be writing. Raises NoStore, Unreadable and StorageFailed."""
    with explained(plan.path):
        if not (plan.path / DATA).exists():
            raise NoStore(plan.path)
        refuse_empty(plan.path)
        with suppress(PermissionError):  # then LMDB does without, or says so
            _fill_lock(plan.path / LOCK)
        environment = lmdb.open(
            str(plan.path), map_size=0, max_dbs=len(plan.databases), readonly=True, create=False, mode=0o600
        )
        return _complete(environment, plan, write=False)


def close_written(handle: Handle, path: Path) -> None:
    """Sync and close what was opened to write, so that the next opening can trust it. Raises StorageFailed."""
    with explained(path):
        try:
            handle.environment.sync(True)
            gone = handle.gone
        finally:
            handle.close()
        if not gone:  # or the mark is another file's
            unmark(path)


def drop(path: Path) -> None:
    """Delete an environment's files, which must be closed. Raises StorageFailed."""
    with explained(path):
        for name in (DATA, LOCK, MARK):
            (path / name).unlink(missing_ok=True)


def whole_pages(size: int) -> int:
    """Bytes, rounded up to the machine's pages."""
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns LMDB's errors, and the system's, into ours."""
    try:
        yield
    except (lmdb.Error, OSError) as error:
        raise explain(error, path) from error


def explain(error: lmdb.Error | OSError, path: Path) -> StorageError:
    """Which of our errors an error of LMDB or the system is."""
    match error:
        case OSError(errno=errno.ENOSPC):
            return StorageFull(path, str(error))
        case OSError():
            return StorageFailed(path, str(error))
        case (
            lmdb.InvalidError()
            | lmdb.CorruptedError()
            | lmdb.PageNotFoundError()
            | lmdb.VersionMismatchError()
            | lmdb.IncompatibleError()
            | lmdb.BadTxnError()  # the first page of all is damaged: LMDB says so of the transaction
        ):
            return Unreadable(path / DATA, str(error))
        case lmdb.DiskError() | lmdb.MapFullError():
            return StorageFull(path, str(error))
        case _ if _disk_full(path):
            return StorageFull(path, f"the disk is full; LMDB says {error}")
        case _:
            return StorageFailed(path, str(error))


def _open_to_write(plan: Plan, map_size: int) -> Handle:
    with explained(plan.path):
        plan.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_empty(plan.path)
        _fill_lock(plan.path / LOCK)
        with _whole_or_not_made(plan.path / DATA):
            environment = lmdb.open(
                str(plan.path),
                map_size=whole_pages(map_size),
                max_dbs=len(plan.databases),
                sync=plan.sync,
                metasync=plan.sync,
                mode=0o600,
            )
        return _complete(environment, plan, write=True)


@contextmanager
def _whole_or_not_made(data: Path) -> Iterator[None]:
    """A new file that a full disk cut short would be taken for a damaged one the next time."""
    there = data.exists()
    try:
        yield
    except lmdb.Error:
        if not there:
            data.unlink(missing_ok=True)
        raise


def _fill_lock(lock: Path) -> None:
    """See that LMDB's lock file has its pages on the disk. LMDB makes it without, maps it and writes to it: where the
    disk is full, that ends the process.
    """
    there = lock.exists()
    if not hasattr(os, "posix_fallocate") or (there and lock.stat().st_blocks * 512 >= LOCK_BYTES):
        return
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, LOCK_BYTES)
    except OSError:
        if not there:
            lock.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _disk_full(path: Path) -> bool:
    # LMDB reports the short write of a full disk as an input/output error.
    return path.exists() and shutil.disk_usage(path).free < FULL_DISK


def _complete(environment: lmdb.Environment, plan: Plan, *, write: bool) -> Handle:
    try:
        # A file that is being written is always marked, and changes under the verifier: not for readers.
        refuse_damage(environment, plan.path, may_be_torn=write and is_marked(plan.path))
        if write:
            mark(plan.path)
        databases = _open_databases(environment, plan.databases, create=write)
        return Handle(environment, databases, FileIO(plan.path / DATA))
    except BaseException:
        environment.close()
        raise


def _open_databases(environment: lmdb.Environment, names: tuple[str, ...], *, create: bool) -> dict[str, Database]:
    databases: dict[str, Database] = {}
    for name in names:
        with suppress(lmdb.NotFoundError):
            databases[name] = environment.open_db(name.encode(), create=create)
    return databases


def _length(path: Path) -> int:
    data = path / DATA
    return data.stat().st_size if data.exists() else 0
