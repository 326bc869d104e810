"""One call from its plan to its outcome: carries out what the course decides."""

from collections.abc import Iterable, Mapping

import msgspec
import trio

from callboard.actors.orchestrator.attempting import Attempting
from callboard.actors.orchestrator.checks.examine import HookFailed, examine
from callboard.actors.orchestrator.checks.names import hooks
from callboard.actors.orchestrator.course import Course, GiveUp, Try, Wait
from callboard.actors.orchestrator.hedging import Hedging, Raced
from callboard.actors.orchestrator.key import cache_key, vectors_to_keep, writes
from callboard.actors.orchestrator.lookup import Lookup
from callboard.actors.orchestrator.means import Means
from callboard.actors.orchestrator.repair import repaired
from callboard.actors.orchestrator.replay import deltas
from callboard.actors.orchestrator.story import Story
from callboard.messages.calls import (
    Attempted,
    Call,
    Candidate,
    Cause,
    DeltaSink,
    Failure,
    MakeCall,
    OpenStream,
    Outcome,
)
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.hooks import Hook, Wishes
from callboard.messages.reply import Answer, Delta, Receipt, Reply
from callboard.messages.request import Request, Work
from callboard.messages.routing import Plan
from callboard.runtime.actor import Me
from callboard.runtime.clock import trio_deadline
from callboard.runtime.mailbox import CONTROL
from callboard.runtime.stream import ConsumerLeft

NOT_KEPT = Fault(kind=FaultKind.UNAVAILABLE, message="it is not in the cache; nothing was asked")
READER_LEFT = Fault(kind=FaultKind.INTERRUPTED, message="the reader left the stream")
NOTHING = Answer(parts=(), finish_reason=None)
"""What is known of a stream that broke together with the actor that made it."""
NO_WISHES = Wishes()


class Blind:
    """Where the pieces of a buffered stream go: nowhere, so that it has no commit point before it is whole."""

    sent = 0

    async def send(self, item: Delta) -> None:
        """The growing reply is kept where it is decoded."""


BLIND = Blind()


class Pursuit:
    """What is known of one call while it lasts."""

    def __init__(self, call: Call, story: Story, means: Means, me: Me) -> None:
        self._call = call
        self._story = story
        self._means = means
        self._me = me
        self._wishes = _wishes(call, means.standards)
        self._buffered = isinstance(call, OpenStream) and (self._wishes.buffer or bool(self._wishes.checks))
        self._hooks: tuple[Hook, ...] = ()
        self._rejected: tuple[Reply, str] | None = None
        self._lookup = Lookup(call.request, story, means, me)
        self._attempting = Attempting(
            call, story, means, me, sink=self._sink(), shares=self._lookup.writes and isinstance(call, MakeCall)
        )
        self._course: Course
        self._hedging: Hedging

    def kept_at_once(self) -> Receipt | None:
        """The reply kept from the candidate that would be asked first, where nothing else has to be done for it."""
        plain = isinstance(self._call, MakeCall) and self._wishes is NO_WISHES
        return self._lookup.at_once() if plain else None

    async def outcome(self) -> Outcome:
        """The call's one outcome."""
        call, story, means = self._call, self._story, self._means
        refused = self._unmade() if self._wishes.checks else None
        if refused is not None:
            return story.failure(refused)
        plan, unfits = means.planned(call.request, self._me.now())
        unfit = unfits[0].fault if unfits else None
        if plan.skipped or unfits:
            story.skipped(plan.skipped)
            story.unfit(unfits)
        only = call.request.cache.use == "only"
        try:
            if only or not plan.candidates:
                kept = await self._kept(means.candidates(call.request.model))
                if kept is not None:
                    return kept
            if only:
                return story.failure(NOT_KEPT)
            if unfit is not None and not plan.candidates and not plan.skipped:
                return story.failure(unfit)
            self._course = Course(plan, call.allowance, means.retry, wait=call.request.wait)
            if self._wishes.hedge:
                means.hedges.earn()
                self._hedging = Hedging(self._course, story, means, self._me, self._attempting)
            return await self._run(plan)
        except HookFailed as error:
            cause = None if error.__cause__ is None else Cause(error.__cause__)
            return story.failure(Fault(kind=FaultKind.INTERNAL, message=str(error)), cause=cause)

    def _unmade(self) -> Fault | None:
        """Makes the hooks, or says which cannot be made of this request."""
        request = self._call.request
        if isinstance(request, Request):
            try:
                self._hooks = hooks(self._wishes.checks, request)
            except ValueError as error:
                return Fault(kind=FaultKind.INVALID_REQUEST, message=f"checks: {error}")
        return None

    async def _run(self, plan: Plan) -> Outcome:
        while True:
            match self._course.next(self._me.now()):
                case Try() as step:
                    outcome = await self._try(step)
                    if outcome is not None:
                        return outcome
                case Wait(until):
                    await trio.sleep_until(trio_deadline(until))
                case GiveUp(fault):
                    kept = await self._kept([one.candidate for one in plan.skipped])
                    return self._story.failure(fault) if kept is None else kept

    async def _try(self, step: Try) -> Outcome | None:
        """The call's outcome, or None when the course goes on."""
        request, candidate, story = self._call.request, step.candidate, self._story
        work: Work
        key, ended = b"", self._lookup.ended
        if step.repair and self._rejected is not None and isinstance(request, Request):
            work = repaired(request, *self._rejected)
        else:
            key = self._lookup.key(candidate) if self._lookup.reads or self._lookup.writes else b""
            kept = await self._kept_at(candidate, key) if key else None
            if kept is not None:
                return kept
            work = story.work(candidate)
            if story.batches is not None:
                key = cache_key(work, candidate) if writes(work) else b""
        if self._wishes.hedge and not (step.repair or self._lookup.writes) and isinstance(self._call, MakeCall):
            patience = self._hedging.patience(candidate)
            if patience is not None:
                return await self._raced(candidate, work, patience)
        money = self._course.allowance.money
        attempted, leads = await self._attempting.run(candidate, work, key, money, ended=ended)
        story.attempted(attempted, charged=leads)
        return await self._ended(candidate, work, attempted, key, shared=not leads)

    async def _ended(
        self, candidate: Candidate, work: Work, attempted: Attempted, key: bytes = b"", *, shared: bool = False
    ) -> Outcome | None:
        """What the attempt at the candidate ahead amounts to; None when the course goes on."""
        if attempted.answer is None:
            return self._after_fault(attempted)
        if self._story.batches is not None:
            if writes(work) and not shared:
                self._means.cache.tell(vectors_to_keep(work, attempted.answer, candidate), lane=CONTROL)
            key = b""
        answer = self._story.whole(candidate, work, attempted.answer)
        if answer is None:
            self._course.advanced(attempted.record.cost)
            return None
        now = self._me.now()
        reply = self._story.reply(answer, candidate, now, cached=False, shared=shared, key=key)
        passed = self._examined(reply)
        if not isinstance(passed, str):
            return await self._handed_on(passed) if self._buffered else passed
        fault, rand = self._reject(reply, passed), self._me.random.random()
        self._course.failed(fault, attempted.record.cost, now, rand, repair=self._wishes.repair)
        return None

    def _examined(self, reply: Receipt) -> Receipt | str:
        return examine(reply, self._hooks) if self._hooks and isinstance(reply, Reply) else reply

    def _reject(self, reply: Receipt, why: str) -> Fault:
        assert isinstance(reply, Reply)
        self._rejected = reply, why
        message = f"the reply was rejected: {why}"
        fault = Fault(kind=FaultKind.REJECTED, message=message, provider=reply.provider, model=reply.model)
        self._story.rejected(fault)
        return fault

    async def _handed_on(self, reply: Receipt) -> Outcome:
        assert isinstance(reply, Reply)
        assert isinstance(self._call, OpenStream)
        try:
            for delta in deltas(reply):
                await self._call.sink.send(delta)
        except ConsumerLeft:
            return self._story.failure(READER_LEFT, Answer(parts=reply.parts, finish_reason=reply.finish_reason))
        return reply

    def _after_fault(self, attempted: Attempted) -> Failure | None:
        fault, call = attempted.fault, self._call
        if fault is None:
            return self._story.failure(READER_LEFT, attempted.partial)
        if isinstance(call, OpenStream) and call.sink.sent:
            cut = msgspec.structs.replace(fault, kind=FaultKind.INTERRUPTED)
            return self._story.failure(cut, attempted.partial or NOTHING)
        self._course.failed(fault, attempted.record.cost, self._me.now(), self._me.random.random())
        return None

    async def _kept(self, candidates: Iterable[Candidate]) -> Outcome | None:
        """A reply kept from one of these, whether or not it takes calls now."""
        if not self._lookup.reads:
            return None
        for candidate in candidates:
            kept = await self._kept_at(candidate, self._lookup.key(candidate))
            if kept is not None:
                return kept
        return None

    async def _kept_at(self, candidate: Candidate, key: bytes) -> Outcome | None:
        """The reply kept from this candidate, unless it fails a check: then it is a miss."""
        kept = await self._lookup.at(candidate, key)
        if kept is None:
            return None
        passed = self._examined(kept)
        if isinstance(passed, str):
            return None
        return await self._handed_on(passed) if isinstance(self._call, OpenStream) else passed

    def _sink(self) -> DeltaSink | None:
        if isinstance(self._call, OpenStream):
            return BLIND if self._buffered else self._call.sink
        return None

    async def _raced(self, candidate: Candidate, work: Work, patience: float) -> Outcome | None:
        """As `_try`, with a second attempt beside the first one when that is late."""
        raced = await self._hedging.raced(candidate, work, patience)
        second = raced.second
        if second is not None and raced.won == second:
            return self._second_won(raced, second, raced.ended[second])
        if second is not None:
            self._course.hedge_ended(second, raced.fault(second), raced.cost(second), self._me.now())
        return await self._ended(candidate, work, raced.ended[candidate])

    def _second_won(self, raced: Raced, second: Candidate, attempted: Attempted) -> Outcome | None:
        assert attempted.answer is not None
        now, fault, cost = self._me.now(), raced.fault(raced.first), raced.cost(raced.first)
        if fault is None:
            self._course.cut(cost)
        else:
            self._course.failed(fault, cost, now, self._me.random.random())
        reply = self._story.reply(attempted.answer, second, now, cached=False, shared=False)
        passed = self._examined(reply)
        if not isinstance(passed, str):
            return passed
        self._course.hedge_ended(second, self._reject(reply, passed), attempted.record.cost, now)
        return None


def _wishes(call: Call, standards: Mapping[str, Wishes]) -> Wishes:
    """The call's own, with what its alias demands."""
    standard = standards.get(call.request.model) if standards else None
    own = call.wishes or NO_WISHES
    if standard is None:
        return own
    checks = (*standard.checks, *own.checks)
    return msgspec.structs.replace(own, checks=checks, repair=own.repair or standard.repair)
