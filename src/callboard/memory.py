"""A store that is gone afterwards: in the machine's memory where it has a folder for that."""

import contextlib
import shutil
import tempfile
import time
from pathlib import Path

from callboard.actors.store.actor import StoreSpec
from callboard.runtime.storage.errors import StorageError
from callboard.runtime.storage.owner import OwnerLock
from callboard.sections import StoreConfig

HOME = Path("/dev/shm")  # noqa: S108 - a fresh folder of our own inside
PREFIX = "callboard-"
LOCK = "memory.lock"
"""Under another name than any store's that is to stay."""
YOUNG = 60
"""Seconds in which an owner has certainly written who it is, unless it was killed or found no room."""


class Memory:
    """A fresh folder for as long as the block lasts.

    A process that is killed leaves its folder behind; the next one that opens a store in memory removes it, knowing it
    by a lock file that says whose it is, and that nobody holds.
    """

    def __init__(self, config: StoreConfig, *, inline: bool) -> None:
        self._config = config
        self._inline = inline
        self._lock: OwnerLock | None = None

    def __enter__(self) -> StoreSpec:
        self._path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=HOME if HOME.is_dir() else None))
        with contextlib.suppress(StorageError):  # a system without such locks cannot tell what was left
            self._lock = OwnerLock.acquire(self._path / LOCK, time.time_ns())
            self._remove_what_was_left()
        return StoreSpec(
            path=self._path,
            sync=False,
            inline=self._inline,
            map_size=self._config.initial_size,
            max_map_size=self._config.max_size,
        )

    def __exit__(self, *exc: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()

    def _remove_what_was_left(self) -> None:
        ours = self._path.stat().st_uid
        for folder in self._path.parent.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError, StorageError):
                if folder.lstat().st_uid == ours:  # anybody may make folders here, and links in them
                    _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    """Raises StoreOwned while somebody has it."""
    lock = folder / LOCK
    known = lock.stat()
    if known.st_size == 0 and time.time() - known.st_mtime < YOUNG:  # its owner is about to take the lock
        return
    with OwnerLock.acquire(lock, time.time_ns()):
        shutil.rmtree(folder, ignore_errors=True)
