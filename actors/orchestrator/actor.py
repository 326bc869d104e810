"""The orchestrator: one handler a call, from the plan to the one outcome."""

import math
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec
import trio

from callboard.actors.orchestrator.batches import Batches, BoundsOf
from callboard.actors.orchestrator.course import Course, GiveUp, Try, Wait
from callboard.actors.orchestrator.key import cache_key, reads, vector_key, vectors_to_keep, writes
from callboard.actors.orchestrator.policy import RetrySpec
from callboard.actors.orchestrator.replay import deltas
from callboard.actors.orchestrator.story import Story
from callboard.messages.accounting import CallEnded, Write, WriteDurably
from callboard.messages.caching import CacheReader, Entry, Fill
from callboard.messages.calls import Attempt, Attempted, Candidate, Failure, MakeCall, OpenStream, Outcome
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingRequest
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.logbook import LogCall
from callboard.messages.reply import Answer, AttemptRecord, Receipt
from callboard.messages.request import Work
from callboard.messages.routing import RoutingTable
from callboard.messages.usage import Cost
from callboard.runtime.actor import Actor
from callboard.runtime.clock import ns, trio_deadline
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorError
from callboard.runtime.mailbox import Lane
from callboard.runtime.ref import Ref
from callboard.runtime.stream import ConsumerLeft

Call = MakeCall | OpenStream
FOREVER = 10**20
"""No bound on an entry's age but the cache's own, in nanoseconds."""
ELECTIONS = 3
"""Fills whose leaders may turn out to have no money left before a call that shares them asks for itself."""
READER_LEFT = Fault(kind=FaultKind.INTERRUPTED, message="the reader left the stream")
ACKNOWLEDGEMENT = ns(10)
"""How long a strict call waits for its record at the most; then its reply says that it failed."""
LOOKED_UP_AT_ONCE = 64
"""Vectors between which other calls get their turn."""
NOTHING = Answer(parts=(), finish_reason=None)
"""What is known of a stream that broke together with the actor that made it."""


class OrchestratorActor(Actor):
    """Hands each call through selector, cache and providers."""

    def __init__(
        self,
        *,
        selector: Ref,
        cache: Ref,
        ledger: Ref,
        provider: Callable[[str], Ref],
        retry: RetrySpec,
        durability: Literal["strict", "relaxed"],
        embedding_bounds: BoundsOf = lambda _: None,
        logbook: Ref | None = None,
    ) -> None:
        self._logbook = logbook
        self._selector = selector
        self._cache = cache
        self._ledger = ledger
        self._provider = provider
        self._retry = retry
        self._strict = durability == "strict"
        self._embedding_bounds = embedding_bounds

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Every call is a handler of its own."""
        if isinstance(message, MakeCall | OpenStream):
            return self._conduct(message)
        raise TypeError(f"the orchestrator receives no {type(message).__name__}")

    async def _conduct(self, call: Call) -> Outcome:
        story = Story(call, now=self.me.now(), utc=self.me.utc())
        if isinstance(call.request, EmbeddingRequest):
            story.batches = Batches(call.request, self._embedding_bounds)
        try:
            outcome = await self._in_time(call, story)
        except BaseException as error:
            self._record(story, _cut_by(error, story))
            raise
        if self._logbook is not None:
            said = LogCall(call=call.id, at=self.me.utc(), request=call.request, outcome=outcome)
            self._logbook.tell(said, lane=Lane.CONTROL)
        if self._strict and self.me.now() < call.allowance.deadline:
            entry = story.ended(outcome, self.me.now(), self.me.utc())
            return await self._acknowledged(outcome, entry, call.allowance.deadline)
        self._record(story, outcome)
        return outcome

    def _record(self, story: Story, outcome: Outcome | None) -> None:
        self._ledger.tell(Write((story.ended(outcome, self.me.now(), self.me.utc()),)), lane=Lane.CONTROL)

    async def _in_time(self, call: Call, story: Story) -> Outcome:
        with trio.move_on_at(trio_deadline(call.allowance.deadline)):
            return await self._pursue(call, story)
        return story.failure(Fault(kind=FaultKind.DEADLINE, message="the call's time ran out", timeout="call"))

    async def _acknowledged(self, outcome: Outcome, entry: CallEnded, deadline: int) -> Outcome:
        """A tenth of the time left is kept for handing the reply on: what was paid for is not lost at the deadline."""
        now = self.me.now()
        patience = min(ACKNOWLEDGEMENT, (deadline - now) * 9 // 10)
        recorded: Literal["acknowledged", "failed"] = "acknowledged"
        try:
            await self._ledger.ask(WriteDurably((entry,)), lane=Lane.CONTROL, deadline=now + patience)
        except ActorError:
            recorded = "failed"
        if isinstance(outcome, Receipt):
            return msgspec.structs.replace(outcome, recorded=recorded)
        return outcome

    async def _pursue(self, call: Call, story: Story) -> Outcome:
        table: RoutingTable = self._selector.snapshot
        plan = table.plan(call.request.model, self.me.now())
        story.skipped(plan.skipped)
        only = call.request.cache.use == "only"
        if only or not plan.candidates:
            kept = await self._kept(call, story, table.candidates(call.request.model))
            if kept is not None:
                return kept
        if only:
            return story.failure(Fault(kind=FaultKind.UNAVAILABLE, message="it is not in the cache; nothing was asked"))
        course = Course(plan, call.allowance, self._retry, wait=call.request.wait)
        fault = await self._run(call, story, course)
        if not isinstance(fault, Fault):
            return fault
        return await self._kept(call, story, [one.candidate for one in plan.skipped]) or story.failure(fault)

    async def _run(self, call: Call, story: Story, course: Course) -> Outcome | Fault:
        """The call's outcome, or why nobody gave one."""
        while True:
            match course.next(self.me.now()):
                case Try(candidate):
                    outcome = await self._try(call, story, course, candidate)
                    if outcome is not None:
                        return outcome
                case Wait(until):
                    await trio.sleep_until(trio_deadline(until))
                case GiveUp(fault):
                    return fault

    async def _try(self, call: Call, story: Story, course: Course, candidate: Candidate) -> Outcome | None:
        """The call's outcome, or None when the course goes on."""
        key = cache_key(call.request, candidate) if reads(call.request) or writes(call.request) else b""
        kept = await self._kept_at(call, story, candidate, key) if key else None
        if kept is not None:
            return kept
        work = story.work(candidate)
        if story.batches is not None:
            key = cache_key(work, candidate) if writes(work) else b""
        attempt = _attempt_of(call, story, candidate, work, course.allowance.money)
        attempted, leads = await self._attempt(call, story, candidate, attempt, key)
        story.attempted(attempted, charged=leads)
        if attempted.answer is None:
            return self._after_fault(call, story, course, attempted)
        if story.batches is not None:
            if leads and writes(work):
                to_keep = vectors_to_keep(work, attempted.answer, candidate)
                self._cache.tell(to_keep, lane=Lane.CONTROL)
            key = b""
        answer = story.whole(candidate, work, attempted.answer)
        if answer is None:
            course.advanced(attempted.record.cost)
            return None
        return story.reply(answer, candidate, self.me.now(), cached=False, shared=not leads, key=key)

    def _after_fault(self, call: Call, story: Story, course: Course, attempted: Attempted) -> Failure | None:
        fault = attempted.fault
        if fault is None:
            return story.failure(READER_LEFT, attempted.partial)
        if isinstance(call, OpenStream) and call.sink.sent:
            cut = msgspec.structs.replace(fault, kind=FaultKind.INTERRUPTED)
            return story.failure(cut, attempted.partial or NOTHING)
        course.failed(fault, attempted.record.cost, self.me.now(), self.me.random.random())
        return None

    def _cached(self, call: Call, key: bytes) -> Entry | None:
        reader: CacheReader | None = self._cache.snapshot
        if reader is None or not reads(call.request):
            return None
        max_age = call.request.cache.max_age
        return reader.get(key, FOREVER if max_age in (None, math.inf) else ns(max_age), self.me.utc())

    async def _kept(self, call: Call, story: Story, candidates: Iterable[Candidate]) -> Outcome | None:
        """A reply kept from one of these, whether or not it takes calls now."""
        if not reads(call.request):
            return None
        for candidate in candidates:
            kept = await self._kept_at(call, story, candidate, cache_key(call.request, candidate))
            if kept is not None:
                return kept
        return None

    async def _kept_at(self, call: Call, story: Story, candidate: Candidate, key: bytes) -> Outcome | None:
        """A reply kept from this candidate, or put together from the vectors that are."""
        if story.batches is not None and isinstance(call.request, EmbeddingRequest):
            answer = await self._vectors(call, call.request, story.batches, candidate)
            return None if answer is None else story.reply(answer, candidate, self.me.now(), cached=True, shared=False)
        entry = self._cached(call, key)
        return None if entry is None else await self._from_cache(call, story, entry, key)

    async def _vectors(
        self, call: Call, request: EmbeddingRequest, batches: Batches, candidate: Candidate
    ) -> EmbeddingAnswer | None:
        """Lay the vectors that are kept into the candidate's batch, once. All of them, when none is missing then."""
        if not reads(request) or batches.looked_up(candidate):
            return None
        batch, found = batches.at(candidate), {}
        answer: EmbeddingAnswer | None = None
        for number, text in enumerate(batch.missing, 1):
            entry = self._cached(call, vector_key(request, text, candidate))
            if entry is not None and isinstance(entry.answer, EmbeddingAnswer):
                answer = entry.answer
                found[text] = answer.vectors[0]
            if number % LOOKED_UP_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
        batch.lay_in(found)
        return answer and batch.whole(answer)

    async def _from_cache(self, call: Call, story: Story, entry: Entry, key: bytes) -> Outcome:
        if isinstance(call, OpenStream):
            try:
                assert isinstance(entry.answer, Answer)  # under this key nothing else is kept
                for delta in deltas(entry.answer):
                    await call.sink.send(delta)
            except ConsumerLeft:
                return story.failure(READER_LEFT)
        candidate = Candidate(entry.provider, entry.model)
        return story.reply(entry.answer, candidate, self.me.now(), cached=True, shared=False, key=key)

    async def _attempt(
        self, call: Call, story: Story, candidate: Candidate, attempt: Attempt, key: bytes
    ) -> tuple[Attempted, bool]:
        """Make one attempt: how it ended, and whether this call is charged for it."""
        try:
            if isinstance(call, MakeCall) and writes(attempt.request):
                deadline = call.allowance.deadline
                keep = story.batches is None
                fill = Fill(key=key, provider=candidate.provider, attempt=attempt, deadline=deadline, keep=keep)
                for _ in range(ELECTIONS):
                    filled = await self._cache.ask(fill)
                    if filled.leader or not _unaffordable(filled.attempted):
                        return filled.attempted, filled.leader
            return await self._provider(candidate.provider).ask(attempt), True
        except ActorError as error:
            return _internal(candidate, error), True


def _attempt_of(call: Call, story: Story, candidate: Candidate, work: Work, money: Cost | None) -> Attempt:
    """The next attempt; `money`: US dollars that the call has left."""
    return Attempt(
        id=f"{call.id}-{story.made + 1}",
        call=call.id,
        request=work,
        model=candidate.model,
        sink=call.sink if isinstance(call, OpenStream) else None,
        money=money,
    )


def _unaffordable(attempted: Attempted) -> bool:
    return attempted.fault is not None and attempted.fault.kind is FaultKind.BUDGET


def _internal(candidate: Candidate, error: ActorError) -> Attempted:
    fault = msgspec.structs.replace(_own(str(error)), provider=candidate.provider, model=candidate.model)
    record = AttemptRecord(provider=candidate.provider, model=candidate.model, outcome="fault", fault=fault)
    return Attempted(record=record, fault=fault)


def _cut_by(error: BaseException, story: Story) -> Failure | None:
    """What the ledger is told: a bug is a fault, whoever has left has no outcome."""
    if not isinstance(error, Exception):
        return None
    return story.failure(_own(f"a bug in the orchestrator ({type(error).__name__})"))


def _own(what: str) -> Fault:
    return Fault(kind=FaultKind.INTERNAL, message=f"callboard's own failure: {what}")
