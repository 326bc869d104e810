"""The ledger: adds up what it is told at once, and writes it down in groups."""

import logging
from collections.abc import Callable

import msgspec
import trio

from callboard.actors.ledger.book import Book, lost
from callboard.actors.ledger.journal import JOURNAL, Journal, Reading, load, number_of, page, row_key
from callboard.actors.ledger.keeping import DAY, KEEP, STEP, Keep, Page, aged, aged_rows, anonymous, chosen, dated_ahead
from callboard.actors.ledger.outbox import Outbox
from callboard.messages.accounting import (
    CircuitHistory,
    Erase,
    Erased,
    Flush,
    LatencyRow,
    LedgerEntry,
    Taken,
    TellSpending,
    UsageReport,
    Write,
    WriteDurably,
)
from callboard.messages.base import Tell
from callboard.messages.events import LedgerFailing, LedgerRecovered
from callboard.messages.signals import Left
from callboard.messages.storing import Commit, Operation, StoreDelete, StorePut
from callboard.runtime.actor import LATER, Actor
from callboard.runtime.calendar import Calendar
from callboard.runtime.clock import ns, seconds
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorError
from callboard.runtime.ref import Ref
from callboard.runtime.storage.errors import StorageError

LINGER = ns(0.02)
"""How long an entry waits for company; with a commit of up to 30 ms it is on disk within 50."""
RETRY = ns(0.5)
"""After a commit that failed."""
LAST_TRIES = 8
"""At the stop."""
BACKLOG = 200_000
"""Entries kept while commits fail; beyond it the oldest are lost, counted, and told in status. No sum is."""

TRIM_EVERY = ns(3_600)
"""Between two looks for what is older than it is kept."""
TRIM_PAUSE = ns(0.1)
"""Between two steps of one look."""
ERASE_PAUSE = ns(0.005)

_log = logging.getLogger("callboard.ledger")


class GroupDue(Tell, frozen=True):
    """The ledger's own alarm: what waits has waited long enough."""


class TrimDue(Tell, frozen=True):
    """The ledger's own alarm: something may be older than it is kept."""


class EraseOn(Tell, frozen=True):
    """The ledger's own alarm: the next step of an erasure."""

    erasure: int


class Erasure(msgspec.Struct):
    """One ask to delete, and how far it has come."""

    envelope: Envelope
    matches: Callable[[LedgerEntry], bool]
    until: int
    """The number of the latest entry when it began."""
    rows: int
    after: bytes = b""
    entries: int = 0


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

    def taken(self, attempt: str) -> Taken | None:
        """What an attempt that is underway, or was just cancelled, is taken to use; None when nothing was sent."""
        return self._book.taken(attempt)

    def latency(self, provider: str, model: str) -> LatencyRow | None:
        """How long this model's attempts take; None without any."""
        return self._book.latency(provider, model)

    def circuits(self, provider: str) -> list[CircuitHistory]:
        """What is remembered of one provider's circuits."""
        return self._book.circuits(provider)

    def is_open(self, attempt: str) -> bool:
        """Whether this attempt has begun and not ended."""
        return attempt in self._book.open

    def facts(self) -> dict[str, object]:
        """For the status."""
        return self._ledger.facts()


class LedgerActor(Actor):
    """`reading` gives the ledger's environment as the store has published it; `calendar` the days to count by."""

    def __init__(
        self,
        reading: Callable[[], Reading],
        store: Ref,
        outbox: Outbox,
        keep: Keep = KEEP,
        calendar: Calendar | None = None,
    ) -> None:
        self._keep = keep
        self._calendar = calendar
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
        self._deletions: list[StoreDelete] = []
        self._passed = b""
        """The entries up to this key are dated ahead of time: trimming begins behind them."""
        self._erasures: dict[int, Erasure] = {}
        self._waiters: list[tuple[Envelope, object]] = []
        """Those who wait for the next commit, and what they are told then."""
        self._group: tuple[tuple[Operation, ...], list[tuple[Envelope, object]]] | None = None
        self._group_done = trio.Event()
        self._group_failed = False
        self._alarm: trio.CancelScope | None = None
        self._since = 0
        """When the oldest entry that waits came."""
        self.skipped = 0
        self.failures = 0
        self._failing = False
        self._why_failed = ""
        self.lost = 0
        self.committed = 0

    async def start(self) -> None:
        """Take up the book.

        The first incarnation settles what the last process left open as an estimate; a later one goes on with what
        the one before it had not yet written, once it is certain what that was.
        """
        if self.me.incarnation > 1:
            await self._store.ask(Commit(()))
        self._book, self._journal, self.skipped = load(self._reading(), self._calendar)
        self._take_in(*self._outbox.take_over(self._journal.last))
        if self.me.incarnation == 1:
            self._take_in(*[lost(entry, self.me.utc()) for entry in self._book.open.values()])
        self.me.publish(LedgerView(self._book, self))
        if self._entries:
            self._commit()
        self.me.at(self.me.now() + TRIM_PAUSE, TrimDue())

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
            case TellSpending():
                return self._book.spending()
            case GroupDue():
                self._alarm = None
                self._commit()
            case Erase():
                return self._erase(message, envelope)
            case EraseOn():
                self._erase_on(message.erasure)
            case TrimDue():
                self._trim()
            case Left():
                self._erasures.pop(message.envelope, None)  # what is written down stays; only nobody hears of it
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
            "lost_entries": self.lost + self._journal.lost,
        }

    def _take_in(self, *entries: LedgerEntry) -> None:
        if not self._entries:
            self._since = self.me.now()
        for entry in entries:
            self._changed.extend(self._book.apply(entry))
        self._entries.extend(entries)
        self._outbox.add(*entries)

    def _acknowledge_later(self, envelope: Envelope, told: object = None) -> object:
        self._waiters.append((envelope, told))
        self._commit()
        return LATER

    def _trim(self) -> None:
        """One step: what is oldest in the journal and among the rows, if it is too old."""
        now = self.me.utc()
        keys, more = self._aged(now - int(self._keep.entries * DAY), now)
        rows = aged_rows(self._book, now - int(self._keep.usage * DAY), now)
        self._delete(keys, rows)
        more = more or len(rows) == STEP
        self.me.at(self.me.now() + (TRIM_PAUSE if more else TRIM_EVERY), TrimDue())

    def _aged(self, before: int, now: int) -> tuple[list[bytes], bool]:
        """Keys of the oldest entries that are too old, and whether more may be. As a rule one look is enough."""
        first = self._page(self._passed, 1)
        if not first or (first[0][1] is not None and before <= first[0][1].at <= now):
            return [], False
        found = self._page(self._passed) or []
        if len(found) == STEP and dated_ahead(found, now):
            self._passed = found[-1][0]
            return [], True
        keys = aged(found, before, now)
        return keys, len(keys) == STEP

    def _page(self, after: bytes, limit: int = STEP) -> Page | None:
        """The next entries of the journal; None when it cannot be read now."""
        try:
            return page(self._reading(), after, limit)
        except StorageError:
            return None

    def _delete(self, keys: list[bytes], rows: list[tuple[str, str]]) -> None:
        """With the next commit."""
        for database, key in rows:
            self._book.rows[database].pop(key, None)
        self._deletions += [StoreDelete(JOURNAL, key) for key in keys]
        self._deletions += [StoreDelete(database, row_key(key)) for database, key in rows]
        if self._deletions:
            self._commit()

    def _erase(self, erase: Erase, envelope: Envelope) -> object:
        gone: list[tuple[str, str]] = []
        if erase.user is not None and erase.call is None and erase.before is None:
            gone, changed = anonymous(self._book, erase.user)
            self._changed += [*gone, *changed]
        self._erasures[envelope.id] = Erasure(envelope, chosen(erase), self._journal.last, len(gone))
        self._erase_on(envelope.id)
        return LATER

    def _erase_on(self, number: int) -> None:
        """One step: the next entries of the journal."""
        erasure = self._erasures.get(number)
        if erasure is None:
            return
        found = self._page(erasure.after)
        if found is None:
            self.me.at(self.me.now() + RETRY, EraseOn(number))
            return
        keys = [key for key, entry in found if entry is not None and erasure.matches(entry)]
        erasure.entries += len(keys)
        self._delete(keys, [])
        if len(found) == STEP and number_of(found[-1][0]) < erasure.until:
            erasure.after = found[-1][0]
            self.me.at(self.me.now() + ERASE_PAUSE, EraseOn(number))
            return
        del self._erasures[number]
        self._acknowledge_later(erasure.envelope, Erased(entries=erasure.entries, rows=erasure.rows))

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
        operations = (*self._waiting, *self._deletions, *fresh)
        self._waiting, self._entries, self._changed, self._deletions = [], [], [], []
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
        except ActorError as error:
            self._why_failed = type(error.__cause__ or error).__name__
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
            self._tell_recovery()
            self.committed += len(operations)
            self._outbox.written(self._underway)
            for envelope, told in waiters:
                envelope.reply(told)
        if self._waiters or self._deletions or failed:
            self._commit()
        elif self._entries:
            self._linger()

    def _tell_failure(self, waiting: int) -> None:
        """Once an episode: what is spent from now on would be forgotten if the process ended."""
        if self._failing:
            return
        self._failing = True
        _log.error(
            "the ledger cannot be written (%s): %d writes wait and are tried again; "
            "calls go on, but what they spend is not kept if this process ends. Is the disk full?",
            self._why_failed,
            waiting,
        )
        self.me.emit(LedgerFailing(at=self.me.utc(), cause=self._why_failed))

    def _tell_recovery(self) -> None:
        if self._failing:
            self._failing = False
            _log.error("the ledger is written again; %d entries were lost meanwhile", self.lost)
            self.me.emit(LedgerRecovered(at=self.me.utc(), lost=self.lost))

    def _keep_for_later(self, operations: tuple[Operation, ...]) -> None:
        """They go ahead of the next commit. Of several writes to one place only the last counts."""
        self.failures += 1
        self._tell_failure(len(operations))
        latest = {(operation.database, operation.key): operation for operation in operations}
        entries = [place for place, one in latest.items() if place[0] == JOURNAL and isinstance(one, StorePut)]
        beyond = entries[: max(0, len(entries) - BACKLOG)]
        for place in beyond:
            del latest[place]
        self.lost += len(beyond)
        self._outbox.written(len(beyond))
        self._waiting = list(latest.values())
