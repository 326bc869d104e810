"""The cache as its neighbours meet it: one attempt for many, kept for later."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.actors.cache import recent
from callboard.actors.cache.actor import CacheActor
from callboard.actors.cache.gathered import MOST
from callboard.actors.cache.shelf import Bounds
from callboard.actors.store.actor import CommitFailed, StoreActor, StoreSpec
from callboard.actors.store.reading import Records
from callboard.messages.base import Tell
from callboard.messages.caching import Fill, Filled, Forget, Keep, Labels
from callboard.messages.calls import Attempt, Attempted, TakenOver
from callboard.messages.chat import TextPart, user
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.priority import PRIORITIES, Priority
from callboard.messages.reply import Answer, AttemptRecord, FinishReason
from callboard.messages.request import Request
from callboard.runtime.actor import Actor
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorCrashed, DeadlineExceeded
from callboard.runtime.mailbox import Lane
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.system import System
from callboard.testing.checkpoints import Cut, cancel_everywhere
from callboard.testing.doer import Doer
from callboard.testing.schedule import seeded

KEY = b"key"
Answering = Callable[[Attempt], Attempted]
Tree = Callable[[Callable[[Callable[[str], Ref]], tuple[ActorSpec, ...]]], AbstractAsyncContextManager[System]]
Opening = Callable[..., AbstractAsyncContextManager["World"]]


class Rubbish(Tell, frozen=True):
    """Which no actor understands."""


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


class FullStore(Actor):
    """A store that can write nothing more."""

    def receive(self, message: Message, envelope: Envelope) -> object:
        raise CommitFailed("the disk is full")


class Upstream(Actor):
    """A provider that answers after a while, and notes what it was asked."""

    def __init__(self, log: "Log") -> None:
        self._log = log

    def receive(self, message: Message, envelope: Envelope) -> object:
        if isinstance(message, TakenOver):
            self._log.taken_over.append((message.attempt, message.payer.call, message.priority))
            return None
        assert isinstance(message, Attempt)
        self._log.asked.append((message.id, envelope.priority))
        return self._answer(message)

    async def _answer(self, attempt: Attempt) -> Attempted:
        try:
            await trio.sleep(self._log.seconds)
        except trio.Cancelled:
            self._log.cancelled.append((attempt.id, trio.current_time()))
            raise
        return self._log.answer(attempt)


class Log:
    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.cancelled: list[tuple[str, float]] = []
        self.taken_over: list[tuple[str, str, str]] = []
        self.seconds = 1.0
        self.answer: Answering = answered


def answered(attempt: Attempt, finish: FinishReason = FinishReason.STOP) -> Attempted:
    record = AttemptRecord(provider="p", model=attempt.model, outcome="ok", id=attempt.id)
    return Attempted(record=record, answer=Answer(parts=(TextPart(attempt.id),), finish_reason=finish))


def failed(attempt: Attempt) -> Attempted:
    fault = Fault(kind=FaultKind.SERVER, message="broken", status=500)
    return Attempted(
        record=AttemptRecord(provider="p", model=attempt.model, outcome="fault", id=attempt.id, fault=fault),
        fault=fault,
    )


class World:
    def __init__(self, system: System, log: Log) -> None:
        self.system = system
        self.log = log
        self.cache = system.ref("cache")
        self.ends: list[tuple[float, str, object]] = []

    def fill(
        self,
        name: str = "call",
        *,
        key: bytes = KEY,
        seconds: float = 100.0,
        provider: str = "p",
        tag: str | None = None,
    ) -> Fill:
        request = Request(model="p/m", messages=(user("hi"),), tag=tag)
        attempt = Attempt(id=f"{name}-1", call=name, request=request, model="m")
        return Fill(key=key, provider=provider, attempt=attempt, deadline=self.system.clock.now() + ns(seconds))

    async def ask(self, name: str, seconds: float = 100.0, priority: int = 1, **more: Any) -> None:
        """As the orchestrator does: the ask's own deadline is the fill's."""
        fill = self.fill(name, seconds=seconds, **more)
        result: Filled | DeadlineExceeded
        try:
            result = await self.cache.ask(fill, deadline=fill.deadline, priority=priority)
        except DeadlineExceeded as error:
            result = error
        self.ends.append((trio.current_time(), name, result))

    def kept(self, key: bytes = KEY, max_age: float = 86_400) -> str | None:
        entry = self.cache.snapshot.get(key, ns(max_age), self.system.clock.utc())
        return None if entry is None else entry.answer.parts[0].text

    @property
    def on_disk(self) -> int:
        count: int = self.system.ref("store").snapshot.cache.count("entries")
        return count

    @property
    def leaders(self) -> list[str]:
        return [name for _, name, result in self.ends if isinstance(result, Filled) and result.leader]


@pytest.fixture
def world(tree: Tree, tmp_path: Path) -> Opening:
    """A cache between a store and an upstream."""

    @asynccontextmanager
    async def opened(server: str = "", **bounds: Any) -> AsyncIterator[World]:
        log = Log()

        def children(lookup: Callable[[str], Ref]) -> tuple[ActorSpec, ...]:
            spec = StoreSpec(path=tmp_path, inline=True)

            def cache() -> CacheActor:
                reading, servers = lambda: lookup("store").snapshot.cache, {"p": server} if server else {}
                return CacheActor(Bounds(**bounds), reading, lookup("store"), lookup, servers=servers)

            return (
                ActorSpec(name="store", factory=lambda: StoreActor(spec), concurrency=64),
                ActorSpec(name="p", factory=lambda: Upstream(log), concurrency=2_000),
                ActorSpec(name="cache", factory=cache),
            )

        async with tree(children) as system:
            yield World(system, log)

    return opened


async def test_a_thousand_identical_asks_at_once_are_one_attempt(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        async with trio.open_nursery() as nursery:
            for number in range(1_000):
                nursery.start_soon(w.ask, str(number))
        assert len(w.log.asked) == 1
        assert len(w.ends) == 1_000
        assert {when for when, _, _ in w.ends} == {1.0}
        texts = {result.attempted.answer.parts[0].text for _, _, result in w.ends}  # type: ignore[attr-defined]
        assert texts == {w.log.asked[0][0]}


async def test_whoever_looked_before_the_answer_was_kept_shares_it_though_the_fill_has_ended(
    autojump_clock: MockClock, world: Opening
) -> None:
    async def asker(name: str, key: bytes) -> None:
        await trio.sleep(1.0)  # the upstream's time to the answer: they come with it, before it and after it
        if w.kept(key) is None:
            await w.ask(name, key=key)

    async with world() as w, trio.open_nursery() as nursery:
        for key in (number.to_bytes(32, "big") for number in range(20)):
            nursery.start_soon(partial(w.ask, "first", key=key))
            for number in range(20):
                nursery.start_soon(asker, f"late {number}", key)
    assert len(w.log.asked) == 20
    assert set(w.leaders) == {"first"}


@contextmanager
def flooded(cache: Ref) -> Iterator[None]:
    """What comes for it meanwhile is queued, as when it has more to do than one turn allows."""
    cell = cache._cell
    direct, ready = cell.direct, cell.mailbox.on_ready
    assert ready is not None
    cell.direct = cell.mailbox.on_ready = None
    try:
        yield
    finally:
        cell.direct, cell.mailbox.on_ready = direct, ready
        ready()


async def test_whoever_was_queued_when_a_fill_ended_shares_it(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w, trio.open_nursery() as nursery:
        nursery.start_soon(w.ask, "first")
        await trio.sleep(0.5)
        with flooded(w.cache):
            nursery.start_soon(w.ask, "late")
            await trio.sleep(1)  # the upstream has answered, which the cache hears of before it receives the ask
    assert len(w.log.asked) == 1
    assert w.leaders == ["first"]


async def test_whoever_looked_before_the_leader_had_kept_the_parts_shares_them(
    autojump_clock: MockClock, world: Opening
) -> None:
    async def leader(key: bytes) -> None:
        filled = await w.cache.ask(msgspec.structs.replace(w.fill("first", key=key), keep=False))
        assert filled.attempted.answer is not None
        w.cache.tell(
            Keep(answers=((key, filled.attempted.answer),), provider="p", model="m", labels=Labels(None, None, "")),
            lane=Lane.CONTROL,
        )

    async def asker(key: bytes, turns: int) -> None:
        await trio.sleep(1.0)
        for _ in range(turns):
            await trio.lowlevel.checkpoint()
        if w.kept(key) is None:
            await w.cache.ask(msgspec.structs.replace(w.fill("late", key=key), keep=False))

    async with world() as w, trio.open_nursery() as nursery:
        for key in (number.to_bytes(32, "big") for number in range(20)):
            nursery.start_soon(leader, key)
            for turns in range(20):
                nursery.start_soon(asker, key, turns)
    assert w.log.asked == [("first-1", 1)] * 20


async def test_whoever_began_after_a_fill_had_ended_is_not_given_what_it_brought(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        await w.cache.ask(msgspec.structs.replace(w.fill(), keep=False))
        after = msgspec.structs.replace(w.fill("again"), keep=False, ended=w.cache.snapshot.ended)
        await w.cache.ask(after)  # in the step in which the other is told
    assert [attempt for attempt, _ in w.log.asked] == ["call-1", "again-1"]


async def test_what_was_shared_is_forgotten_once_all_have_been_heard(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        for _ in range(2):  # the leader keeps nothing
            await w.cache.ask(msgspec.structs.replace(w.fill(), keep=False))
            await trio.sleep(1)
    assert len(w.log.asked) == 2


async def test_only_the_leader_is_charged(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(w.ask, name)
                await wait_all_tasks_blocked()
        assert w.leaders == ["a"]


async def test_a_leader_who_leaves_hands_on_the_lead_and_the_fill_goes_on(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        async with trio.open_nursery() as nursery:
            for name, seconds in (("a", 0.5), ("b", 9), ("c", 9)):
                nursery.start_soon(w.ask, name, seconds)
                await wait_all_tasks_blocked()
        assert [name for name, _ in w.log.asked] == ["a-1"]
        assert w.leaders == ["b"]
        assert w.log.taken_over == [("a-1", "b", "normal")], "the provider's records are charged to b"
        assert [when for when, _, _ in w.ends] == [0.5, 1.0, 1.0]


async def test_a_more_urgent_waiter_makes_a_running_fill_as_urgent_until_it_leaves(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(w.ask, "a", priority=2))
            await wait_all_tasks_blocked()
            nursery.start_soon(partial(w.ask, "b", 0.5, priority=0))
        assert w.log.asked == [("a-1", 2)]
        assert w.log.taken_over == [("a-1", "a", "critical"), ("a-1", "a", "background")]


async def test_a_fault_of_the_leaders_making_elects_the_next_leader(autojump_clock: MockClock, world: Opening) -> None:
    def out_of_time(attempt: Attempt) -> Attempted:
        if attempt.call == "c":
            return answered(attempt)
        fault = Fault(kind=FaultKind.DEADLINE, message="its own time", provider="p")
        return Attempted(record=AttemptRecord(provider="p", model="m", outcome="fault", fault=fault), fault=fault)

    async with world() as w:
        w.log.answer = out_of_time
        async with trio.open_nursery() as nursery:
            for name in "abcd":
                nursery.start_soon(w.ask, name)
                await wait_all_tasks_blocked()
        assert [name for name, _ in w.log.asked] == ["a-1", "b-1", "c-1"]
        assert sorted((when, name) for when, name, _ in w.ends) == [(1, "a"), (2, "b"), (3, "c"), (3, "d")]
        assert w.leaders == ["a", "b", "c"], "each is charged for an attempt of its own"


async def test_when_the_last_one_leaves_the_fill_is_cancelled_at_once(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.log.seconds = 50
        async with trio.open_nursery() as nursery:
            nursery.start_soon(w.ask, "a")
            nursery.start_soon(w.ask, "b")
            await trio.sleep(3)
            nursery.cancel_scope.cancel()
        await wait_all_tasks_blocked()
        assert [when for _, when in w.log.cancelled] == [3.0]
        assert w.cache.snapshot.facts() == {"entries": 0, "bytes": 0, "fills": 0}


async def test_a_fill_runs_until_the_latest_deadline_of_those_who_wait(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.log.seconds = 8
        async with trio.open_nursery() as nursery:
            nursery.start_soon(w.ask, "a", 5)
            await trio.sleep(1)
            nursery.start_soon(w.ask, "b", 9)
        assert [(when, name) for when, name, _ in w.ends] == [(5.0, "a"), (8.0, "b")]
        assert w.leaders == ["b"]


@pytest.mark.parametrize("seed", range(6))
def test_whoever_comes_when_the_time_of_a_fill_is_just_over_leads_another(world: Opening, seed: int) -> None:
    clock = MockClock(autojump_threshold=0)

    async def late() -> None:
        async with world() as w, trio.open_nursery() as nursery:
            w.log.seconds = 5
            nursery.start_soon(w.cache.ask, w.fill("a", seconds=2))  # one who stays longer than he said
            await trio.sleep(1)
            clock.jump(1)
            await trio.lowlevel.checkpoint()  # the time is over; the seed says whether the fill has heard of it
            filled = await w.cache.ask(w.fill("b", seconds=20))
            assert filled.leader
            assert filled.attempted.record.id == "b-1"
            assert [name for name, _ in w.log.asked] == ["a-1", "b-1"]

    with seeded(seed):
        trio.run(late, clock=clock)


async def test_a_fault_of_the_provider_is_everyones_and_is_not_kept(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.log.answer = failed
        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(w.ask, name)
        kinds = {result.attempted.fault.kind for _, _, result in w.ends}  # type: ignore[attr-defined]
        assert (kinds, len(w.log.asked), w.kept()) == ({FaultKind.SERVER}, 1, None)


async def test_an_answer_that_the_provider_calls_an_error_is_not_kept(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.log.answer = lambda attempt: answered(attempt, FinishReason.ERROR)
        await w.ask("a")
        assert w.kept() is None


async def test_an_entry_is_found_as_soon_as_its_asker_has_it_and_after_a_restart(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        await w.ask("a")
        assert w.kept() == "a-1"
    async with world() as w:
        assert w.kept() == "a-1"
        await trio.sleep(10)
        assert w.kept(max_age=1) is None


async def test_fills_of_different_keys_share_nothing(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        async with trio.open_nursery() as nursery:
            for name in "ab":
                nursery.start_soon(partial(w.ask, name, key=name.encode()))
        assert (len(w.log.asked), sorted(w.leaders)) == (2, ["a", "b"])
        assert (w.kept(b"a"), w.kept(b"b")) == ("a-1", "b-1")


async def test_whoever_comes_after_a_fill_has_ended_starts_another(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.log.answer = failed
        await w.ask("a")
        w.log.answer = answered
        await w.ask("b")
        assert [name for name, _ in w.log.asked] == ["a-1", "b-1"]


@pytest.mark.parametrize("provider", ["p", "unknown"])
async def test_a_fill_that_fails_with_a_bug_is_a_fault_and_the_cache_goes_on(
    autojump_clock: MockClock, world: Opening, provider: str
) -> None:
    def bug(attempt: Attempt) -> Attempted:
        raise ZeroDivisionError

    async with world() as w:
        w.log.answer = bug
        async with trio.open_nursery() as nursery:
            for name in "ab":
                nursery.start_soon(partial(w.ask, name, provider=provider))
        faults = [result.attempted.fault for _, _, result in w.ends]  # type: ignore[attr-defined]
        assert [fault.kind for fault in faults] == [FaultKind.INTERNAL] * 2
        w.log.answer = answered
        await w.ask("c")
        assert w.kept() == "c-1"
        (cell,) = [cell for cell in w.system.cells() if cell.path == "cache"]
        assert cell.incarnation == 1


async def test_a_reply_that_cannot_be_kept_still_reaches_those_who_wait(
    autojump_clock: MockClock, world: Opening
) -> None:
    def unwritable(attempt: Attempt) -> Attempted:
        attempted = answered(attempt)
        assert attempted.answer is not None
        return msgspec.structs.replace(attempted, answer=msgspec.structs.replace(attempted.answer, extra={"n": 2**70}))

    async with world() as w:
        w.log.answer = unwritable
        await w.ask("a")
        assert (w.leaders, w.kept()) == (["a"], None)


@pytest.mark.parametrize("priority", ["critical", "background"])
async def test_a_fill_is_as_urgent_as_whoever_started_it(
    autojump_clock: MockClock, world: Opening, priority: Priority
) -> None:
    async with world() as w:
        await w.cache.ask(w.fill(), priority=PRIORITIES[priority])
        assert w.log.asked == [("call-1", PRIORITIES[priority])]


async def test_what_is_kept_waits_for_company_and_is_written_within_fifty_milliseconds(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(partial(w.ask, str(number), key=b"%d" % number))
        assert w.on_disk == 0
        await trio.sleep(0.05)
        assert w.on_disk == 20


async def test_more_than_is_gathered_is_written_at_once(autojump_clock: MockClock, world: Opening) -> None:
    answer = Answer(parts=(TextPart("short"),), finish_reason=None)
    async with world() as w:
        for number in range(MOST // 2):
            assert w.on_disk == 0
            w.cache.tell(
                Keep(answers=((b"%d" % number, answer),), provider="p", model="m", labels=Labels(None, None, ""))
            )
        await wait_all_tasks_blocked()
        assert w.on_disk == MOST // 2


async def test_what_was_gathered_is_written_at_the_stop(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        await w.ask("a")
        assert w.on_disk == 0
    async with world() as w:
        assert w.kept() is not None


async def test_what_is_kept_under_a_new_key_costs_one_look_at_the_disk(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world() as w:
        looked: list[bytes] = []
        get = Records.get

        def counted(self: Records, database: str, key: bytes) -> bytes | None:
            looked.append(key)
            return get(self, database, key)

        monkeypatch.setattr(Records, "get", counted)
        assert w.kept() is None
        await w.ask("a")
        assert looked == [KEY]
        assert w.kept() is not None


async def test_forgetting_drops_every_entry_for_good(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        for name in "abc":
            await w.ask(name, key=name.encode())
        assert await w.cache.ask(Forget()) == 3
        assert [w.kept(name.encode()) for name in "abc"] == [None] * 3
    async with world() as w:
        assert [w.kept(name.encode()) for name in "abc"] == [None] * 3


async def test_forgetting_waits_until_what_was_kept_before_is_written(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "WAITING", 1)
    async with world() as w:
        answers = tuple((name.encode(), Answer(parts=(TextPart(name),), finish_reason=None)) for name in "abc")
        w.cache.tell(Keep(answers=answers, provider="p", model="m", labels=Labels(None, None, "")))
        assert await w.cache.ask(Forget()) == 3
        assert [w.kept(name.encode()) for name in "abc"] == [None] * 3


@pytest.mark.parametrize("turns_before", range(8))
async def test_what_was_kept_at_once_leaves_memory_when_it_is_written_and_is_found_still(
    autojump_clock: MockClock, world: Opening, turns_before: int
) -> None:
    async with world() as w:
        answer = Answer(parts=(TextPart("kept"),), finish_reason=None)
        w.cache.tell(Keep(answers=((b"before", answer),), provider="p", model="m", labels=Labels(None, None, "")))
        for _ in range(turns_before):
            await trio.lowlevel.checkpoint()
        answers = tuple((b"%d" % number, answer) for number in range(3 * recent.MOST))
        w.cache.tell(Keep(answers=answers, provider="p", model="m", labels=Labels(None, None, "")))
        remembered = w.cache.snapshot._shelf._recent
        assert len(remembered.after(0, 9 * recent.MOST)) >= 3 * recent.MOST
        await trio.sleep(1)
        assert len(remembered.after(0, 9 * recent.MOST)) == recent.MOST
        assert all(w.kept(key) for key, _ in answers)


async def test_what_the_store_does_not_confirm_stays_in_memory(autojump_clock: MockClock, tree: Tree) -> None:
    def children(lookup: Callable[[str], Ref]) -> tuple[ActorSpec, ...]:
        def cache() -> CacheActor:
            return CacheActor(Bounds(), Nothing, lookup("store"), lookup)

        return ActorSpec(name="store", factory=FullStore), ActorSpec(name="cache", factory=cache)

    async with tree(children) as system:
        answer = Answer(parts=(TextPart("kept"),), finish_reason=None)
        answers = tuple((b"%d" % number, answer) for number in range(2 * recent.MOST))
        cache = system.ref("cache")
        cache.tell(Keep(answers=answers, provider="p", model="m", labels=Labels(None, None, "")))
        await trio.sleep(1)
        assert all(cache.snapshot.get(key, 10**20, system.clock.utc()) is not None for key, _ in answers)


async def test_forgetting_by_tag_leaves_the_others(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        for name in ("a", "b"):
            await w.ask(name, key=name.encode(), tag=f"tag {name}")
        assert await w.cache.ask(Forget(tag="tag a")) == 1
        assert [w.kept(name.encode()) for name in "ab"] == [None, "b-1"]


async def test_forgetting_that_cannot_be_written_fails(autojump_clock: MockClock, tree: Tree) -> None:
    def children(lookup: Callable[[str], Ref]) -> tuple[ActorSpec, ...]:
        def cache() -> CacheActor:
            return CacheActor(Bounds(), Nothing, lookup("store"), lookup)

        return ActorSpec(name="store", factory=FullStore), ActorSpec(name="cache", factory=cache)

    async with tree(children) as system:
        with pytest.raises(CommitFailed, match="the disk is full"):
            await system.ref("cache").ask(Forget())


async def test_the_oldest_entries_make_room(autojump_clock: MockClock, world: Opening) -> None:
    async with world(max_entries=2) as w:
        for name in "abc":
            await w.ask(name, key=name.encode())
        assert [w.kept(name.encode()) for name in "abc"] == [None, "b-1", "c-1"]
        assert w.cache.snapshot.facts()["entries"] == 2


async def test_what_a_server_said_is_not_given_once_the_account_is_at_another(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world("https://old") as w:
        await w.ask("a")
        assert w.kept() == "a-1"
    async with world("https://new") as w:
        assert w.kept() is None
        await w.ask("b")
        assert w.kept() == "b-1"
    async with world("https://new") as w:
        assert w.kept() == "b-1"


async def test_the_cache_goes_on_when_the_store_starts_anew(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        await w.ask("a", key=b"a")
    async with world() as w:
        with pytest.raises(ActorCrashed):
            await w.system.ref("store").ask(Forget())  # which no store understands
        await trio.sleep(1)
        assert w.kept(b"a") == "a-1"
        await w.ask("b", key=b"b")
    async with world() as w:
        assert [w.kept(name) for name in (b"a", b"b")] == ["a-1", "b-1"]


async def test_those_who_wait_when_the_cache_crashes_are_told(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        told: list[BaseException] = []

        async def one() -> None:
            try:
                await w.cache.ask(w.fill())
            except ActorCrashed as error:
                told.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one)
            await wait_all_tasks_blocked()
            w.cache.tell(Rubbish())
        await wait_all_tasks_blocked()
        assert len(told) == 1
        assert len(w.log.cancelled) == 1


def test_a_waiter_can_be_cancelled_anywhere_and_the_others_are_answered(tree: Tree) -> None:
    async def sharing(cut: Cut) -> None:
        log = Log()

        def children(lookup: Callable[[str], Ref]) -> tuple[ActorSpec, ...]:
            def cache() -> CacheActor:
                return CacheActor(Bounds(), Nothing, lookup("store"), lookup)

            return (
                ActorSpec(name="store", factory=Doer),
                ActorSpec(name="p", factory=lambda: Upstream(log), concurrency=9),
                ActorSpec(name="cache", factory=cache),
            )

        async with tree(children) as system:
            w = World(system, log)

            async def leaver() -> None:
                with cut.scope():
                    await w.ask("leaver")

            async with trio.open_nursery() as nursery:
                nursery.start_soon(leaver)
                await wait_all_tasks_blocked()
                nursery.start_soon(w.ask, "stayer")
            await wait_all_tasks_blocked()
            assert len(w.leaders) == 1
            assert len(log.asked) == 1 + len(log.cancelled)
            assert system.ref("cache").snapshot.facts()["fills"] == 0

    assert cancel_everywhere(sharing) > 5


async def test_bytes_of_the_file_make_room_too(autojump_clock: MockClock, world: Opening) -> None:
    async with world(max_bytes=100_000) as w:
        w.log.answer = lambda attempt: Attempted(
            record=AttemptRecord(provider="p", model="m", outcome="ok"),
            answer=Answer(parts=(TextPart("x" * 20_000),), finish_reason=FinishReason.STOP),
        )
        for number in range(12):
            await w.ask("a", key=b"%d" % number)
            await trio.sleep(1)
            assert w.system.ref("store").snapshot.cache.size("entries") <= 100_000 + 24_576
        facts = w.cache.snapshot.facts()
        assert 2 <= facts["entries"] <= 5
        assert facts["bytes"] <= 100_000
        assert w.kept(b"11") is not None


async def test_a_full_cache_that_is_never_at_rest_keeps_to_its_bytes_and_holds_the_latest(
    autojump_clock: MockClock, world: Opening
) -> None:
    bound = 200_000
    async with world(max_bytes=bound) as w:
        answer = Answer(parts=(TextPart("short"),), finish_reason=None)
        entries: list[int] = []
        for number in range(4_000):
            keep = Keep(answers=((b"%d" % number, answer),), provider="p", model="m", labels=Labels(None, None, ""))
            w.cache.tell(keep)
            if number % 7 == 0:
                await trio.sleep(0.001)
            if number >= 2_000:
                entries.append(w.cache.snapshot.facts()["entries"])
                assert w.system.ref("store").snapshot.cache.size("entries") <= 1.2 * bound
        assert min(entries) > 0.5 * max(entries)
        assert all(w.kept(b"%d" % number) is not None for number in range(3_500, 4_000))
