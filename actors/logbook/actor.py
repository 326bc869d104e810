"""The logbook: keeps what was asked and answered, less what is to be left out, for some days."""

import itertools
from collections.abc import Callable

import msgspec
import trio

from callboard.actors.logbook import pages
from callboard.actors.logbook.pages import LOG, LogSpec, Reading
from callboard.actors.logbook.redact import redactor
from callboard.messages.accounting import Erase, Erased, Flush
from callboard.messages.base import Tell
from callboard.messages.logbook import LogCall, LogRecord, LogWritten, ReadLog
from callboard.messages.signals import Left
from callboard.messages.storing import Commit, Operation
from callboard.runtime.actor import LATER, Actor
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorError, DeclaredError
from callboard.runtime.ref import Ref
from callboard.runtime.storage.errors import StorageError

LINGER = ns(0.05)
RETRY = ns(0.5)
"""After deletions that failed."""
PATIENCE = ns(60)
"""After which those who wait for them are told."""
SHARE = 0.5
"""Of what the ledger's file may hold: when it holds as much, records are lost, so that the ledger has room."""
PAUSE = ns(0.02)
"""Between two steps of trimming or erasing."""
TRIM_EVERY = ns(3_600)
STEP = 64
"""Records that one step looks at."""
BACKLOG = 4_096
"""Records that wait to be written; of more the newest are lost, and counted."""
BACKLOG_BYTES = 64 * 1024 * 1024
"""Which they hold; once they do, the next are lost too, and counted."""
DAY = 86_400_000_000_000
UNWRITABLE = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)
"""What a stranger's reply can hold, such as objects nested by the hundred, is lost and counted."""


class WriteDue(Tell, frozen=True):
    """The logbook's own alarm: what waits has waited long enough."""


class TrimDue(Tell, frozen=True):
    """The logbook's own alarm: something may be older than it is kept."""


class EraseOn(Tell, frozen=True):
    """The logbook's own alarm: the next step of an erasure."""

    erasure: int


class CannotRead(DeclaredError):
    """The log cannot be read now; the sentence says why."""


class CannotWrite(DeclaredError):
    """The log cannot be written now."""


class Erasure(msgspec.Struct):
    """One ask to delete, and how far it has come."""

    envelope: Envelope
    erase: Erase
    unwritten: set[str]
    """Calls whose records waited to be written when it began."""
    after: bytes = b""
    found: int = 0


class Writing(msgspec.Struct, frozen=True):
    """What is being written."""

    calls: tuple[str, ...]
    puts: tuple[Operation, ...]
    drops: dict[bytes, tuple[Operation, ...]]
    waiters: list[tuple[Envelope, object]]


class LogbookView:
    """What the logbook publishes."""

    def __init__(self, logbook: "LogbookActor") -> None:
        self._logbook = logbook

    def facts(self) -> dict[str, object]:
        """For the status."""
        return {"waiting": self._logbook.waiting, "written": self._logbook.written, "lost": self._logbook.lost}


class LogbookActor(Actor):
    """`reading` gives the ledger's environment as the store has published it."""

    def __init__(self, spec: LogSpec, reading: Callable[[], Reading], store: Ref) -> None:
        self._keep = int(spec.keep_days * DAY)
        self._redact = redactor(spec.redact)
        self._reading = reading
        self._store = store
        self._records: dict[str, bytes] = {}
        """Not yet known to be written; packed, as what is to be put holds them."""
        self._size = 0
        """Bytes of these."""
        self._puts: list[Operation] = []
        self._drops: dict[bytes, tuple[Operation, ...]] = {}
        """What deletes the record of a key."""
        self._underway: Writing | None = None
        self._waiters: list[tuple[Envelope, object]] = []
        """Those who wait for the next commit, and what they are told then."""
        self._erasures: dict[int, Erasure] = {}
        self._failing_since: int | None = None
        self._retry: trio.CancelScope | None = None
        self.written = 0
        self.lost = 0

    @property
    def waiting(self) -> int:
        """Records not yet known to be written."""
        return len(self._records)

    @property
    def _dropping(self) -> bool:
        """Whether there are deletions that have not been made."""
        return bool(self._drops or (self._underway and self._underway.drops))

    async def start(self) -> None:
        """Begin to trim."""
        self.me.publish(LogbookView(self))
        self.me.at(self.me.now() + PAUSE, TrimDue())

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Take in, and decide when to write."""
        match message:
            case LogCall():
                self._take_in(message)
            case ReadLog():
                return self._find(message.call)
            case Flush():
                return self._later(envelope, None)
            case WriteDue():
                self._write()
            case LogWritten():
                self._ended(message)
            case TrimDue():
                self._trim()
            case Erase():
                self._erasures[envelope.id] = Erasure(envelope, message, set(self._records))
                self._erase_on(envelope.id)
                return LATER
            case EraseOn():
                self._erase_on(message.erasure)
            case Left():
                self._erasures.pop(message.envelope, None)
            case _:
                raise TypeError(f"the logbook receives no {type(message).__name__}")
        return None

    async def stop(self) -> None:
        """Write what waits."""
        await self._committed(_all(self._drops))
        await self._committed(tuple(self._puts), SHARE)

    def _find(self, call: str) -> LogRecord | None:
        try:
            return pages.decode(self._records.get(call)) or pages.find(self._reading(), call)
        except StorageError as error:
            raise CannotRead(str(error)) from error

    def _take_in(self, said: LogCall) -> None:
        if len(self._records) >= BACKLOG or self._size >= BACKLOG_BYTES:
            self.lost += 1
            return
        try:
            record, place = pages.put(pages.record(said, self._redact))
        except UNWRITABLE:
            self.lost += 1
            return
        self._records[said.call] = record.value
        self._size += len(record.value)
        self._linger()
        self._puts += (record, place)

    def _drop(self, keys: list[bytes]) -> None:
        if keys:
            self._linger()
        self._drops |= {key: pages.drop(key) for key in keys}

    def _linger(self) -> None:
        if not (self._puts or self._drops) and self._underway is None:
            self.me.at(self.me.now() + LINGER, WriteDue())

    def _later(self, envelope: Envelope, told: object) -> object:
        self._waiters.append((envelope, told))
        self._write()
        return LATER

    def _write(self) -> None:
        if self._underway is not None or not (self._puts or self._drops or self._waiters):
            return
        self._underway = Writing(tuple(self._records), tuple(self._puts), self._drops, self._waiters)
        self._puts, self._drops, self._waiters = [], {}, []
        self.me.spawn(self._commit, self._underway)

    async def _commit(self, writing: Writing) -> None:
        """Deletions make room, and do not fail with what finds none."""
        dropped = await self._committed(_all(writing.drops))
        written = await self._committed(writing.puts, SHARE)
        self.me.report(LogWritten(written=written, dropped=dropped))

    async def _committed(self, operations: tuple[Operation, ...], share: float = 1.0) -> bool:
        try:
            if operations:
                await self._store.ask(Commit(operations, share))
        except ActorError:
            return False
        return True

    def _ended(self, report: LogWritten) -> None:
        """A record that could not be written is lost: the log is for reading, the ledger is what counts."""
        assert self._underway is not None
        done, self._underway = self._underway, None
        for call in done.calls:
            self._records.pop(call, None)
        self._size = sum(map(len, self._records.values()))
        self.lost += 0 if report.written else len(done.calls)
        self.written += len(done.calls) if report.written else 0
        if not report.dropped:
            self._try_again(done)
            return
        self._failing_since = None
        for envelope, told in done.waiters:
            envelope.reply(told)
        self._write()

    def _try_again(self, failed: Writing) -> None:
        """What is not deleted stays to be deleted, also when nobody waits for it any longer."""
        now = self.me.now()
        self._failing_since = now if self._failing_since is None else self._failing_since
        self._drops = {**failed.drops, **self._drops}
        self._waiters = [*failed.waiters, *self._waiters]
        if self._retry is not None:  # whoever asks meanwhile has it tried at once, and not once more for ever
            self._retry.cancel()
        self._retry = self.me.at(now + RETRY, WriteDue())
        if now - self._failing_since < PATIENCE:
            return
        for envelope, _ in self._waiters:
            envelope.fail(CannotWrite("the log could not be written for a minute; deletions are tried again"))
        self._waiters = []

    def _trim(self) -> None:
        """One step: the oldest that are too old; none while deletions have yet to be made: it would find the same."""
        if not self._dropping:
            self._drop(self._aged())
        self.me.at(self.me.now() + (PAUSE + LINGER if self._dropping else TRIM_EVERY), TrimDue())

    def _aged(self) -> list[bytes]:
        before = self.me.utc() - self._keep
        if not pages.aged([key for key, _ in self._page(b"", 1) or []], before):
            return []
        return pages.aged([key for key, _ in self._page(b"") or []], before)

    def _page(self, after: bytes, limit: int = STEP) -> list[tuple[bytes, bytes | None]] | None:
        """The next records; None when they cannot be read now."""
        try:
            return self._reading().page(LOG, limit, after)
        except StorageError:
            return None

    def _erase_on(self, number: int) -> None:
        """One step: the next records. What was not yet written when it began is written first."""
        erasure = self._erasures.get(number)
        if erasure is None:
            return
        erasure.unwritten &= self._records.keys()
        if erasure.unwritten:
            self._write()
            self.me.at(self.me.now() + PAUSE, EraseOn(number))
            return
        found = self._page(erasure.after)
        if found is None:
            self.me.at(self.me.now() + RETRY, EraseOn(number))
            return
        keys = [key for key, blob in found if (one := pages.decode(blob)) and pages.chosen(erasure.erase, one)]
        self._drop(keys)
        erasure.found += len(keys)
        if len(found) == STEP:
            erasure.after = found[-1][0]
            self.me.at(self.me.now() + PAUSE, EraseOn(number))
            return
        del self._erasures[number]
        self._later(erasure.envelope, Erased(entries=0, rows=0, logged=erasure.found))


def _all(drops: dict[bytes, tuple[Operation, ...]]) -> tuple[Operation, ...]:
    return tuple(itertools.chain.from_iterable(drops.values()))
