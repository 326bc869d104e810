"""One call from its plan to its outcome: carries out what the course decides."""

from collections.abc import Iterable, Mapping

import msgspec
import trio

from callboard.actors.orchestrator.checks.examine import HookFailed, examine
from callboard.actors.orchestrator.checks.names import hooks
from callboard.actors.orchestrator.course import Course, GiveUp, Try, Wait
from callboard.actors.orchestrator.key import cache_key, vectors_to_keep, writes
from callboard.actors.orchestrator.lookup import Lookup
from callboard.actors.orchestrator.means import Means
from callboard.actors.orchestrator.race import Ended, race
from callboard.actors.orchestrator.repair import repaired
from callboard.actors.orchestrator.replay import deltas
from callboard.actors.orchestrator.story import Story
from callboard.messages.accounting import Taken
from callboard.messages.caching import Fill
from callboard.messages.calls import (
    Attempt,
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
from callboard.messages.reply import Answer, AttemptRecord, Delta, Receipt, Reply
from callboard.messages.request import Request, Work
from callboard.messages.routing import Plan
from callboard.messages.usage import Cost
from callboard.runtime.actor import Me
from callboard.runtime.clock import seconds, trio_deadline
from callboard.runtime.errors import ActorError
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
        self._answered = False
        """Whether one of the two has answered."""
        self._cut_cost: Cost | None = None
        self._lookup = Lookup(call.request, story, means, me)
        self._course: Course

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
            patience = self._patience(candidate)
            if patience is not None:
                return await self._raced(candidate, work, patience)
        attempted, leads = await self._attempt(candidate, work, key, ended=ended)
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

    def _patience(self, candidate: Candidate) -> float | None:
        """Seconds after which this one is late; None when no hedge may be made."""
        view = self._means.ledger.snapshot
        if view is None or self._course.spare(self._me.now()) is None or not self._steady(candidate):
            return None
        return self._means.hedge.patience(view.latency(candidate.provider, candidate.model))

    def _steady(self, candidate: Candidate) -> bool:
        """Whether its circuits are neither open nor on trial, as far as its provider has said."""
        view = self._means.provider(candidate.provider).snapshot
        return view is not None and bool(view.steady(candidate.model))

    def _spare(self) -> Candidate | None:
        """Who may be asked as well, now that the first is late. It is counted, so it has to be asked."""
        spare = self._course.spare(self._me.now())
        if spare is None or not self._steady(spare) or not self._means.hedges.spend():
            return None
        self._course.hedged()
        return spare

    async def _raced(self, candidate: Candidate, work: Work, patience: float) -> Outcome | None:
        """As `_try`, with a second attempt beside the first one when that is late."""
        self._answered = False

        async def attempt(who: Candidate, number: int) -> Attempted:
            attempted, _ = await self._attempt(who, work, b"", number)
            self._answered = self._answered or attempted.answer is not None
            return attempted

        ended: Ended = []
        try:
            second = await race(attempt, candidate, patience, self._spare, ended)
        except BaseException:
            for _, other in ended:  # they were paid for, whatever ends the call
                self._story.attempted(other, charged=True)
            raise
        best = max(range(len(ended)), key=lambda place: ended[place][1].answer is not None)
        who, attempted = ended.pop(best)
        for _, other in ended:
            self._story.attempted(other, charged=True)
        self._story.attempted(attempted, charged=True)
        others = dict(ended)
        if second is None:
            return await self._ended(candidate, work, attempted)
        if who == candidate or attempted.answer is None:
            return await self._first_won(candidate, second, work, {**others, who: attempted})
        return self._second_won(second, others.get(candidate), attempted)

    async def _first_won(
        self, candidate: Candidate, second: Candidate, work: Work, ended: dict[Candidate, Attempted]
    ) -> Outcome | None:
        """It has answered, or both have failed."""
        other = ended.get(second)
        fault, cost = (None, self._cut_cost) if other is None else (other.fault, other.record.cost)
        self._course.hedge_ended(second, fault, cost, self._me.now())
        return await self._ended(candidate, work, ended[candidate])

    def _second_won(self, second: Candidate, first: Attempted | None, attempted: Attempted) -> Outcome | None:
        assert attempted.answer is not None
        now = self._me.now()
        if first is None or first.fault is None:
            self._course.cut(self._cut_cost if first is None else first.record.cost)
        else:
            self._course.failed(first.fault, first.record.cost, now, self._me.random.random())
        reply = self._story.reply(attempted.answer, second, now, cached=False, shared=False)
        passed = self._examined(reply)
        if not isinstance(passed, str):
            return passed
        self._course.hedge_ended(second, self._reject(reply, passed), attempted.record.cost, now)
        return None

    async def _attempt(
        self, candidate: Candidate, work: Work, key: bytes, number: int = 1, *, ended: int = 0
    ) -> tuple[Attempted, bool]:
        """One attempt, and whether this call is charged for it. `number` of those that are made at the same time;
        `ended` is how many fills had when it was looked for in the cache.
        """
        call, money = self._call, self._money(number)
        attempt = Attempt(
            id=self._story.next_id(),
            call=call.id,
            request=work,
            model=candidate.model,
            sink=self._sink(),
            money=money,
            until=call.allowance.deadline,
        )
        shares = bool(key) and self._lookup.writes and isinstance(call, MakeCall)
        began = self._me.now()
        try:
            if shares:
                deadline = call.allowance.deadline
                fill = Fill(
                    key=key,
                    provider=candidate.provider,
                    attempt=attempt,
                    deadline=deadline,
                    keep=self._story.batches is None,
                    ended=ended,
                )
                filled = await self._means.cache.ask(fill)
                return self._known(filled.attempted), filled.leader
            return await self._means.provider(candidate.provider).ask(attempt), True
        except ActorError as error:
            return _internal(candidate, error, attempt.id, self._taken(attempt.id)), True
        except trio.Cancelled:
            shared = shares and self._means.cache.snapshot.others_wait(key, attempt.id)
            self._cut(candidate, attempt.id, began, shared=shared)
            raise

    def _known(self, attempted: Attempted) -> Attempted:
        """A shared attempt with what the ledger has of it, where its provider did not tell its end."""
        record = attempted.record
        if record.id is None or record.usage is not None:
            return attempted
        return msgspec.structs.replace(attempted, record=_charged(record, record.id, self._taken(record.id)))

    def _taken(self, attempt: str) -> Taken | None:
        """What the ledger has of an attempt that did not tell its end."""
        view = self._means.ledger.snapshot
        taken: Taken | None = None if view is None else view.taken(attempt)
        return taken

    def _cut(self, candidate: Candidate, attempt: str, began: int, *, shared: bool) -> None:
        """The attempt ends with this call, unless others share it: then one of them is charged."""
        taken = None if shared else self._taken(attempt)
        why = "another attempt was faster" if self._answered else None
        self._cut_cost = self._story.cut(candidate, attempt, taken, seconds(self._me.now() - began), why).cost

    def _money(self, number: int) -> Cost | None:
        """US dollars that an attempt may take: a hedge leaves what the first one may still cost."""
        left, view = self._course.allowance.money, self._means.ledger.snapshot
        if left is None or number == 1 or view is None:
            return left
        first = view.taken(self._story.latest_id)
        return left if first is None or first.cost is None else left - first.cost

    def _sink(self) -> DeltaSink | None:
        if isinstance(self._call, OpenStream):
            return BLIND if self._buffered else self._call.sink
        return None


def _wishes(call: Call, standards: Mapping[str, Wishes]) -> Wishes:
    """The call's own, with what its alias demands."""
    standard = standards.get(call.request.model) if standards else None
    own = call.wishes or NO_WISHES
    if standard is None:
        return own
    checks = (*standard.checks, *own.checks)
    return msgspec.structs.replace(own, checks=checks, repair=own.repair or standard.repair)


def _internal(candidate: Candidate, error: ActorError, attempt: str, taken: Taken | None) -> Attempted:
    fault = Fault(
        kind=FaultKind.INTERNAL,
        message=f"callboard's own failure: {error}",
        provider=candidate.provider,
        model=candidate.model,
    )
    record = AttemptRecord(provider=candidate.provider, model=candidate.model, outcome="fault", fault=fault)
    return Attempted(record=_charged(record, attempt, taken), fault=fault)


def _charged(record: AttemptRecord, attempt: str, taken: Taken | None) -> AttemptRecord:
    """With what was taken for it; without an id when nothing was, for then it was not sent."""
    if taken is None:
        return msgspec.structs.replace(record, id=None)
    return msgspec.structs.replace(record, id=attempt, usage=taken.usage, cost=taken.cost, estimated=True)
