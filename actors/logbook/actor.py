"""The logbook: keeps what was asked and answered, less what is to be left out, for some days."""

from collections.abc import Callable

import msgspec

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
PAUSE = ns(0.02)
"""Between two steps of trimming or erasing."""
TRIM_EVERY = ns(3_600)
STEP = 64
"""Records that one step looks at."""
BACKLOG = 4_096
"""Records that wait to be written; of more the newest are lost, and counted."""
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


class Erasure(msgspec.Struct):
    """One ask to delete, and how far it has come."""

    envelope: Envelope
    erase: Erase
    after: bytes = b""
    found: int = 0


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
        self._records: dict[str, LogRecord] = {}
        """Not yet known to be written."""
        self._fresh: list[Operation] = []
        self._underway: list[str] | None = None
        self._waiters: list[tuple[Envelope, object]] = []
        self._told: list[tuple[Envelope, object]] = []
        self._erasures: dict[int, Erasure] = {}
        self.written = 0
        self.lost = 0

    @property
    def waiting(self) -> int:
        """Records not yet known to be written."""
        return len(self._records)

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
                self._ended(failed=message.failed)
            case TrimDue():
                self._trim()
            case Erase():
                self._erasures[envelope.id] = Erasure(envelope, message)
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
        if self._fresh:
            await self._committed(tuple(self._fresh))

    def _find(self, call: str) -> LogRecord | None:
        try:
            return self._records.get(call) or pages.find(self._reading(), call)
        except StorageError as error:
            raise CannotRead(str(error)) from error

    def _take_in(self, said: LogCall) -> None:
        if len(self._records) >= BACKLOG:
            self.lost += 1
            return
        try:
            one = pages.record(said, self._redact)
            operations = pages.put(one)
        except UNWRITABLE:
            self.lost += 1
            return
        self._records[one.call] = one
        self._add(operations)

    def _add(self, operations: tuple[Operation, ...]) -> None:
        if operations and not self._fresh and self._underway is None:
            self.me.at(self.me.now() + LINGER, WriteDue())
        self._fresh += operations

    def _later(self, envelope: Envelope, told: object) -> object:
        self._waiters.append((envelope, told))
        self._write()
        return LATER

    def _write(self) -> None:
        if self._underway is not None or not (self._fresh or self._waiters):
            return
        operations, self._fresh = tuple(self._fresh), []
        self._told, self._waiters = self._waiters, []
        self._underway = list(self._records)
        self.me.spawn(self._commit, operations)

    async def _commit(self, operations: tuple[Operation, ...]) -> None:
        self.me.report(LogWritten(failed=not await self._committed(operations)))

    async def _committed(self, operations: tuple[Operation, ...]) -> bool:
        try:
            await self._store.ask(Commit(operations))
        except ActorError:
            return False
        return True

    def _ended(self, *, failed: bool) -> None:
        """A record that could not be written is lost: the log is for reading, the ledger is what counts."""
        done, self._underway = self._underway or [], None
        for call in done:
            self._records.pop(call, None)
        self.lost += len(done) if failed else 0
        self.written += 0 if failed else len(done)
        for envelope, told in self._told:
            envelope.reply(told)
        self._told = []
        self._write()

    def _trim(self) -> None:
        """One step: the oldest that are too old."""
        before = self.me.utc() - self._keep
        keys = pages.aged([key for key, _ in self._page(b"", 1)], before)
        if keys:
            keys = pages.aged([key for key, _ in self._page(b"")], before)
        for key in keys:
            self._add(pages.drop(key))
        self.me.at(self.me.now() + (PAUSE + LINGER if len(keys) == STEP else TRIM_EVERY), TrimDue())

    def _page(self, after: bytes, limit: int = STEP) -> list[tuple[bytes, bytes | None]]:
        try:
            return self._reading().page(LOG, limit, after)
        except StorageError:
            return []

    def _erase_on(self, number: int) -> None:
        """One step: the next records. What is not yet written is written first."""
        erasure = self._erasures.get(number)
        if erasure is None:
            return
        if self._records:
            self._write()
            self.me.at(self.me.now() + PAUSE, EraseOn(number))
            return
        found = self._page(erasure.after)
        for key, blob in found:
            one = pages.decode(blob)
            if one is not None and pages.chosen(erasure.erase, one):
                self._add(pages.drop(key))
                erasure.found += 1
        if len(found) == STEP:
            erasure.after = found[-1][0]
            self.me.at(self.me.now() + PAUSE, EraseOn(number))
            return
        del self._erasures[number]
        self._later(erasure.envelope, Erased(entries=0, rows=0, logged=erasure.found))
