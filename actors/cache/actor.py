"""The cache: keeps replies, and owns the calls in flight that several callers share."""

import contextlib
from collections.abc import Callable, Mapping

import trio

from callboard.actors.cache.fills import Filling, Fills
from callboard.actors.cache.gathered import Gathered
from callboard.actors.cache.place import wanted
from callboard.actors.cache.shelf import Bounds, Reading, Shelf, Swept
from callboard.actors.cache.sweeps import Sweep, SweptOn
from callboard.actors.cache.waiters import Waiter
from callboard.messages.base import Tell
from callboard.messages.caching import Entry, Fill, Filled, FillEnded, Forget, Keep, Labels
from callboard.messages.calls import AnyAnswer, Attempt, Attempted, TakenOver
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.priority import PRIORITIES, PRIORITY_NAMES
from callboard.messages.reply import Answer, AttemptRecord, FinishReason
from callboard.messages.signals import Left
from callboard.messages.storing import CacheCommit, CacheWrite
from callboard.runtime.actor import LATER, Actor
from callboard.runtime.clock import ns, trio_deadline
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorError
from callboard.runtime.ref import Ref

LAST = max(PRIORITIES.values())
LINGER = ns(0.02)
"""Nanoseconds that what is kept waits for company: handed to the store alone it would cost as much again."""
NOTHING_YET = Swept(keys=(), operations=(), last=0, latest=0)
"""The step before a sweep's first: once it is written, so is all that was kept before, and the list is whole."""


class Overtaken(Tell, frozen=True):
    """The cache's own mark in its data lanes: whoever asked before this fill ended has been heard."""

    key: bytes
    attempted: Attempted
    number: int
    """Of all that have ended, counted from 1."""


class WrittenUpTo(Tell, frozen=True):
    """The cache's own report: what was kept up to this number is on disk, or was lost; unless the store did not say."""

    number: int
    told: bool


class WriteDue(Tell, frozen=True):
    """The cache's own alarm: what was gathered has waited long enough for company."""


class CacheView:
    """What the cache publishes: reading without asking."""

    def __init__(self, shelf: Shelf, fills: Fills, servers: Mapping[str, str], monotonic: Callable[[], int]) -> None:
        self._shelf = shelf
        self._fills = fills
        self._servers = servers
        self._monotonic = monotonic

    def get(self, key: bytes, max_age: int, now: int) -> Entry | None:
        """The entry under this key, if it is at most `max_age` nanoseconds old at `now` (UTC nanoseconds).

        What another server said, where the account was before, is not what this one would say.
        """
        entry = self._shelf.get(key, max_age, now, self._monotonic())
        return None if entry is None or entry.server != self._servers.get(entry.provider, "") else entry

    @property
    def latest(self) -> int:
        """The number of the latest entry: while it stays the same, nothing is there that was not."""
        return self._shelf.latest

    @property
    def ended(self) -> int:
        """How many fills have ended so far."""
        return self._fills.ended

    def others_wait(self, key: bytes, attempt: str) -> bool:
        """Whether anybody but the call with this attempt waits for this key's fill."""
        return self._fills.others_wait(key, attempt)

    def facts(self) -> dict[str, object]:
        """For the status."""
        return {"entries": len(self._shelf), "bytes": self._shelf.size, "fills": len(self._fills)}


class CacheActor(Actor):
    """One shelf and all fills. `reading` gives the cache's environment as the store has published it; `servers` the
    accounts' addresses by their names. `run` is this run of the program, of whose monotonic clock no other knows.
    """

    def __init__(
        self,
        bounds: Bounds,
        reading: Callable[[], Reading],
        store: Ref,
        provider: Callable[[str], Ref],
        *,
        servers: Mapping[str, str] | None = None,
        run: bytes = b"",
    ) -> None:
        self._bounds = bounds
        self._reading = reading
        self._store = store
        self._provider = provider
        self._servers = servers or {}
        self._run = run
        self._fills = Fills()
        self._waiting: dict[int, Envelope] = {}
        self._scopes: dict[int, trio.CancelScope] = {}
        self._overtaken: dict[bytes, Overtaken] = {}
        """How the latest fill ended, for those who looked before that and are still in the mailbox."""
        self._sweeps: dict[int, Sweep] = {}
        self._gathered = Gathered()
        self._waits = False
        """Whether it will be soon, or a report is due that what was kept is written."""
        self._shelf: Shelf

    async def start(self) -> None:
        """Open the shelf."""
        self._shelf = Shelf(self._reading, self._bounds, self._run)
        self.me.publish(CacheView(self._shelf, self._fills, self._servers, self.me.now))

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Decide; a fill runs in the background for as long as somebody waits for it."""
        match message:
            case Fill():
                self._join(message, envelope)
                return LATER
            case Keep():
                for key, answer in message.answers:
                    self._put(key, answer, message.provider, message.model, message.labels)
            case FillEnded():
                self._ended(message)
            case Overtaken():
                if self._overtaken.get(message.key) is message:
                    del self._overtaken[message.key]
            case Left():
                self._left(message.envelope)
            case Forget():
                self._sweeps[envelope.id] = Sweep(envelope, wanted(message), self._shelf.latest)
                self._hand_over()
                self.me.spawn(self._write_sweep, envelope.id, NOTHING_YET)
                return LATER
            case SweptOn():
                self._swept_on(message)
            case WriteDue():
                self._hand_over()
                self.me.spawn(self._wait_for_what_is_kept, self._shelf.latest)
            case WrittenUpTo():
                self._refresh(message)
            case _:
                raise TypeError(f"the cache receives no {type(message).__name__}")
        return None

    async def stop(self) -> None:
        """Hand over what was gathered."""
        self._hand_over()

    def _join(self, fill: Fill, envelope: Envelope) -> None:
        over = self._overtaken.get(fill.key)
        if over is not None and fill.ended < over.number and fill.key not in self._fills:
            envelope.reply(Filled(attempted=over.attempted, leader=False))
            return
        waiter = Waiter(envelope.id, fill.deadline, envelope.priority, fill.attempt)
        filling, new = self._fills.join(fill.key, waiter, fill.provider)
        self._waiting[envelope.id] = envelope
        if new:
            scope = self._scopes[filling.number] = trio.CancelScope(deadline=trio_deadline(fill.deadline))
            self.me.spawn(self._fill, fill.key, filling, scope, fill.keep)
        else:
            self._adjust(filling)

    def _left(self, waiter: int) -> None:
        self._waiting.pop(waiter, None)
        self._sweeps.pop(waiter, None)
        filling = self._fills.leave(waiter)
        if filling is None:
            return
        if filling.waiters:
            self._adjust(filling)
        else:
            self._scopes.pop(filling.number).cancel()

    def _adjust(self, filling: Filling) -> None:
        """Somebody has come or gone: tell the provider whose attempt it is now, and how urgent."""
        scope, latest = self._scopes[filling.number], trio_deadline(filling.deadline)
        if latest != scope.deadline:  # to set it costs more than all the rest here
            scope.deadline = latest
        terms = filling.changed()
        if terms is not None and filling.opener is not None:
            attempt, priority = filling.opener.attempt.id, PRIORITY_NAMES[terms.priority]
            over = TakenOver(attempt=attempt, payer=terms.payer, priority=priority, until=filling.deadline)
            self._provider(filling.provider).tell(over, priority=filling.lane)

    def _ended(self, end: FillEnded) -> None:
        self._scopes.pop(end.fill, None)
        self._keep(end)
        filling = self._fills.end(end.key, end.fill)
        if filling is None:
            return
        concerned, others = filling.concerned(end.attempted.fault, self.me.now())
        for waiter in others:
            envelope = self._waiting[waiter.id]
            assert isinstance(envelope.message, Fill)
            self._join(envelope.message, envelope)
        self._hand_out(end.attempted, concerned)
        if end.attempted.answer is not None:
            self._remember_until_heard(end)

    def _remember_until_heard(self, end: FillEnded) -> None:
        """This report overtook the data lanes; its mark goes through the last of them, unless they are empty.

        Whoever leads keeps the parts of what is not kept whole as soon as it is told, and until then all look in vain.
        """
        mark = Overtaken(end.key, end.attempted, self._fills.ended)
        if not end.keep:
            self._overtaken[end.key] = mark
            self.me.spawn(self._mark_when_told, mark)
        elif self.me.queued and self.me.ref.tell(mark, priority=LAST):
            self._overtaken[end.key] = mark

    def _keep(self, end: FillEnded) -> None:
        answer, record = end.attempted.answer, end.attempted.record
        if not end.keep or answer is None:
            return
        if not isinstance(answer, Answer) or answer.finish_reason is not FinishReason.ERROR:
            self._put(end.key, answer, record.provider, record.model, end.labels)

    def _put(self, key: bytes, answer: AnyAnswer, provider: str, model: str, labels: Labels) -> None:
        entry = Entry(
            answer=answer,
            provider=provider,
            model=model,
            stored=self.me.utc(),
            server=self._servers.get(provider, ""),
            run=self._run,
            at=self.me.now(),
        )
        self._gathered.add(self._shelf.keep(key, entry, labels))
        if self._gathered.full:
            self._hand_over()
        if not self._waits:
            self._write_soon()

    def _write_soon(self) -> None:
        self._waits = True
        self.me.at(self.me.now() + LINGER, WriteDue())

    def _hand_over(self) -> None:
        if operations := self._gathered.take():
            self._store.tell(CacheWrite(operations))

    def _refresh(self, written: WrittenUpTo) -> None:
        """More may have been kept meanwhile. What the store did not tell is asked again when more is kept."""
        self._waits = False
        if written.told:
            self._shelf.refresh(written.number)
        if self._shelf.latest > written.number:
            self._write_soon()

    def _hand_out(self, attempted: Attempted, waiters: list[Waiter]) -> None:
        """The first one who still takes it is the leader, and is charged."""
        charged = False
        for waiter in waiters:
            envelope = self._waiting.pop(waiter.id)
            if envelope.reply(Filled(attempted=attempted, leader=not charged)):
                charged = True

    def _sweep(self, number: int) -> None:
        """The next step, written before the one after it, so that a large cache neither blocks nor floods anybody."""
        sweep = self._sweeps[number]
        self._hand_over()
        self.me.spawn(self._write_sweep, number, self._shelf.sweep(sweep.wanted, sweep.after, sweep.until))

    def _swept_on(self, step: SweptOn) -> None:
        self._shelf.swept(step.swept, written=step.error is None)
        sweep = self._sweeps.get(step.sweep)
        if sweep is None:
            return
        sweep.dropped += len(step.swept.keys)
        if step.error is None and step.swept.last is not None:
            sweep.after = step.swept.last
            self._sweep(step.sweep)
            return
        del self._sweeps[step.sweep]
        if step.error is None:
            sweep.envelope.reply(sweep.dropped)
        else:
            sweep.envelope.fail(step.error)

    async def _wait_for_what_is_kept(self, number: int) -> None:
        told = False
        with contextlib.suppress(ActorError):
            await self._store.ask(CacheCommit(()))
            told = True
        self.me.report(WrittenUpTo(number, told))

    async def _mark_when_told(self, mark: Overtaken) -> None:
        await trio.lowlevel.checkpoint()
        if not self.me.ref.tell(mark, priority=LAST):
            self.me.report(mark)

    async def _write_sweep(self, number: int, swept: Swept) -> None:
        error: ActorError | None = None
        try:
            await self._store.ask(CacheCommit(swept.operations))
        except ActorError as failed:
            error = failed
        self.me.report(SweptOn(number, swept, error))

    async def _fill(self, key: bytes, filling: Filling, scope: trio.CancelScope, keep: bool) -> None:
        if not filling.waiters:
            return  # all of them left before it began
        first = filling.waiters.first.attempt
        attempted: Attempted | None = None
        try:
            with scope:
                attempt, priority = filling.begin()
                attempted = await self._provider(filling.provider).ask(attempt, priority=priority)
            if attempted is None:
                attempted = _unfinished(filling.provider, first, FaultKind.DEADLINE, "the fill's time ran out")
        except Exception as error:
            why = f"the provider failed ({type(error).__name__})"
            attempted = _unfinished(filling.provider, first, FaultKind.INTERNAL, why)
        labels = _labels(first)
        self.me.report(FillEnded(key=key, fill=filling.number, labels=labels, keep=keep, attempted=attempted))


def _labels(attempt: Attempt) -> Labels:
    request = attempt.request
    return Labels(request.tag, request.user, request.cache.partition)


def _unfinished(provider: str, attempt: Attempt, kind: FaultKind, why: str) -> Attempted:
    """The provider did not tell how it ended, nor whether anything was sent: the ledger may know, by its id."""
    fault = Fault(kind=kind, message=why, provider=provider, model=attempt.model)
    record = AttemptRecord(
        id=attempt.id, provider=provider, model=attempt.model, outcome="fault", fault=fault, reason=why
    )
    return Attempted(record=record, fault=fault)
