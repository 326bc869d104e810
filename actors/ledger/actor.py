"""The ledger: adds up what it is told at once, and writes it down in groups."""

import math
from collections.abc import Callable

import trio

from callboard.actors.ledger.adding_up import NAMED
from callboard.actors.ledger.book import Book, lost
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
from callboard.runtime.storage.errors import StorageFull

LINGER = ns(0.02)
"""How long an entry waits for company; with a commit of up to 30 ms it is on disk within 50."""
RETRY = ns(0.5)
"""After a commit that failed; twice as long after each further one."""
LONGEST_RETRY = ns(8)
"""A large backlog takes half a second of the Trio thread to be tried again."""
LAST_TRIES = 8
"""At the stop."""
BACKLOG = 200_000
"""Entries kept while commits fail; beyond it the oldest are lost, counted, and told in status. No sum is."""

TRIM_EVERY = ns(60)
"""Between two looks for what is older than it is kept, and for rows of which there are too many."""
DROPS = 8 * STEP
"""Deletions that may wait: trimming finds no more before some of them are made."""
IN_A_ROW = 8
"""Commits of deletions alone, while others fail. LMDB uses the room that one makes only in the second one after it."""
TRIM_PAUSE = ns(0.1)
"""Between two steps of one look, and after a commit that failed: what is too old may make room."""

_log = get_logger("callboard.ledger")


class GroupDue(Tell, frozen=True):
    """The ledger's own alarm: what waits has waited long enough."""


class TrimDue(Tell, frozen=True):
    """The ledger's own alarm: something may be older than it is kept."""


class GroupEnded(Tell, frozen=True):
    """The ledger's own report on a commit."""

    failed: bool


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
        self._underway = 0
        """Entries of the outbox that the commit underway will have written."""
        self._book: Book
        self._journal: Journal
        self._pile = Pile()
        self._entries: list[LedgerEntry] = []
        self._changed: list[tuple[str, str]] = []
        self._oldest = Oldest(reading, outbox, room)
        self._trimming: Trimming
        self._erasures: dict[int, Erasure] = {}
        self._waiters: dict[int, tuple[Envelope, object]] = {}
        """Those who wait for the next commit, and what they are told then."""
        self._group: Group | None = None
        self._told: dict[int, tuple[Envelope, object]] = {}
        """Those who are told when the commit underway has succeeded."""
        self._group_done = trio.Event()
        self._group_failed = False
        self._failed_in_a_row = 0
        self._drops_in_a_row = 0
        """Commits of nothing but what was to be dropped."""
        self._alarm: trio.CancelScope | None = None
        self._trim_alarm: trio.CancelScope | None = None
        self._since = 0
        """When the oldest entry that waits came."""
        self.skipped = 0
        self.failures = 0
        self._failing = False
        self._why_failed = ("", "")
        """The name of what failed last, and a sentence of our own about it."""
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
            self._commit()
        self._trim_in(TRIM_PAUSE)

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
            case Left():  # what is written down stays; only nobody hears of it
                for waiting in (self._erasures, self._waiters, self._told):
                    waiting.pop(message.envelope, None)
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
                self._put_back(self._group)
        for _ in range(LAST_TRIES):
            group = await self._write_all()
            if group is None:
                return
            self._put_back(group)
            await trio.sleep(seconds(RETRY))
        _log.error("%d writes of the ledger could not be made before it had to stop", len(self._pile))

    async def _write_all(self) -> Group | None:
        """At the stop. The group that could not be written; None when all is."""
        while (group := self._next_group()).operations:
            if not await self._committed(group.operations):
                return group
            self._failing = self._failing and not group.whole
        return None

    def facts(self) -> dict[str, object]:
        """For the status."""
        return {
            "committed": self.committed,
            "waiting": len(self._entries) + len(self._pile) + len(self._group or ()),
            "open_attempts": len(self._book.open),
            "rows": sum(len(self._book.rows[database]) for database in NAMED),
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
        self._waiters[envelope.id] = (envelope, told)
        self._commit()
        return LATER

    def _trim(self) -> None:
        """One step; none while too much waits to be deleted."""
        if self._pile.drops + (0 if self._group is None else len(self._group.drops)) >= DROPS:
            self._trim_in(TRIM_PAUSE)
            return
        found = self._trimming.step(self.me.utc(), full=self._full)
        self._changed += found.changed
        self._drop(found.drops)
        if found.changed:
            self._commit()
        self._trim_in(TRIM_PAUSE if found.more else TRIM_EVERY)

    def _trim_in(self, pause: int) -> None:
        if self._trim_alarm is not None:
            self._trim_alarm.cancel()
        self._trim_alarm = self.me.at(self.me.now() + pause, TrimDue())

    @property
    def _full(self) -> bool:
        """Whether commits fail for want of room."""
        return self._failing and self._why_failed[0] == StorageFull.__name__

    def _drop(self, drops: list[StoreDelete]) -> None:
        """With the next commit."""
        self._pile.drop(drops)
        if drops:
            self._commit()

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
                self._commit()
                self.me.at(now + LINGER, EraseOn(number))
            case Progress.GIVEN_UP:
                del self._erasures[number]
                erasure.envelope.fail(CannotErase(NOT_WRITTEN))
            case Progress.DONE:
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
        self._group = self._next_group()
        if self._group.whole:
            self._told, self._waiters = self._waiters, {}
        self._group_done = trio.Event()
        self._group_failed = False
        self.me.spawn(self._write, self._group.operations)

    def _next_group(self) -> Group:
        """Everything that waits; while commits fail what is to be dropped in turn with it, alone, to make room."""
        fresh = self._journal.operations(self._entries, self._book, self._changed)
        self._entries, self._changed = [], []
        if self._failing and self._drops_in_a_row < IN_A_ROW:
            drops = self._pile.take_drops(STEP)
            if drops is not None:
                self._pile.leave(fresh)
                return drops
        self._underway = len(self._outbox)
        return self._pile.take(fresh)

    async def _write(self, operations: tuple[Operation, ...]) -> None:
        self._group_failed = bool(operations) and not await self._committed(operations)
        self._group_done.set()
        if self._group_failed:
            await trio.sleep(seconds(min(RETRY << self._failed_in_a_row, LONGEST_RETRY)))
        self.me.report(GroupEnded(failed=self._group_failed))

    async def _committed(self, operations: tuple[Operation, ...]) -> bool:
        try:
            await self._store.ask(Commit(operations))
        except ActorError as error:
            self._why_failed = type(error.__cause__ or error).__name__, str(error)
            return False
        return True

    def _ended(self, *, failed: bool) -> None:
        assert self._group is not None
        group, self._group = self._group, None
        if failed:
            self._failed_in_a_row += 1
            self._drops_in_a_row = 0
            self._put_back(group)
            self._trim_in(TRIM_PAUSE)
        else:
            self._drops_in_a_row = 0 if group.whole else self._drops_in_a_row + 1
            self.committed += len(group)
            if group.whole:
                self._failed_in_a_row = 0
                self._all_is_written()
        if self._waiters or self._pile.drops or failed or not group.whole:
            self._commit()
        elif self._entries or self._changed:
            self._linger()

    def _all_is_written(self) -> None:
        self._tell_recovery()
        self._outbox.written(self._underway)
        told, self._told = self._told, {}
        for envelope, value in told.values():
            envelope.reply(value)

    def _tell_failure(self, waiting: int) -> None:
        """Once an episode: what is spent from now on would be forgotten if the process ended."""
        if self._failing:
            return
        self._failing = True
        name, why = self._why_failed
        _log.error(
            "the ledger cannot be written (%s): %d writes wait and are tried again; "
            "calls go on, but what they spend is not kept if this process ends. %s",
            name,
            waiting,
            why,
        )
        self.me.emit(LedgerFailing(at=self.me.utc(), cause=name))

    def _tell_recovery(self) -> None:
        if self._failing:
            self._failing = False
            _log.error("the ledger is written again; %d entries were lost meanwhile", self.lost)
            self.me.emit(LedgerRecovered(at=self.me.utc(), lost=self.lost))

    def _put_back(self, group: Group) -> None:
        """It goes ahead of the next commit."""
        self.failures += 1
        self._tell_failure(len(group))
        lost = self._pile.put_back(group, BACKLOG)
        self.lost += lost
        self._outbox.written(lost)
        self._waiters = {**self._told, **self._waiters}
        self._told = {}
