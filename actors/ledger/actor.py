"""The ledger: adds up what it is told at once, and writes it down in groups."""

from collections.abc import Callable

import trio

from callboard.actors.ledger.book import Book, lost
from callboard.actors.ledger.journal import Journal, Reading, load
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
BACKLOG = 200_000
"""Operations kept while commits fail; beyond it the oldest are lost, counted, and told in status."""


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

    def __init__(self, reading: Callable[[], Reading], store: Ref) -> None:
        self._reading = reading
        self._store = store
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
        self.skipped = 0
        self.failures = 0
        self.lost = 0
        self.committed = 0

    async def start(self) -> None:
        """Take up the book, and settle what the last process left open as an estimate."""
        self._book, self._journal, self.skipped = load(self._reading())
        for entry in list(self._book.open.values()):
            self._take_in(lost(entry, self.me.utc()))
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
        if operations:
            await self._store.ask(Commit(operations))

    def facts(self) -> dict[str, object]:
        """For the status."""
        return {
            "committed": self.committed,
            "waiting": len(self._entries) + len(self._waiting),
            "open_attempts": len(self._book.open),
            "skipped_records": self.skipped,
            "failed_commits": self.failures,
            "lost_operations": self.lost,
        }

    def _take_in(self, *entries: LedgerEntry) -> None:
        for entry in entries:
            self._changed.extend(self._book.apply(entry))
        self._entries.extend(entries)

    def _acknowledge_later(self, envelope: Envelope) -> object:
        if not (self._entries or self._waiting or self._group):
            return None
        self._waiters.append(envelope)
        self._commit()
        return LATER

    def _linger(self) -> None:
        if self._alarm is None and self._group is None:
            self._alarm = self.me.at(self.me.now() + LINGER, GroupDue())

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
        return operations

    async def _write(self, operations: tuple[Operation, ...]) -> None:
        try:
            if operations:
                await self._store.ask(Commit(operations))
        except ActorError:
            self._group_failed = True
        self._group_done.set()
        if self._group_failed:
            await trio.sleep(seconds(RETRY))
        self.me.report(GroupEnded(failed=self._group_failed))

    def _ended(self, *, failed: bool) -> None:
        assert self._group is not None
        operations, waiters = self._group
        self._group = None
        if failed:
            self._keep_for_later(operations)
            self._waiters = [*waiters, *self._waiters]
        else:
            self.committed += len(operations)
            for envelope in waiters:
                envelope.reply(None)
        if self._waiters or failed:
            self._commit()
        elif self._entries:
            self._linger()

    def _keep_for_later(self, operations: tuple[Operation, ...]) -> None:
        self.failures += 1
        excess = max(0, len(operations) - BACKLOG)
        self.lost += excess
        self._waiting = list(operations[excess:])
