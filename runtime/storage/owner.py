"""One process owns a store.

The truth is a `flock` on a file beside the store: the kernel drops it when the owner ends, however it ends.
The text in the file only tells people who the owner is. LMDB's own lock file would let two writing processes
in.

A forked child shares its parent's lock, which would then outlive the parent; so the child closes its end at
once.
"""

import contextlib
import os
import socket
import sys
import weakref
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, TracebackType

import msgspec

from callboard.runtime.storage.errors import StorageFailed, StoreOwned

_locks: "weakref.WeakSet[OwnerLock]" = weakref.WeakSet()
"""Those of this process that are still referred to."""


class Owner(msgspec.Struct, frozen=True):
    """Who holds the lock, as it said of itself."""

    pid: int
    since: int
    """UTC nanoseconds."""
    host: str
    program: str

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since // 1_000_000_000, UTC)
        return f"process {self.pid} ({self.program}) on {self.host} since {since:%Y-%m-%d %H:%M:%S} UTC"


class OwnerLock:
    """Holds a store until `release()`, the end of a `with` block, or that of the process."""

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self._file: int | None = file
        _locks.add(self)

    @classmethod
    def acquire(cls, path: Path, now: int) -> "OwnerLock":
        """Take the lock file at `path`, making it if need be; `now` in UTC nanoseconds.

        Raises StoreOwned when another opener has it, in this process too, and StorageFailed when the file
        cannot be opened or the system has no such locks.
        """
        fcntl = _fcntl(path)
        file = _open(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _read(file)
            os.close(file)
            raise StoreOwned(path, str(owner or "another process")) from None
        except OSError as error:
            os.close(file)
            raise StorageFailed(path, f"the file cannot be locked: {error.strerror}") from error
        _write(file, Owner(os.getpid(), now, socket.gethostname(), Path(sys.argv[0]).name or "python"))
        return cls(path, file)

    @property
    def held(self) -> bool:
        """Whether this object, in this process, holds the lock."""
        return self._file is not None

    def release(self) -> None:
        """Let the next one in. Does nothing the second time, and nothing in a forked child."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, 0)
            self.drop()

    def drop(self) -> None:
        """Close this process's end and leave the text alone."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def __enter__(self) -> "OwnerLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"OwnerLock({str(self.path)!r}, held={self.held})"


def _fcntl(path: Path) -> ModuleType:
    try:
        import fcntl
    except ImportError as error:
        raise StorageFailed(path, "this system has no flock; run with a store in memory") from error
    return fcntl


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageFailed(path, f"the lock file cannot be opened: {error.strerror}") from error


def _close_after_fork() -> None:
    for inherited in _locks:
        with contextlib.suppress(OSError):  # the others are closed all the same
            inherited.drop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_after_fork)


def _read(file: int) -> Owner | None:
    try:
        return msgspec.json.decode(os.pread(file, 4096, 0), type=Owner)
    except (OSError, msgspec.MsgspecError):
        return None


def _write(file: int, owner: Owner) -> None:
    # A full disk must not keep the store from being opened: the text is only for people.
    with contextlib.suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, msgspec.json.encode(owner), 0)
