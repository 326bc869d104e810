"""The store: opens both environments, writes by group commit, and publishes them for reading."""

import contextlib
from collections.abc import Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import trio

from callboard.actors.store.reading import Records
from callboard.messages.storing import CacheCommit, CacheWrite, Commit, Operation, StoreDelete, StorePut
from callboard.runtime.actor import Actor
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import DeclaredError
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import StorageBusy, StorageError, TooNew, Unreadable
from callboard.runtime.storage.group import LINGER, GroupCommitter
from callboard.runtime.storage.operations import Delete, Put
from callboard.runtime.storage.operations import Operation as StorageOperation
from callboard.runtime.storage.pending import Pending
from callboard.runtime.storage.record import pack

LEDGER_DATABASES = ("journal", "open", "spend", "calls", "latency", "circuits", "budgets", "log", "log_calls")
CACHE_DATABASES = ("entries", "order")
LARGEST = 16 * 1024 * 1024 * 1024


class StoreSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Where the store lies and how it writes. `inline`: commit on the Trio thread, for virtual time."""

    path: Path
    sync: bool = True
    inline: bool = False
    map_size: int = 16 * 1024 * 1024
    """Bytes of each environment to begin with; it grows by doubling."""
    max_map_size: int = LARGEST
    """Bytes that the ledger's may grow to."""
    max_cache_size: int = LARGEST


class CommitFailed(DeclaredError):
    """The environment could not be written; the cause says why. Nothing of the commit was kept."""


class StoreView:
    """What the store publishes: both environments for reading."""

    def __init__(self, ledger: Environment, cache: Environment) -> None:
        self.ledger = Records(ledger)
        self.cache = Records(cache)
        self._environments = {"ledger": ledger, "cache": cache}

    def facts(self) -> dict[str, object]:
        """For the status."""
        broken = {"ledger": self.ledger.broken, "cache": self.cache.broken}
        sizes = {name: environment.map_size for name, environment in self._environments.items()}
        dropped = self._environments["cache"].dropped
        return {"map_bytes": sizes, "broken_records": broken, "cache_dropped": dropped}


class StoreActor(Actor):
    """One writer for each environment. Whoever runs it holds the store's owner lock."""

    def __init__(self, spec: StoreSpec) -> None:
        self._spec = spec
        self._ledger_file: Environment
        self._ledger: GroupCommitter
        self._cache: GroupCommitter

    async def start(self) -> None:
        """Open both. A ledger that cannot be read, or that a newer callboard has written, is an error; such a cache is
        dropped and begun anew.
        """
        spec = self._spec
        ledger = await self._open("ledger", LEDGER_DATABASES, spec.max_map_size, sync=spec.sync, disposable=False)
        self._ledger_file = ledger
        self._ledger = GroupCommitter(ledger, run_in_thread=not spec.inline, linger=0)
        self.me.spawn(self._write, self._ledger, ledger)  # which closes it, also when the cache cannot be opened
        Records(ledger).refuse_newer(LEDGER_DATABASES)
        cache = await self._open("cache", CACHE_DATABASES, spec.max_cache_size, sync=False, disposable=True)
        self._cache = GroupCommitter(cache, run_in_thread=False, linger=0 if spec.inline else LINGER)
        self.me.spawn(self._write, self._cache, cache)
        _begin_anew_unless_known(cache)
        self.me.publish(StoreView(ledger, cache))

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Queue writes in the order in which they come; only the waiting is asynchronous."""
        match message:
            case Commit():
                operations = _translate(message.operations)
                if message.share < 1:
                    self._refuse_beyond(message.share, operations)
                return self._committed(self._ledger, operations)
            case CacheCommit():
                return self._committed(self._cache, _translate(message.operations))
            case CacheWrite():
                self._cache.submit_nowait(_translate(message.operations))
            case _:
                raise TypeError(f"the store receives no {type(message).__name__}")
        return None

    async def stop(self) -> None:
        """Write what waits. Whoever waits for a commit that fails hears of it; for the cache's nobody does."""
        for committer in (self._ledger, self._cache):
            with contextlib.suppress(StorageError):
                await committer.flush()

    async def _open(
        self, name: str, databases: tuple[str, ...], largest: int, *, sync: bool, disposable: bool
    ) -> Environment:
        """In a thread: after an unclean end the file is verified first, at seconds a gigabyte."""
        opening = partial(
            Environment.open,
            self._spec.path / name,
            databases,
            map_size=self._spec.map_size,
            max_map_size=largest,
            sync=sync,
            disposable=disposable,
        )
        return opening() if self._spec.inline else await trio.to_thread.run_sync(opening)

    def _refuse_beyond(self, share: float, operations: list[StorageOperation]) -> None:
        file = self._ledger_file
        try:
            room = file.has_room(operations, share)
        except StorageError as error:
            raise CommitFailed(str(error)) from error
        if not room:
            raise CommitFailed(f"{file.path}: more than {share:.0%} of the store's bound is reserved for others")

    def _committed(self, committer: GroupCommitter, operations: list[StorageOperation]) -> Coroutine[Any, Any, None]:
        return self._wait(committer, operations, committer.submit_nowait(operations, urgent=True))

    async def _wait(
        self, committer: GroupCommitter, operations: list[StorageOperation], pending: Pending | None
    ) -> None:
        try:
            if pending is None:
                pending = await committer.submit(operations, urgent=True)
            await pending.wait()
        except StorageError as error:
            raise CommitFailed(str(error)) from error

    async def _write(self, committer: GroupCommitter, environment: Environment) -> None:
        """One environment's writer; it closes the environment when this incarnation ends, however it ends."""
        try:
            await committer.run()
        finally:
            with trio.CancelScope(shield=True):
                await _close(environment)


def _begin_anew_unless_known(cache: Environment) -> None:
    try:
        Records(cache).refuse_newer(CACHE_DATABASES)
    except (TooNew, Unreadable):
        cache.begin_anew()


async def _close(environment: Environment) -> None:
    for _ in range(100):
        try:
            environment.close()
        except StorageBusy:
            await trio.sleep(0.01)
        else:
            return


def _translate(operations: Iterable[Operation]) -> list[StorageOperation]:
    return [_operation(operation) for operation in operations]


def _operation(operation: Operation) -> StorageOperation:
    match operation:
        case StorePut():
            blob = pack(operation.key, operation.version, operation.value)
            return Put(operation.database, operation.key, blob)
        case StoreDelete():
            return Delete(operation.database, operation.key)
