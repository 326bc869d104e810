"""Commits in groups: while one commit runs others queue up, and the next one takes what waits.

    submit_nowait ──> backlog ──take──> one transaction, one thread call ──> every waiter of the group

A synced commit costs a wait for the disk whatever is in it, so five hundred in one are two hundred times
cheaper than five hundred alone. A group's waiters are cancelled or not, as they like: the commit runs to its
end. When a group finds no room its submissions are tried one by one: none fails for the size of another.
"""

import contextlib
from collections.abc import Sequence
from functools import partial

import msgspec
import trio

from callboard.runtime.clock import Clock, ns, trio_deadline
from callboard.runtime.storage.backlog import Backlog, GroupLimits, Submission
from callboard.runtime.storage.committing import committed
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import NeedsGrowth, StorageBusy, StorageError, StorageFull, StoreClosed
from callboard.runtime.storage.operations import Operation
from callboard.runtime.storage.pending import Pending

DEFAULT_LIMITS = GroupLimits()
LINGER = ns(0.02)
"""Nanoseconds: with a commit of up to 30 ms, what is not urgent is on disk within 50."""
REMAP = 1024 * 1024
"""Bytes written between two times that the map is laid anew. A journal only grows, and whatever of it has been touched
would count as the process's memory, until that is as large as the file.
"""
PATIENCE = 200
"""How often growth is tried while readers in other threads are at it, a millisecond apart."""


class GroupStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """A group committer, now. The counters are since it was made."""

    waiting: int
    """Submissions."""
    waiting_size: int
    """Bytes."""
    committing: int
    """Submissions in the commit that runs now."""
    groups: int
    submissions: int
    """Acknowledged."""
    failed: int
    """Submissions that ended with an error."""
    largest: int
    """Submissions in the largest group."""


class GroupCommitter:
    """The one way in which an environment is written, from one Trio run. Its owner runs `run()` as a task.

    With `run_in_thread` a commit runs in a thread of its own; otherwise on the Trio thread, for virtual time,
    whose clock would jump while a thread works. `linger`: nanoseconds that a commit which is not urgent waits
    for company. `remap`: see REMAP.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        run_in_thread: bool,
        linger: int = LINGER,
        limits: GroupLimits = DEFAULT_LIMITS,
        remap: int = REMAP,
    ) -> None:
        self._environment = environment
        self._linger = linger
        self._remap = remap
        self._written = 0
        """Bytes since the map was laid."""
        self._commit = self._commit_in_thread if run_in_thread else self._commit_inline
        self._clock = Clock()
        self._backlog = Backlog(limits)
        self._group: list[Submission] = []
        self._wake = trio.lowlevel.ParkingLot()
        self._room = trio.lowlevel.ParkingLot()
        self._running = False
        self._stopping = False
        self._groups = 0
        self._submissions = 0
        self._failed = 0
        self._largest = 0

    def submit_nowait(self, operations: Sequence[Operation], *, urgent: bool = False) -> Pending | None:
        """Queue operations to be committed together, after all that came before; None when too much waits.

        `urgent`: do not linger. Raises StoreClosed after the end of `run()`, and LookupError for an unknown
        database.
        """
        if self._stopping:
            raise StoreClosed(self._environment.path)
        self._environment.check(operations)
        if self._backlog.full or self._room:
            return None
        return self._add(operations, urgent)

    async def submit(self, operations: Sequence[Operation], *, urgent: bool = False) -> Pending:
        """As `submit_nowait`, but waits for room. A checkpoint always; cancelled, nothing was queued."""
        await trio.lowlevel.checkpoint()
        pending = self.submit_nowait(operations, urgent=urgent)
        while pending is None:
            await self._room.park()
            pending = self._enter(operations, urgent)
        return pending

    async def flush(self) -> None:
        """Wait until all that was submitted before is committed, without lingering. Raises its first error."""
        before = [submission.pending for submission in self._group] + self._backlog.pending()
        self._backlog.hurry()
        self._wake.unpark_all()
        if not before:
            await trio.lowlevel.checkpoint()
            return
        await before[-1].settled()
        for pending in before:
            pending.check()

    def stop(self) -> None:
        """Take nothing more. `run()` commits what waits and returns."""
        self._stopping = True
        self._wake.unpark_all()
        self._room.unpark_all()

    async def run(self) -> None:
        """Commit groups until `stop()`. Cancelled, it ends the running commit; the rest gets StoreClosed."""
        if self._running:
            raise RuntimeError(f"{self._environment.path}: this store's writer is running already")
        self._running = True
        try:
            while await self._next_is_due():
                await self._commit_next()
        finally:
            self._abandon()

    def statistics(self) -> GroupStatistics:
        """Queue and counters."""
        return GroupStatistics(
            waiting=len(self._backlog),
            waiting_size=self._backlog.size,
            committing=len(self._group),
            groups=self._groups,
            submissions=self._submissions,
            failed=self._failed,
            largest=self._largest,
        )

    def _enter(self, operations: Sequence[Operation], urgent: bool) -> Pending | None:
        """Add for a submitter that has waited its turn, and let in the next one while there is room."""
        if self._stopping:
            raise StoreClosed(self._environment.path)
        if self._backlog.full:
            return None
        pending = self._add(operations, urgent)
        self._let_in()
        return pending

    def _add(self, operations: Sequence[Operation], urgent: bool) -> Pending:
        due = self._backlog.due(self._linger)
        pending = self._backlog.add(operations, self._clock.now(), urgent=urgent)
        if self._backlog.due(self._linger) != due:
            self._wake.unpark_all()
        return pending

    def _let_in(self) -> None:
        if not self._backlog.full:
            self._room.unpark()

    async def _next_is_due(self) -> bool:
        """Wait for it. False: stopped, and nothing is left."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._stopping:
            due = self._backlog.due(self._linger)
            if due <= self._clock.now():
                return True
            with trio.move_on_at(trio_deadline(due)):
                await self._wake.park()
        return len(self._backlog) > 0

    async def _commit_next(self) -> None:
        self._group = self._backlog.take()
        self._let_in()
        self._written += sum(one.size for one in self._group)
        self._groups += 1
        self._largest = max(self._largest, len(self._group))
        error = await self._carry_out([operation for one in self._group for operation in one.operations])
        if isinstance(error, StorageFull) and len(self._group) > 1:
            await self._commit_one_by_one()
        else:
            self._settle(len(self._group), error)
        if self._written >= self._remap:
            self._lay_anew()

    async def _commit_one_by_one(self) -> None:
        while self._group:
            self._settle(1, await self._carry_out(self._group[0].operations))

    async def _carry_out(self, operations: Sequence[Operation]) -> StorageError | None:
        with trio.CancelScope(shield=True):
            try:
                await self._commit_growing(operations)
            except StorageError as error:
                return error
        return None

    async def _commit_growing(self, operations: Sequence[Operation]) -> None:
        while True:
            try:
                await self._commit(operations)
            except NeedsGrowth:
                await self._grow()
            else:
                return

    async def _commit_in_thread(self, operations: Sequence[Operation]) -> None:
        await committed(partial(self._environment.commit, operations), len(operations))

    async def _commit_inline(self, operations: Sequence[Operation]) -> None:
        try:
            self._environment.commit(operations)
        finally:
            await trio.lowlevel.checkpoint()

    async def _grow(self) -> None:
        """On the Trio thread, with the writer idle; readers in other threads are waited for, for a while."""
        for _ in range(PATIENCE):
            with contextlib.suppress(StorageBusy):
                return self._environment.grow()
            await trio.sleep(0.001)
        return self._environment.grow()

    def _lay_anew(self) -> None:
        """On the Trio thread, with the writer idle. Under a reader it is left for the next commit."""
        with contextlib.suppress(StorageError):  # an environment that cannot be mapped tells the next commit
            try:
                self._environment.remap()
            except StorageBusy:
                return
        self._written = 0

    def _settle(self, count: int, error: StorageError | None) -> None:
        """The first so many of the group have ended."""
        ended, self._group = self._group[:count], self._group[count:]
        for submission in ended:
            submission.pending.settle(error)
        if error is None:
            self._submissions += count
        else:
            self._failed += count

    def _abandon(self) -> None:
        self.stop()
        while len(self._backlog):
            self._group += self._backlog.take()
        if self._group:
            self._settle(len(self._group), StoreClosed(self._environment.path))
