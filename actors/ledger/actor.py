"""The ledger: adds up what it is told at once, and writes it down in groups."""

import logging
from collections.abc import Callable

import trio

from callboard.actors.ledger.book import Book, lost
from callboard.actors.ledger.journal import JOURNAL, Journal, Reading, load
from callboard.actors.ledger.outbox import Outbox
from callboard.messages.accounting import (
    CircuitHistory,
    Flush,
    LedgerEntry,
    UsageReport,
    Write,
    WriteDurably,
)
from callboard.messages.base import Tell
from callboard.messages.signals import Left
from callboard.messages.storing import Commit, Operation
from callboard.runtime.actor import LATER, Actor
from callboard.runtime.clock import ns, seconds
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorError
from callboard.runtime.ref import Ref

LINGER = ns(0.02)
"""How long an entry waits for company; with a commit of up to 30 ms it is on disk within 50."""
RETRY = ns(0.5)
"""After a commit that failed."""
LAST_TRIES = 8
"""At the stop."""
BACKLOG = 200_000
"""Entries kept while commits fail; beyond it the oldest are lost, counted, and told in status. No sum is."""

_log = logging.getLogger("callboard.ledger")


class GroupDue(Tell, frozen=True):
    """The ledger's own alarm: what waits has waited long enough."""


class GroupEnded(Tell, frozen=True):
    """The ledger's own report on a commit."""

    failed: bool


class LedgerView:
    """What the ledger publishes."""

    def __init__(self, book: Book, ledger: "LedgerActor") -> None:
        self._book = book
        self._ledger = ledger

    def report(self) -> UsageReport:
        """All sums now."""
        return self._book.report(self._ledger.skipped)

    def circuits(self, provider: str) -> list[CircuitHistory]:
        """What is remembered of one provider's circuits."""
        return self._book.circuits(provider)

    def facts(self) -> dict[str, object]:
        """For the status."""
        return self._ledger.facts()


class LedgerActor(Actor):
    """`reading` gives the ledger's environment as the store has published it."""

    def __init__(self, reading: Callable[[], Reading], store: Ref, outbox: Outbox) -> None:
        self._reading = reading
        self._store = store
        self._outbox = outbox
        self._underway = 0
        """Entries of the outbox that the commit underway will have written."""
        self._book: Book
        self._journal: Journal
        self._waiting: list[Operation] = []
        self._entries: list[LedgerEntry] = []
        self._changed: list[tuple[str, str]] = []
        self._waiters: list[Envelope] = []
        self._group: tuple[tuple[Operation, ...], list[Envelope]] | None = None
        self._group_done = trio.Event()
        self._group_failed = False
        self._alarm: trio.CancelScope | None = None
        self._since = 0
        """When the oldest entry that waits came."""
        self.skipped = 0
        self.failures = 0
        self.lost = 0
        self.committed = 0

    async def start(self) -> None:
        """Take up the book.

        The first incarnation settles what the last process left open as an estimate; a later one goes on with what
        the one before it had not yet written, once it is certain what that was.
        """
        if self.me.incarnation > 1:
            await self._store.ask(Commit(()))
        self._book, self._journal, self.skipped = load(self._reading())
        self._take_in(*self._outbox.take_over(self._journal.last))
        if self.me.incarnation == 1:
            self._take_in(*[lost(entry, self.me.utc()) for entry in self._book.open.values()])
        self.me.publish(LedgerView(self._book, self))
        if self._entries:
            self._commit()

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Add up, and decide when to write."""
        match message:
            case Write():
                self._take_in(*message.entries)
                self._linger()
            case WriteDurably():
                self._take_in(*message.entries)
                return self._acknowledge_later(envelope)
            case Flush():
                return self._acknowledge_later(envelope)
            case GroupDue():
                self._alarm = None
                self._commit()
            case Left():
                pass  # it stays written down; only nobody hears of it
            case GroupEnded():
                self._ended(failed=message.failed)
            case _:
                raise TypeError(f"the ledger receives no {type(message).__name__}")
        return None

    async def stop(self) -> None:
        """Write what waits, after the commit underway."""
        if self._group is not None:
            await self._group_done.wait()
            if self._group_failed:
                self._waiting = list(self._group[0])
        operations = self._operations()
        for _ in range(LAST_TRIES):
            if not operations or await self._committed(operations):
                return
            await trio.sleep(seconds(RETRY))
        _log.error("%d writes of the ledger could not be made before it had to stop", len(operations))

    def facts(self) -> dict[str, object]:
        """For the status."""
        return {
            "committed": self.committed,
            "waiting": len(self._entries) + len(self._waiting),
            "open_attempts": len(self._book.open),
            "skipped_records": self.skipped,
            "failed_commits": self.failures,
            "lost_entries": self.lost,
        }

    def _take_in(self, *entries: LedgerEntry) -> None:
        if not self._entries:
            self._since = self.me.now()
        for entry in entries:
            self._changed.extend(self._book.apply(entry))
        self._entries.extend(entries)
        self._outbox.add(*entries)

    def _acknowledge_later(self, envelope: Envelope) -> object:
        self._waiters.append(envelope)
        self._commit()
        return LATER

    def _linger(self) -> None:
        if self._alarm is None and self._group is None:
            self._alarm = self.me.at(self._since + LINGER, GroupDue())

    def _commit(self) -> None:
        if self._group is not None:
            return
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        operations = self._operations()
        waiters, self._waiters = self._waiters, []
        self._group = (operations, waiters)
        self._group_done = trio.Event()
        self._group_failed = False
        self.me.spawn(self._write, operations)

    def _operations(self) -> tuple[Operation, ...]:
        """Everything that waits, as operations; what a failed commit left comes first."""
        fresh = self._journal.operations(self._entries, self._book, self._changed)
        operations = (*self._waiting, *fresh)
        self._waiting, self._entries, self._changed = [], [], []
        self._underway = len(self._outbox)
        return operations

    async def _write(self, operations: tuple[Operation, ...]) -> None:
        self._group_failed = bool(operations) and not await self._committed(operations)
        self._group_done.set()
        if self._group_failed:
            await trio.sleep(seconds(RETRY))
        self.me.report(GroupEnded(failed=self._group_failed))

    async def _committed(self, operations: tuple[Operation, ...]) -> bool:
        try:
            await self._store.ask(Commit(operations))
        except ActorError:
            return False
        return True

    def _ended(self, *, failed: bool) -> None:
        assert self._group is not None
        operations, waiters = self._group
        self._group = None
        if failed:
            self._keep_for_later(operations)
            self._waiters = [*waiters, *self._waiters]
        else:
            self.committed += len(operations)
            self._outbox.written(self._underway)
            for envelope in waiters:
                envelope.reply(None)
        if self._waiters or failed:
            self._commit()
        elif self._entries:
            self._linger()

    def _keep_for_later(self, operations: tuple[Operation, ...]) -> None:
        """They go ahead of the next commit. Of several writes to one place only the last counts."""
        self.failures += 1
        latest = {(operation.database, operation.key): operation for operation in operations}
        entries = [place for place in latest if place[0] == JOURNAL]
        beyond = entries[: max(0, len(entries) - BACKLOG)]
        for place in beyond:
            del latest[place]
        self.lost += len(beyond)
        self._outbox.written(len(beyond))
        self._waiting = list(latest.values())
