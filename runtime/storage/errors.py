"""What can go wrong with a store.

    StorageError
    ├─ StoreOwned       another process has the store
    ├─ NoStore          there is nothing to read yet
    ├─ Unreadable       the file is damaged, or not one of ours
    ├─ TooNew           a newer callboard has written it
    ├─ StorageFull      the file has reached its bound, or the disk is full
    ├─ StorageFailed    LMDB or the operating system refused
    ├─ StorageBusy      something was done that needs the store to itself: a mistake in the program
    ├─ StoreClosed      the store was closed first
    ├─ WrongProcess     a forked child used its parent's store: a mistake in the program
    └─ BrokenRecord     one record is not what was written; the others are fine

`NeedsGrowth` is no failure: it asks the caller to grow the file and to commit again.

Every one can be copied, so that each of many waiters gets an error of its own.
"""

from pathlib import Path


class StorageError(Exception):
    """The base of all of them. `str()` says what happened, where, and what to do."""


class StoreOwned(StorageError):
    """Another process owns the store. Nobody's fault: stop that one, or ask it."""

    def __init__(self, path: Path, owner: str) -> None:
        super().__init__(path, owner)
        self.path = path
        self.owner = owner

    def __str__(self) -> str:
        return f"{self.path}: the store is owned by {self.owner}; stop it first, or use another store"


class NoStore(StorageError):
    """A store was opened for reading before anybody had written one."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: there is no store here yet; the first runtime that is opened on it makes one"


class Unreadable(StorageError):
    """The file is damaged, cut short or was made by something else: the disk's fault, or an operator's."""

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(path, cause)
        self.path = path
        self.cause = cause

    def __str__(self) -> str:
        return (
            f"{self.path}: the store cannot be read ({self.cause}); put a copy back, or move the folder away "
            "to start with an empty one"
        )


class TooNew(StorageError):
    """A newer callboard has written records that this one does not know how to read. Nobody's fault: run that one."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(path, found, known)
        self.path = path
        self.found = found
        self.known = known

    def __str__(self) -> str:
        return (
            f"{self.path}: a newer callboard has written this store: it holds records of version {self.found}, and "
            f"this one reads none above {self.known}; run the newer one, or move the folder away to start with an "
            "empty one; nothing was changed"
        )


class StorageFull(StorageError):
    """The configured bound is reached, or the disk is full. What was committed stays readable."""

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(path, cause)
        self.path = path
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.path}: the store is full ({self.cause}); nothing of this commit was written"


class StorageFailed(StorageError):
    """LMDB or the operating system refused: the machine's fault, or that of permissions."""

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(path, cause)
        self.path = path
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.path}: the store failed ({self.cause}); check the disk and the folder's permissions"


class StorageBusy(StorageError):
    """A commit, growth or closing came while somebody was at it: a mistake in the program, see `gate.py`."""

    def __init__(self, path: Path, wanted: str, holder: str) -> None:
        super().__init__(path, wanted, holder)
        self.path = path
        self.wanted = wanted
        self.holder = holder

    def __str__(self) -> str:
        return f"{self.path}: {self.wanted} while {self.holder}; let that end first"


class StoreClosed(StorageError):
    """The store was closed before this was written or read. What had not been acknowledged may be missing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: the store is closed"


class WrongProcess(StorageError):
    """A forked child used what its parent had opened, and could damage it: a mistake in the program."""

    def __init__(self, path: Path, opened_by: int) -> None:
        super().__init__(path, opened_by)
        self.path = path
        self.opened_by = opened_by

    def __str__(self) -> str:
        return (
            f"{self.path}: the store was opened by process {self.opened_by} and cannot be used after a fork; "
            "start child processes with spawn"
        )


class BrokenRecord(StorageError):
    """One record fails its checksum or has no header: skip it, count it, go on. The disk's fault."""

    def __init__(self, key: bytes, cause: str) -> None:
        super().__init__(key, cause)
        self.key = key
        self.cause = cause

    def __str__(self) -> str:
        return f"record {self.key[:16].hex()}: {self.cause}; it is skipped"


class NeedsGrowth(Exception):
    """The map is too small for this commit, and nothing of it was written: `grow()`, then commit it again."""

    def __init__(self, map_size: int) -> None:
        super().__init__(map_size)
        self.map_size = map_size
