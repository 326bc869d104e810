"""The life of a call among scripted providers: from the plan to the one outcome."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.actors.cache.actor import CacheActor, CacheView
from callboard.actors.cache.shelf import Bounds
from callboard.actors.orchestrator.actor import OrchestratorActor
from callboard.actors.orchestrator.features import Features, Knowledge
from callboard.actors.orchestrator.key import cache_key
from callboard.actors.orchestrator.policy import RetrySpec
from callboard.actors.selector.actor import SelectorActor
from callboard.actors.store.actor import CommitFailed
from callboard.messages.accounting import CallEnded, Write, WriteDurably
from callboard.messages.caching import Entry, Keep, Labels
from callboard.messages.calls import (
    Allowance,
    Attempt,
    Attempted,
    Candidate,
    Failure,
    MakeCall,
    OpenStream,
    Outcome,
)
from callboard.messages.chat import TextPart, user
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.hooks import Sanitiser, Wishes
from callboard.messages.reply import Answer, AttemptRecord, Delta, FinishReason, Reply
from callboard.messages.request import CacheControl, Request, Sampling, Tool
from callboard.messages.routing import CircuitReport
from callboard.messages.usage import Usage
from callboard.runtime.actor import Actor
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import HandlerFailed
from callboard.runtime.ref import Ref
from callboard.runtime.stream import ConsumerLeft, Stream
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.system import System
from callboard.testing.doer import Doer

Tree = Callable[[Callable[[Callable[[str], Ref]], tuple[ActorSpec, ...]]], AbstractAsyncContextManager[System]]
Opening = Callable[..., AbstractAsyncContextManager["World"]]
A, B = Candidate("a", "m"), Candidate("b", "m")
USED = Usage(input=1, output=2)
UNLABELLED = Labels(None, None, "")


class Plan:
    """What one provider does with its attempts: fault kinds in order, and then answers."""

    def __init__(self) -> None:
        self.faults: deque[FaultKind | type[Exception]] = deque()
        self.seconds = 1.0
        self.deltas_before_the_fault = 0
        self.asked: list[Attempt] = []
        self.cancelled = 0


class Provider(Actor):
    def __init__(self, name: str, plan: Plan) -> None:
        self._name = name
        self._plan = plan

    def receive(self, message: Message, envelope: Envelope) -> object:
        assert isinstance(message, Attempt)
        self._plan.asked.append(message)
        return self._attempt(message)

    async def _attempt(self, attempt: Attempt) -> Attempted:
        plan = self._plan
        fault = plan.faults.popleft() if plan.faults else None
        try:
            await trio.sleep(plan.seconds)
        except trio.Cancelled:
            plan.cancelled += 1
            raise
        if isinstance(fault, type):
            raise fault
        text = f"{self._name} says {attempt.id}"
        if attempt.sink is not None:
            for _ in range(plan.deltas_before_the_fault if fault else 1):
                try:
                    await attempt.sink.send(Delta(text=text))
                except ConsumerLeft:
                    return Attempted(record=AttemptRecord(provider=self._name, model="m", outcome="cancelled"))
        return self._attempted(attempt, text, fault)

    def _attempted(self, attempt: Attempt, text: str, kind: FaultKind | None) -> Attempted:
        answer = Answer(parts=(TextPart(text),), finish_reason=FinishReason.STOP, raw={"text": text})
        fault = None if kind is None else Fault(kind=kind, message=kind.value, provider=self._name, status=500)
        record = AttemptRecord(
            provider=self._name,
            model=attempt.model,
            outcome="ok" if fault is None else "skipped" if kind is FaultKind.UNAVAILABLE else "fault",
            id=attempt.id,
            fault=fault,
            usage=USED,
            cost=Decimal("0.5"),
        )
        partial = answer if fault is not None and self._plan.deltas_before_the_fault else None
        return Attempted(record=record, answer=answer if fault is None else None, fault=fault, partial=partial)


class Ledger(Actor):
    """Keeps what it is told; a durable write takes a second, or fails."""

    def __init__(self, told: list[CallEnded], fails: bool, takes: float) -> None:
        self._told = told
        self._fails = fails
        self._takes = takes

    def receive(self, message: Message, envelope: Envelope) -> object:
        assert isinstance(message, Write | WriteDurably)
        self._told.extend(entry for entry in message.entries if isinstance(entry, CallEnded))
        return self._written() if isinstance(message, WriteDurably) else None

    async def _written(self) -> None:
        await trio.sleep(self._takes)
        if self._fails:
            raise CommitFailed("the disk is full")


class Nothing:
    """An environment that holds nothing."""

    def get(self, database: str, key: bytes) -> None:
        return None

    def first(self, database: str, limit: int, after: bytes) -> list[tuple[bytes, bytes]]:
        return []

    def last_key(self, database: str) -> None:
        return None

    def count(self, database: str) -> int:
        return 0

    def size(self, database: str) -> int:
        return 0


class World:
    def __init__(self, system: System, plans: dict[str, Plan], told: list[CallEnded]) -> None:
        self.system = system
        self.a, self.b = plans["a"], plans["b"]
        self._told = told
        self.calls = 0

    @property
    def asked(self) -> str:
        """The providers that were asked so far, in the order of the attempts' ids."""
        attempts = [(one.id, name) for name, plan in (("a", self.a), ("b", self.b)) for one in plan.asked]
        return "".join(name for _, name in sorted(attempts))

    def call(
        self,
        *,
        seconds: float = 100,
        attempts: int = 9,
        money: str | None = None,
        wishes: Wishes | None = None,
        **more: Any,
    ) -> MakeCall:
        self.calls += 1
        members = {"model": "any", "messages": (user("Why?"),)} | more
        allowance = Allowance(
            attempts=attempts,
            deadline=self.system.clock.now() + ns(seconds),
            money=None if money is None else Decimal(money),
        )
        return MakeCall(id=f"call{self.calls}", request=Request(**members), allowance=allowance, wishes=wishes)

    def opened(self, sink: Stream[Delta], **more: Any) -> OpenStream:
        call = self.call(**more)
        assert isinstance(call.request, Request)
        return OpenStream(id=call.id, request=call.request, allowance=call.allowance, sink=sink, wishes=call.wishes)

    async def generate(self, **more: Any) -> Outcome:
        call = self.call(**more)
        return await self.system.ref("orchestrator").ask(call, deadline=call.allowance.deadline)

    async def reply(self, **more: Any) -> Reply:
        outcome = await self.generate(**more)
        assert isinstance(outcome, Reply)
        return outcome

    async def fault(self, **more: Any) -> Failure:
        outcome = await self.generate(**more)
        assert isinstance(outcome, Failure)
        return outcome

    async def stream(self, **more: Any) -> tuple[str, Outcome]:
        """What was streamed, and the outcome."""
        sink: Stream[Delta] = Stream()
        opened = self.opened(sink, **more)
        outcome = await self.system.ref("orchestrator").ask(opened)
        return "".join([(await sink.receive()).text for _ in range(sink.sent)]), outcome

    async def told(self) -> list[CallEnded]:
        """What the ledger has heard of calls."""
        await wait_all_tasks_blocked()
        return self._told

    async def open_circuit(self, name: str, seconds: float) -> None:
        until = self.system.clock.now() + ns(seconds)
        self.system.ref("selector").tell(CircuitReport(provider=name, endpoint=until, models={}))
        await wait_all_tasks_blocked()


@pytest.fixture
def world(tree: Tree) -> Opening:
    """Providers a and b behind the alias `any`."""

    @asynccontextmanager
    async def opened(
        durability: Any = "relaxed", fails: bool = False, takes: float = 1, **more: Any
    ) -> AsyncIterator[World]:
        plans = {"a": Plan(), "b": Plan()}
        told: list[CallEnded] = []

        def children(lookup: Callable[[str], Ref]) -> tuple[ActorSpec, ...]:
            def orchestrator() -> OrchestratorActor:
                return OrchestratorActor(
                    selector=lookup("selector"),
                    cache=lookup("cache"),
                    ledger=lookup("ledger"),
                    provider=lookup,
                    retry=RetrySpec(base=1, max=8),
                    durability=durability,
                    **more,
                )

            def cache() -> CacheActor:
                return CacheActor(Bounds(), Nothing, lookup("store"), lookup)

            return (
                ActorSpec(name="store", factory=Doer),
                ActorSpec(name="ledger", factory=lambda: Ledger(told, fails, takes), concurrency=99),
                ActorSpec(name="cache", factory=cache),
                ActorSpec(name="selector", factory=lambda: SelectorActor({"any": (A, B)}, ("a", "b"))),
                *[
                    ActorSpec(name=name, factory=partial(Provider, name, plans[name]), concurrency=999)
                    for name in plans
                ],
                ActorSpec(name="orchestrator", factory=orchestrator, concurrency=999),
            )

        async with tree(children) as system:
            yield World(system, plans, told)

    return opened


SAME = {"sampling": Sampling(temperature=0)}


async def test_the_first_candidate_answers(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        reply = await w.reply()
        assert (reply.text, reply.provider, reply.usage, reply.cost) == ("a says call1-1", "a", USED, Decimal("0.5"))
        assert (reply.cached, reply.shared, reply.recorded, reply.duration) == (False, False, "queued", 1.0)


async def test_a_fault_sends_the_call_to_the_next_candidate_at_once(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.a.faults.append(FaultKind.OVERLOADED)
        reply = await w.reply()
        assert (reply.provider, reply.duration, reply.cost) == ("b", 2.0, Decimal(1))
        assert [attempt.id for attempt in reply.attempts] == ["call1-1", "call1-2"]


async def test_a_mistake_of_the_callers_is_asked_once(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.a.faults.append(FaultKind.INVALID_REQUEST)
        failure = await w.fault()
        assert (failure.fault.kind, w.asked) == (FaultKind.INVALID_REQUEST, "a")


async def test_no_more_attempts_are_made_than_allowed(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        for plan in (w.a, w.b):
            plan.faults.extend([FaultKind.OVERLOADED] * 99)
        failure = await w.fault(attempts=5)
        assert (len(failure.attempts), w.asked) == (5, "ababa")


async def test_no_attempt_is_made_for_money_that_is_spent(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        for plan in (w.a, w.b):
            plan.faults.extend([FaultKind.OVERLOADED] * 99)
        assert len((await w.fault(money="1.2")).attempts) == 3


@pytest.mark.parametrize("bug", [ZeroDivisionError])
async def test_a_bug_in_a_provider_is_a_fault_like_others(
    autojump_clock: MockClock, world: Opening, bug: type[Exception]
) -> None:
    async with world() as w:
        w.a.faults.append(bug)
        reply = await w.reply()
        assert reply.provider == "b"
        assert reply.attempts[0].fault is not None
        assert reply.attempts[0].fault.kind is FaultKind.INTERNAL


async def test_a_stream_that_breaks_before_its_first_piece_goes_on_elsewhere_unseen(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.a.faults.append(FaultKind.OVERLOADED)
        text, outcome = await w.stream()
        assert isinstance(outcome, Reply)
        assert (text, outcome.provider) == ("b says call1-2", "b")


async def test_a_stream_that_breaks_after_its_first_piece_is_interrupted_with_what_had_come(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.a.faults.append(FaultKind.OVERLOADED)
        w.a.deltas_before_the_fault = 1
        text, outcome = await w.stream()
        assert isinstance(outcome, Failure)
        assert outcome.partial is not None
        assert outcome.partial.parts == (TextPart(text),)
        assert (outcome.fault.kind, w.asked) == (FaultKind.INTERRUPTED, "a")
        assert (await w.told())[0].outcome == "interrupted"


async def test_a_stream_whose_provider_crashes_is_interrupted_all_the_same(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.a.faults.append(ZeroDivisionError)
        sink: Stream[Delta] = Stream()
        await sink.send(Delta(text="So"))
        outcome = await w.system.ref("orchestrator").ask(w.opened(sink))
        assert isinstance(outcome, Failure)
        assert outcome.fault.kind is FaultKind.INTERRUPTED
        assert outcome.partial == Answer(parts=(), finish_reason=None)


async def test_a_stream_whose_reader_left_is_not_tried_again(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        sink: Stream[Delta] = Stream()
        sink.leave()
        outcome = await w.system.ref("orchestrator").ask(w.opened(sink))
        assert isinstance(outcome, Failure)
        assert (outcome.fault.kind, w.asked) == (FaultKind.INTERRUPTED, "a")


async def test_a_kept_reply_costs_no_attempt(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        first, second = await w.reply(**SAME), await w.reply(**SAME)
        assert (second.text, second.cached, second.cost, second.usage) == (first.text, True, 0, Usage())
        assert (second.duration, second.attempts, w.asked) == (0.0, (), "a")
        assert (await w.told())[1].cached


async def test_a_kept_reply_is_handed_out_before_anybody_else_has_his_turn(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w, trio.open_nursery() as nursery:
        await w.reply(**SAME)
        turns: list[str] = []

        async def other() -> None:
            turns.append("other")

        nursery.start_soon(other)
        assert (await w.reply(**SAME)).cached
        assert turns == []


async def test_a_kept_reply_is_not_handed_out_after_the_calls_time(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        await w.reply(**SAME)
        outcome = await w.system.ref("orchestrator").ask(w.call(seconds=0, sampling=SAME["sampling"]))
        assert isinstance(outcome, Failure)
        assert outcome.fault.kind is FaultKind.DEADLINE


async def test_a_kept_reply_of_a_strict_call_waits_for_its_record(autojump_clock: MockClock, world: Opening) -> None:
    async with world("strict") as w:
        await w.reply(**SAME)
        started = trio.current_time()
        reply = await w.reply(**SAME)
        assert (reply.cached, reply.recorded, trio.current_time() - started) == (True, "acknowledged", 1.0)


async def test_a_kept_reply_does_not_hide_that_candidates_were_skipped(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        await w.reply(model="b/m", **SAME)
        await w.open_circuit("a", 60)
        reply = await w.reply(**SAME)
        assert (reply.cached, [attempt.outcome for attempt in reply.attempts]) == (True, ["skipped"])


async def test_a_bug_in_looking_for_a_kept_reply_ends_that_call_alone(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async with world() as w:
        with monkeypatch.context() as patch:
            patch.setattr("callboard.actors.orchestrator.lookup.kept_entry", broken)
            with pytest.raises(HandlerFailed):
                await w.generate(**SAME)
        assert [call.outcome for call in await w.told()] == ["fault"]
        assert not (await w.reply(**SAME)).cached
        assert next(cell for cell in w.system.cells() if cell.path == "orchestrator").incarnation == 1


async def test_a_call_without_money_may_have_what_is_kept(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        await w.reply(**SAME)
        assert (await w.reply(money="0", **SAME)).cached
        assert w.asked == "a"


async def test_a_kept_reply_is_replayed_as_a_stream(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        first = await w.reply(**SAME)
        text, outcome = await w.stream(**SAME)
        assert isinstance(outcome, Reply)
        assert (text, outcome.text, outcome.cached, w.asked) == (first.text, first.text, True, "a")


async def test_a_request_that_is_not_deterministic_is_asked_each_time(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        await w.reply()
        await w.reply()
        assert w.asked == "aa"


async def test_a_kept_reply_still_has_the_raw_one_for_whoever_asks_for_it(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        await w.reply(**SAME)
        for _ in range(2):
            reply = await w.reply(keep_raw=True, **SAME)
            assert reply.raw == {"text": reply.text}
        assert reply.cached


async def test_each_candidates_own_entry_counts_when_it_is_its_turn(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        await w.reply(model="b/m", **SAME)
        w.a.faults.append(FaultKind.UNAUTHORIZED)
        reply = await w.reply(**SAME)
        assert (reply.provider, reply.cached, w.asked) == ("b", True, "ba")


async def test_only_the_cache_is_asked_when_the_caller_says_so(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        only = {"cache": CacheControl(use="only"), **SAME}
        failure = await w.fault(**only)
        assert (failure.fault.kind, failure.attempts, w.asked) == (FaultKind.UNAVAILABLE, (), "")
        await w.reply(model="b/m", **SAME)
        await w.open_circuit("b", 60)
        assert (await w.reply(**only)).cached


async def test_a_refresh_asks_and_keeps_what_it_gets(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        await w.reply(**SAME)
        fresh = await w.reply(cache=CacheControl(use="refresh"), **SAME)
        assert not fresh.cached
        assert (await w.reply(**SAME)).text == fresh.text != "a says call1-1"


async def test_an_entry_older_than_the_caller_takes_is_a_miss(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        await w.reply(**SAME)
        await trio.sleep(10)
        assert (await w.reply(cache=CacheControl(max_age=float("inf")), **SAME)).cached
        assert (await w.reply(cache=CacheControl(max_age=10), **SAME)).cached
        assert not (await w.reply(cache=CacheControl(max_age=9.9), **SAME)).cached


async def test_a_kept_reply_helps_out_when_every_circuit_is_open(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        await w.reply(**SAME)
        for name in "ab":
            await w.open_circuit(name, 60)
        assert (await w.reply(**SAME, wait=True)).duration == 0.0


async def test_a_kept_reply_of_a_candidate_that_was_skipped_is_the_last_resort(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        await w.reply(**SAME)
        await w.open_circuit("a", 60)
        w.b.faults.append(FaultKind.UNAUTHORIZED)
        reply = await w.reply(**SAME)
        assert (reply.provider, reply.cached, w.asked) == ("a", True, "ab")


async def test_what_is_not_kept_is_looked_for_once(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bytes] = []
    get = CacheView.get

    def counted(self: CacheView, key: bytes, max_age: int, now: int) -> Entry | None:
        looked.append(key)
        return get(self, key, max_age, now)

    monkeypatch.setattr(CacheView, "get", counted)
    async with world() as w:
        assert not (await w.reply(**SAME)).cached
        assert len(looked) == 1


async def test_whoever_asks_again_finds_what_was_kept_meanwhile(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.a.faults.append(FaultKind.OVERLOADED)
        call = w.call(sampling=Sampling(temperature=0), model="a/m")
        asked = w.system.ref("orchestrator").submit(call)
        await trio.sleep(1)
        answer = Answer(parts=(TextPart("kept"),), finish_reason=FinishReason.STOP)
        key = cache_key(call.request, A)
        w.system.ref("cache").tell(Keep(answers=((key, answer),), provider="a", model="m", labels=UNLABELLED))
        reply = await asked.wait()
        assert isinstance(reply, Reply)
        assert (reply.text, reply.cached, w.asked) == ("kept", True, "a")


async def test_identical_calls_in_flight_share_an_attempt_and_one_of_them_pays(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        replies: list[Reply] = []

        async def one() -> None:
            replies.append(await w.reply(**SAME))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(one)
        assert w.asked == "a"
        assert sorted((reply.shared, reply.cost) for reply in replies) == [(False, Decimal("0.5")), *[(True, 0)] * 4]
        told = await w.told()
        assert (sum(entry.cost or 0 for entry in told), sum(entry.shared for entry in told)) == (Decimal("0.5"), 4)


async def test_streams_in_flight_share_nothing(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(lambda: w.stream(**SAME))
        assert w.asked == "aa"


async def test_an_attempt_that_was_refused_leaves_its_id_to_nobody(autojump_clock: MockClock, world: Opening) -> None:
    """Its circuit may have opened after it was written down."""
    async with world() as w:
        w.a.faults.append(FaultKind.UNAVAILABLE)
        reply = await w.reply()
        assert reply.provider == "b"
        assert [one.id for one in (*w.a.asked, *w.b.asked)] == [f"{reply.id}-1", f"{reply.id}-2"]


async def test_when_every_circuit_is_open_the_call_fails_at_once_with_the_earliest_repair(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        await w.open_circuit("a", 50)
        await w.open_circuit("b", 20)
        failure = await w.fault()
        assert (failure.fault.kind, failure.fault.retry_after) == (FaultKind.UNAVAILABLE, 20)
        assert [record.outcome for record in failure.attempts] == ["skipped", "skipped"]
        assert trio.current_time() == 0


async def test_with_wait_the_call_waits_for_the_earliest_repair(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        await w.open_circuit("a", 50)
        await w.open_circuit("b", 20)
        reply = await w.reply(wait=True)
        assert (reply.provider, reply.duration) == ("b", 21.0)


async def test_a_strict_call_returns_when_its_record_is_on_disk(autojump_clock: MockClock, world: Opening) -> None:
    async with world("strict") as w:
        reply = await w.reply()
        assert (reply.recorded, trio.current_time(), len(await w.told())) == ("acknowledged", 2.0, 1)


@pytest.mark.parametrize("seconds", [5, 100])
async def test_a_strict_call_whose_ledger_hangs_has_its_reply_before_its_deadline(
    autojump_clock: MockClock, world: Opening, seconds: float
) -> None:
    async with world("strict", takes=10_000) as w:
        started = trio.current_time()
        reply = await w.reply(seconds=seconds)
        assert reply.recorded == "failed"
        assert reply.text == "a says call1-1"
        assert trio.current_time() - started < min(seconds, 12)


async def test_a_strict_call_whose_record_cannot_be_written_says_so(autojump_clock: MockClock, world: Opening) -> None:
    async with world("strict", fails=True) as w:
        assert (await w.reply()).recorded == "failed"


@pytest.mark.parametrize("durability", ["relaxed", "strict"])
async def test_every_call_has_exactly_one_outcome_in_the_ledger(
    autojump_clock: MockClock, world: Opening, durability: str
) -> None:
    async with world(durability) as w:
        await w.reply()
        w.a.faults.append(FaultKind.INVALID_REQUEST)
        await w.fault()
        with trio.move_on_after(0.5):
            await w.generate()
        w.a.seconds = 50
        assert (await w.fault(seconds=5)).fault.kind is FaultKind.DEADLINE
        with pytest.raises(HandlerFailed):
            await w.generate(model="nobody/m")
        await trio.sleep(5)
        assert [(entry.id, entry.outcome, entry.fault) for entry in await w.told()] == [
            ("call1", "ok", None),
            ("call2", "fault", FaultKind.INVALID_REQUEST),
            ("call3", "cancelled", None),
            ("call4", "fault", FaultKind.DEADLINE),
            ("call5", "fault", FaultKind.INTERNAL),
        ]


async def test_a_call_out_of_time_tells_its_story_to_whoever_still_listens(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.a.faults.append(FaultKind.OVERLOADED)
        w.b.seconds = 50
        failure = await w.system.ref("orchestrator").ask(w.call(seconds=5))
        assert isinstance(failure, Failure)
        assert (failure.fault.kind, trio.current_time()) == (FaultKind.DEADLINE, 5.0)
        await wait_all_tasks_blocked()
        assert w.b.cancelled == 1
        assert [(one.provider, one.outcome, one.duration) for one in failure.attempts] == [
            ("a", "fault", 0.0),
            ("b", "cancelled", 4.0),
        ]


async def test_whoever_leaves_stops_his_attempt_at_once(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        with trio.move_on_after(0.5):
            await w.generate()
        await wait_all_tasks_blocked()
        assert (w.a.cancelled, trio.current_time()) == (1, 0.5)


def not_from(provider: str) -> Callable[[Reply], str | None]:
    return lambda reply: "not you" if reply.provider == provider else None


async def test_a_rejected_reply_is_paid_for_and_the_next_candidate_is_asked(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        reply = await w.reply(wishes=Wishes(checks=(not_from("a"),)))
        assert (reply.provider, reply.cost, w.asked) == ("b", Decimal(1), "ab")
        first = reply.attempts[0]
        assert first.fault is not None
        assert (first.outcome, first.fault.kind, first.usage) == ("fault", FaultKind.REJECTED, USED)
        assert first.fault.message == "the reply was rejected: not you"


async def test_a_reply_that_nobody_accepts_ends_the_call_inside_its_allowance(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        failure = await w.fault(attempts=3, wishes=Wishes(checks=(lambda _: "never",)))
        assert (failure.fault.kind, w.asked) == (FaultKind.REJECTED, "aba")


async def test_a_repair_sends_the_reply_and_the_reason_back_once(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        wishes = Wishes(checks=(not_from("a"),), repair=True)
        reply = await w.reply(wishes=wishes, **SAME)
        assert (reply.provider, w.asked) == ("b", "aab")
        original, again = [attempt.request for attempt in w.a.asked]
        assert isinstance(original, Request)
        assert isinstance(again, Request)
        assert [one.role for one in again.messages] == ["user", "assistant", "user"]
        assert again.messages[1].text == "a says call1-1"
        assert "not you" in again.messages[2].text
        asked = w.b.asked[0].request
        assert isinstance(asked, Request)
        assert asked.messages == original.messages, "another candidate is asked the question as it was"


async def test_a_repair_that_is_good_is_the_answer(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        wishes = Wishes(checks=(lambda reply: None if "call1-2" in reply.text else "again",), repair=True)
        reply = await w.reply(wishes=wishes)
        assert (reply.text, [one.outcome for one in reply.attempts]) == ("a says call1-2", ["fault", "ok"])


async def test_a_sanitiser_changes_what_the_caller_gets_and_not_what_is_kept(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        assert (await w.reply(wishes=Wishes(checks=(Sanitiser(str.upper),)), **SAME)).text == "A SAYS CALL1-1"
        assert (await w.reply(**SAME)).text == "a says call1-1"


async def test_a_kept_reply_passes_the_checks_too_or_is_a_miss(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        kept = await w.reply(**SAME)
        wishes = Wishes(checks=(lambda reply: "old" if reply.text == kept.text else None,))
        fresh = await w.reply(wishes=wishes, **SAME)
        assert (fresh.cached, fresh.provider, w.asked) == (False, "a", "aa")
        assert (await w.reply(wishes=wishes, **SAME)).cached


async def test_a_check_that_raises_ends_the_call_and_says_which(autojump_clock: MockClock, world: Opening) -> None:
    def broken(reply: Reply) -> str | None:
        raise ZeroDivisionError

    async with world() as w:
        failure = await w.fault(wishes=Wishes(checks=(broken,)))
        assert (failure.fault.kind, w.asked) == (FaultKind.INTERNAL, "a")
        assert "the check broken raised ZeroDivisionError" in failure.fault.message


async def test_a_buffered_stream_that_breaks_in_its_middle_goes_on_elsewhere_unseen(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.a.faults.append(FaultKind.OVERLOADED)
        w.a.deltas_before_the_fault = 3
        text, outcome = await w.stream(wishes=Wishes(buffer=True))
        assert isinstance(outcome, Reply)
        assert (text, outcome.provider) == ("b says call1-2", "b")


async def test_a_stream_with_checks_hands_on_what_passed_and_nothing_else(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        text, outcome = await w.stream(wishes=Wishes(checks=(not_from("a"), Sanitiser(str.upper))))
        assert isinstance(outcome, Reply)
        assert (text, outcome.text, outcome.provider) == ("B SAYS CALL1-2", "B SAYS CALL1-2", "b")


async def test_what_an_alias_demands_holds_for_every_call_and_the_calls_own_comes_after_it(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world(standards={"any": Wishes(checks=(not_from("a"),))}) as w:
        assert (await w.reply()).provider == "b"
        assert (await w.reply(model="a/m")).provider == "a"
        reply = await w.reply(wishes=Wishes(checks=(Sanitiser(str.upper),)))
        assert reply.text == "B SAYS CALL3-2"


async def test_a_candidate_that_does_not_fit_is_skipped_with_the_reason(
    autojump_clock: MockClock, world: Opening
) -> None:
    known = {A: Features(tools=False), B: Features(context=50)}
    async with world(knowledge=Knowledge(known, lambda account, model: None)) as w:
        reply = await w.reply(tools=(Tool(name="f"),), wishes=None, messages=(user("Hi"),), model="any")
        assert (reply.provider, w.asked) == ("b", "b")
    async with world(knowledge=Knowledge(known, lambda account, model: None)) as w:
        failure = await w.fault(tools=(Tool(name="f"),), messages=(user("word" * 50),))
        assert (failure.fault.kind, w.asked) == (FaultKind.UNSUPPORTED, "")
        assert [one.outcome for one in failure.attempts] == ["skipped", "skipped"]
        assert failure.attempts[0].reason == "the model takes no tools"
        assert "tokens do not fit into the model's 50" in (failure.attempts[1].reason or "")
