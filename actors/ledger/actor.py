"""The ledger: adds up what it is told at once, and writes it down in groups."""

import math
from collections.abc import Callable

import msgspec
import trio

from callboard.actors.ledger.adding_up import NAMED
from callboard.actors.ledger.book import Book, lost
from callboard.actors.ledger.commits import (
    CAME,
    FAILED,
    IDLE,
    LINGERED,
    LINGERING,
    PAUSED,
    PAUSING,
    PRESSED,
    WRITING,
    WRITTEN,
    Event,
    step,
)
from callboard.actors.ledger.erasing import (
    ERASE_PATIENCE,
    ERASE_PAUSE,
    NOT_WRITTEN,
    CannotErase,
    EraseOn,
    Erasure,
    Progress,
    anonymous,
    chosen,
)
from callboard.actors.ledger.journal import Journal, Reading, deletions, load
from callboard.actors.ledger.keeping import KEEP, STEP, Keep
from callboard.actors.ledger.oldest import Oldest
from callboard.actors.ledger.outbox import Outbox
from callboard.actors.ledger.pile import Group, Pile
from callboard.actors.ledger.standstill import RETRY, Standstill, Why
from callboard.actors.ledger.trimming import Trimming
from callboard.actors.ledger.view import LedgerView
from callboard.messages.accounting import (
    Erase,
    Erased,
    Flush,
    LedgerEntry,
    TellSpending,
    Write,
    WriteDurably,
)
from callboard.messages.base import Tell
from callboard.messages.events import LedgerFailing, LedgerRecovered
from callboard.messages.signals import Left
from callboard.messages.storing import Commit, Operation, StoreDelete
from callboard.runtime.actor import LATER, Actor
from callboard.runtime.calendar import Calendar
from callboard.runtime.clock import ns, seconds
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorError
from callboard.runtime.logs import get_logger
from callboard.runtime.ref import Ref

LINGER = ns(0.02)
"""How long an entry waits for company; with a commit of up to 30 ms it is on disk within 50."""
LAST_TRIES = 8
"""At the stop."""
BACKLOG = 200_000
"""Entries kept while commits fail; beyond it the oldest are lost, counted, and told in status. No sum is."""

TRIM_EVERY = ns(60)
"""Between two looks for what is older than it is kept, and for rows of which there are too many."""
DROPS = 8 * STEP
"""Deletions that may wait: trimming finds no more before some of them are made."""
TRIM_PAUSE = ns(0.1)
"""Between two steps of one look, and when what failed is tried again: what is too old may make room."""

_log = get_logger("callboard.ledger")


class LingerOver(Tell, frozen=True):
    """The ledger's own alarm: what waits has waited long enough for company."""


class PauseOver(Tell, frozen=True):
    """The ledger's own alarm: what failed may be tried again."""


class CommitEnded(Tell, frozen=True):
    """The ledger's own report: the commit underway is written, or has failed."""


class TrimDue(Tell, frozen=True):
    """The ledger's own alarm: something may be older than it is kept."""


class Underway(msgspec.Struct):
    """A commit at the store."""

    group: Group
    operations: tuple[Operation, ...]
    entries: int
    """So many of the outbox are on disk once it is written."""
    waiters: dict[int, tuple[Envelope, object]]
    """Those who are told then, and what."""
    done: trio.Event = msgspec.field(default_factory=trio.Event)
    why: Why | None = None
    """Why it failed."""


class LedgerActor(Actor):
    """`reading` gives the ledger's environment as the store has published it; `calendar` the days to count by.

    For `counted` days at the most a budget counts by tag or user; 0 where none does. Entries of the journal may take
    `room` bytes of the file: beyond these, or when it is full, the oldest go, whatever their age, for sums and open
    attempts need the rest.
    """

    def __init__(
        self,
        reading: Callable[[], Reading],
        store: Ref,
        outbox: Outbox,
        keep: Keep = KEEP,
        calendar: Calendar | None = None,
        *,
        counted: float = 0.0,
        room: float = math.inf,
    ) -> None:
        self._keep = keep
        self._counted = counted
        self._calendar = calendar
        self._reading = reading
        self._store = store
        self._outbox = outbox
        self._book: Book
        self._journal: Journal
        self._oldest = Oldest(reading, outbox, room)
        self._trimming: Trimming
        self._trim_alarm: trio.CancelScope | None = None
        self._erasures: dict[int, Erasure] = {}
        self._phase = IDLE
        self._entries: list[LedgerEntry] = []
        self._changed: list[tuple[str, str]] = []
        """Database and key of the rows that differ from what is on disk."""
        self._pile = Pile()
        self._since = 0
        """When the oldest entry that waits came."""
        self._linger_alarm: trio.CancelScope | None = None
        self._waiters: dict[int, tuple[Envelope, object]] = {}
        """Those who wait for the next commit, and what they are told then."""
        self._underway: Underway | None = None
        self._standstill = Standstill()
        self.skipped = 0
        self.lost = 0
        self.committed = 0

    async def start(self) -> None:
        """Take up the book.

        The first incarnation that gets so far settles what the last process left open as an estimate; a later one goes
        on with what the one before it had not yet written, once it is certain what that was.
        """
        if self.me.incarnation > 1:
            await self._store.ask(Commit(()))
        self._book, self._journal, self.skipped = load(self._reading(), self._calendar)
        self._take_in(*self._outbox.take_over(self._journal.last))
        if not self._outbox.lost_are_settled:
            self._take_in(*[lost(entry, self.me.utc()) for entry in self._book.open.values()])
            self._outbox.lost_are_settled = True
        self._trimming = Trimming(self._book, self._oldest, self._keep, self._counted)
        self.me.publish(LedgerView(self._book, self.skipped, self.facts))
        if self._entries:
            self._move(PRESSED)
        self._trim_in(TRIM_PAUSE)

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Add up, and decide when to write."""
        match message:
            case Write():
                self._take_in(*message.entries)
                if self._phase is IDLE:
                    self._move(CAME)
            case WriteDurably():
                self._take_in(*message.entries)
                return self._acknowledge_later(envelope)
            case Flush():
                return self._acknowledge_later(envelope)
            case TellSpending():
                return self._book.spending()
            case LingerOver():
                self._linger_alarm = None
                self._move(LINGERED)
            case CommitEnded():
                self._ended()
            case PauseOver():
                self._move(PAUSED)
                self._trim_in(TRIM_PAUSE)
            case Erase():
                return self._erase(message, envelope)
            case EraseOn():
                self._erase_on(message.erasure)
            case TrimDue():
                self._trim()
            case Left():
                self._left(message.envelope)
            case _:
                raise TypeError(f"the ledger receives no {type(message).__name__}")
        return None

    async def stop(self) -> None:
        """Write what waits, after the commit underway."""
        if self._underway is not None:
            await self._underway.done.wait()
            self._settle(self._underway)
        failed = 0
        while failed < LAST_TRIES:
            self._underway = self._next()
            if not self._underway.operations:
                return
            self._underway.why = await self._committed(self._underway.operations)
            if self._settle(self._underway) is FAILED:
                failed += 1
                await trio.sleep(seconds(RETRY))
        _log.error("%d writes of the ledger could not be made before it had to stop", len(self._pile))

    def facts(self) -> dict[str, object]:
        """For the status."""
        underway = self._underway
        return {
            "committed": self.committed,
            "waiting": len(self._entries) + len(self._pile) + (0 if underway is None else len(underway.operations)),
            "open_attempts": len(self._book.open),
            "rows": sum(len(self._book.rows[database]) for database in NAMED),
            "skipped_records": self.skipped,
            "failed_commits": self._standstill.failures,
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
        self._waiters[envelope.id] = (envelope, told)
        self._move(PRESSED)
        return LATER

    def _left(self, asker: int) -> None:
        """What is written down stays; only nobody hears of it."""
        self._erasures.pop(asker, None)
        self._waiters.pop(asker, None)
        if self._underway is not None:
            self._underway.waiters.pop(asker, None)

    def _trim(self) -> None:
        """One step; none while too much waits to be deleted."""
        dropping = 0 if self._underway is None else len(self._underway.group.drops)
        if len(self._pile.drops) + dropping >= DROPS:
            self._trim_in(TRIM_PAUSE)
            return
        found = self._trimming.step(self.me.utc(), full=self._standstill.full)
        self._changed += found.changed
        self._drop(found.drops)
        if found.changed:
            self._move(PRESSED)
        self._trim_in(TRIM_PAUSE if found.more else TRIM_EVERY)

    def _trim_in(self, pause: int) -> None:
        if self._trim_alarm is not None:
            self._trim_alarm.cancel()
        self._trim_alarm = self.me.at(self.me.now() + pause, TrimDue())

    def _drop(self, drops: list[StoreDelete]) -> None:
        """With the next commit."""
        self._pile.drop(drops)
        if drops:
            self._move(PRESSED)

    def _erase(self, erase: Erase, envelope: Envelope) -> object:
        gone: list[tuple[str, str]] = []
        if erase.user is not None and erase.call is None and erase.before is None:
            gone, changed = anonymous(self._book, erase.user)
            self._changed += [*gone, *changed]
        latest = self.me.now() + ERASE_PATIENCE
        self._erasures[envelope.id] = Erasure(envelope, chosen(erase), self._outbox.latest, len(gone), latest)
        self._erase_on(envelope.id)
        return LATER

    def _erase_on(self, number: int) -> None:
        """One step: the next entries of the journal."""
        erasure = self._erasures.get(number)
        if erasure is None:
            return
        now = self.me.now()
        keys, progress = erasure.step(self._oldest.page(erasure.after), self._outbox.latest_written, now)
        self._drop(deletions(keys))
        match progress:
            case Progress.UNREADABLE:
                self.me.at(now + RETRY, EraseOn(number))
            case Progress.MORE:
                self.me.at(now + ERASE_PAUSE, EraseOn(number))
            case Progress.UNWRITTEN:
                self._move(PRESSED)
                self.me.at(now + LINGER, EraseOn(number))
            case Progress.GIVEN_UP:
                del self._erasures[number]
                erasure.envelope.fail(CannotErase(NOT_WRITTEN))
            case Progress.DONE:
                del self._erasures[number]
                self._acknowledge_later(erasure.envelope, Erased(entries=erasure.entries, rows=erasure.rows))

    def _move(self, event: Event) -> None:
        """See `commits.py`; here is what is done in each phase when it begins."""
        before, self._phase = self._phase, step(self._phase, event)
        if self._phase is before:
            return
        if self._phase is LINGERING:
            self._linger_alarm = self.me.at(self._since + LINGER, LingerOver())
        elif self._phase is WRITING:
            if self._linger_alarm is not None:
                self._linger_alarm.cancel()
                self._linger_alarm = None
            self._underway = self._next()
            self.me.spawn(self._write, self._underway)
        elif self._phase is PAUSING:
            self.me.at(self.me.now() + self._standstill.pause, PauseOver())

    def _next(self) -> Underway:
        """Everything that waits, or, in a standstill, deletions alone."""
        fresh = self._journal.operations(self._entries, self._book, self._changed)
        self._entries, self._changed = [], []
        if self._standstill.drops_alone and (drops := self._pile.take_drops(STEP)) is not None:
            self._pile.leave(fresh)
            return Underway(drops, drops.operations, entries=0, waiters={})
        waiters, self._waiters = self._waiters, {}
        group = self._pile.take(fresh)
        return Underway(group, group.operations, len(self._outbox), waiters)

    async def _write(self, underway: Underway) -> None:
        if underway.operations:
            underway.why = await self._committed(underway.operations)
        underway.done.set()
        self.me.report(CommitEnded())

    async def _committed(self, operations: tuple[Operation, ...]) -> Why | None:
        """Why it is not; None when it is."""
        try:
            await self._store.ask(Commit(operations))
        except ActorError as error:
            return Why(type(error.__cause__ or error).__name__, str(error))
        return None

    def _ended(self) -> None:
        assert self._underway is not None
        whole = self._underway.group.whole
        self._move(self._settle(self._underway))
        if self._phase is not IDLE:
            return
        if self._waiters or self._pile.drops or not whole:
            self._move(PRESSED)
        elif self._entries or self._changed:
            self._move(CAME)

    def _settle(self, done: Underway) -> Event:
        """What becomes of a commit that has ended: it is written, or all of it waits again."""
        self._underway = None
        if done.why is not None:
            self._put_back(done, done.why)
            return FAILED
        if self._standstill.pause and self._standstill.succeeded(whole=done.group.whole):
            self._tell_recovery()
        self.committed += len(done.operations)
        self._outbox.written(done.entries)
        for envelope, value in done.waiters.values():
            envelope.reply(value)
        return WRITTEN

    def _put_back(self, failed: Underway, why: Why) -> None:
        """It goes ahead of the next commit."""
        if self._standstill.failed(why):
            self._tell_failure(len(failed.operations), why)
        lost = self._pile.put_back(failed.group, BACKLOG)
        self.lost += lost
        self._outbox.written(lost)
        self._waiters = {**failed.waiters, **self._waiters}

    def _tell_failure(self, waiting: int, why: Why) -> None:
        """Once a standstill: what is spent from now on would be forgotten if the process ended."""
        _log.error(
            "the ledger cannot be written (%s): %d writes wait and are tried again; "
            "calls go on, but what they spend is not kept if this process ends. %s",
            why.name,
            waiting,
            why.sentence,
        )
        self.me.emit(LedgerFailing(at=self.me.utc(), cause=why.name))

    def _tell_recovery(self) -> None:
        _log.error("the ledger is written again; %d entries were lost meanwhile", self.lost)
        self.me.emit(LedgerRecovered(at=self.me.utc(), lost=self.lost))
