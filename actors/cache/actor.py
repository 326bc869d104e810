"""The cache: keeps replies, and owns the calls in flight that several callers share."""

from collections.abc import Callable

import msgspec
import trio

from callboard.actors.cache.fills import Filling, Fills, Waiter
from callboard.actors.cache.shelf import Bounds, Reading, Shelf
from callboard.messages.caching import Entry, Fill, Filled, FillEnded, Forget
from callboard.messages.calls import Attempted
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.reply import AttemptRecord
from callboard.messages.signals import Left
from callboard.messages.storing import CacheWrite
from callboard.runtime.actor import LATER, Actor
from callboard.runtime.clock import trio_deadline
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorError
from callboard.runtime.ref import Ref


class CacheView:
    """What the cache publishes: reading without asking."""

    def __init__(self, shelf: Shelf, fills: Fills) -> None:
        self._shelf = shelf
        self._fills = fills

    def get(self, key: bytes, max_age: int, now: int) -> Entry | None:
        """The entry under this key, if it is at most `max_age` nanoseconds old at `now` (UTC nanoseconds)."""
        return self._shelf.get(key, max_age, now)

    def facts(self) -> dict[str, object]:
        """For the status."""
        return {"entries": len(self._shelf), "fills": len(self._fills)}


class CacheActor(Actor):
    """One shelf and all fills. `reading` gives the cache's environment as the store has published it."""

    def __init__(
        self, bounds: Bounds, reading: Callable[[], Reading], store: Ref, provider: Callable[[str], Ref]
    ) -> None:
        self._bounds = bounds
        self._reading = reading
        self._store = store
        self._provider = provider
        self._fills = Fills()
        self._waiting: dict[int, Envelope] = {}
        self._scopes: dict[int, trio.CancelScope] = {}
        self._shelf: Shelf

    async def start(self) -> None:
        """Open the shelf."""
        self._shelf = Shelf(self._reading(), self._bounds)
        self.me.publish(CacheView(self._shelf, self._fills))

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Decide; a fill runs in the background for as long as somebody waits for it."""
        match message:
            case Fill():
                self._join(message, envelope)
                return LATER
            case FillEnded():
                self._ended(message)
            case Left():
                self._left(message.envelope)
            case Forget():
                dropped, operations = self._shelf.clear()
                self._store.tell(CacheWrite(operations))
                return dropped
            case _:
                raise TypeError(f"the cache receives no {type(message).__name__}")
        return None

    def _join(self, fill: Fill, envelope: Envelope) -> None:
        waiter = Waiter(envelope.id, fill.deadline)
        filling, new = self._fills.join(fill.key, waiter, fill.provider, fill.attempt)
        self._waiting[envelope.id] = envelope
        if new:
            scope = self._scopes[filling.number] = trio.CancelScope()
            self.me.spawn(self._fill, fill.key, filling, scope)
        self._scopes[filling.number].deadline = trio_deadline(filling.deadline)

    def _left(self, waiter: int) -> None:
        self._waiting.pop(waiter, None)
        filling, last = self._fills.leave(waiter)
        if filling is None:
            return
        if last:
            self._scopes.pop(filling.number).cancel()
        else:
            self._scopes[filling.number].deadline = trio_deadline(filling.deadline)

    def _ended(self, end: FillEnded) -> None:
        self._scopes.pop(end.fill, None)
        answer = end.attempted.answer
        if answer is not None:
            record = end.attempted.record
            plain = msgspec.structs.replace(answer, raw=None)
            entry = Entry(answer=plain, provider=record.provider, model=record.model, stored=self.me.utc())
            self._store.tell(CacheWrite(self._shelf.keep(end.key, entry)))
        for place, waiter in enumerate(self._fills.end(end.key, end.fill)):
            envelope = self._waiting.pop(waiter.id, None)
            if envelope is not None:
                envelope.reply(Filled(attempted=end.attempted, leader=place == 0))

    async def _fill(self, key: bytes, filling: Filling, scope: trio.CancelScope) -> None:
        attempted = _unfinished(filling, "the fill's time ran out")
        try:
            with scope:
                attempted = await self._provider(filling.provider).ask(filling.attempt)
        except ActorError as error:
            attempted = _unfinished(filling, f"the provider failed ({type(error).__name__})")
        self.me.report(FillEnded(key=key, fill=filling.number, attempted=attempted))


def _unfinished(filling: Filling, why: str) -> Attempted:
    fault = Fault(kind=FaultKind.INTERNAL, message=why, provider=filling.provider, model=filling.attempt.model)
    record = AttemptRecord(
        provider=filling.provider, model=filling.attempt.model, outcome="fault", fault=fault, reason=why
    )
    return Attempted(record=record, fault=fault)
