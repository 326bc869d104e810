"""The logbook before a store that fails, or takes its time."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from callboard.actors.logbook.actor import BACKLOG_BYTES, RETRY, STEP, LogbookActor
from callboard.actors.logbook.pages import LONGEST, LogSpec
from callboard.actors.store.actor import CommitFailed, StoreActor, StoreSpec
from callboard.messages.accounting import Erase
from callboard.messages.calls import Failure
from callboard.messages.chat import user
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.logbook import LogCall, ReadLog
from callboard.messages.request import Request
from callboard.messages.storing import Commit, StoreDelete
from callboard.runtime.actor import Actor
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.mailbox import Lane
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.system import System

Tree = Callable[[Callable[[Callable[[str], Ref]], tuple[ActorSpec, ...]]], AbstractAsyncContextManager[System]]
Opening = Callable[[], AbstractAsyncContextManager["World"]]
DAY = 86_400


class Gate(Actor):
    """Hands commits on to the real store, late, or not at all."""

    def __init__(self, world: "World", store: Ref) -> None:
        self._world = world
        self._store = store

    def receive(self, message: Message, envelope: Envelope) -> object:
        assert isinstance(message, Commit)
        return self._commit(message)

    async def _commit(self, commit: Commit) -> None:
        deletions = [one for one in commit.operations if isinstance(one, StoreDelete)]
        self._world.deletions += [deletions] if deletions else []
        await trio.sleep(self._world.seconds)
        if self._world.failing:
            raise CommitFailed("the disk is full")
        await self._store.ask(commit)


class World:
    def __init__(self) -> None:
        self.failing = False
        self.seconds = 0.0
        """What each commit takes."""
        self.deletions: list[list[StoreDelete]] = []
        """Of each commit that was tried and had any."""
        self.system: System

    @property
    def logbook(self) -> Ref:
        return self.system.ref("logbook")

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.logbook.snapshot.facts()
        return found

    @property
    def on_disk(self) -> int:
        found: int = self.system.ref("store").snapshot.ledger.count("log")
        return found

    def tell(self, *calls: str, text: str = "Why?") -> None:
        fault = Fault(kind=FaultKind.SERVER, message="no answer")
        request = Request(model="m", messages=(user(text),), user="ann")
        for call in calls:
            outcome = Failure(id=call, fault=fault, attempts=())
            said = LogCall(call=call, at=self.system.clock.utc(), request=request, outcome=outcome)
            self.logbook.tell(said, lane=Lane.CONTROL)


@pytest.fixture
def world(tree: Tree, tmp_path: Path) -> Opening:
    """A logbook that keeps a day, on a real store behind a gate."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[World]:
        found = World()

        def children(lookup: Callable[[str], Ref]) -> tuple[ActorSpec, ...]:
            store = StoreSpec(path=tmp_path, inline=True, sync=False)
            log = LogSpec(requests=True, redact=(), keep_days=1)

            def logbook() -> LogbookActor:
                return LogbookActor(log, lambda: lookup("store").snapshot.ledger, lookup("gate"))

            return (
                ActorSpec(name="store", factory=lambda: StoreActor(store), concurrency=64),
                ActorSpec(name="gate", factory=lambda: Gate(found, lookup("store")), concurrency=64),
                ActorSpec(name="logbook", factory=logbook),
            )

        async with tree(children) as found.system:
            yield found

    return opened


async def test_what_is_too_old_waits_once_to_be_deleted_however_long_that_fails(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.tell(*map(str, range(STEP + 3)))
        await trio.sleep(DAY - 600)
        assert w.on_disk == STEP + 3
        w.failing = True
        await trio.sleep(660)
        assert len(w.deletions) > 20
        assert {(len(tried), len(set(tried))) for tried in w.deletions} == {(2 * STEP, 2 * STEP)}
        w.failing = False
        await trio.sleep(1)
        assert w.on_disk == 0


async def test_nothing_is_trimmed_again_while_its_deletion_is_underway(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.tell(*map(str, range(2 * STEP + 3)))
        await trio.sleep(DAY - 600)
        w.seconds = 1
        await trio.sleep(660)
        assert [len(tried) for tried in w.deletions] == [2 * STEP, 2 * STEP, 6]
        assert w.on_disk == 0


async def test_what_is_erased_again_while_deletions_fail_waits_once_to_be_deleted(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.tell("a", "b", "c")
        await trio.sleep(1)
        w.failing = True
        for _ in range(5):
            with trio.move_on_after(2):
                await w.logbook.ask(Erase(user="ann"))
        assert {len(tried) for tried in w.deletions} == {6}
        w.failing = False
        assert (await w.logbook.ask(Erase(user="ann"))).logged == 3
        assert w.on_disk == 0


async def test_however_many_ask_while_deletions_fail_there_is_one_retry_at_a_time(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.tell("a")
        await trio.sleep(1)
        w.failing = True
        for _ in range(20):
            with trio.move_on_after(0.01):
                await w.logbook.ask(Erase(user="ann"))
        tried = len(w.deletions)
        await trio.sleep(10)
        assert len(w.deletions) - tried == 10 / (RETRY / 1e9)


async def test_records_that_wait_are_bounded_in_bytes_and_those_beyond_are_lost_and_counted(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.seconds = 10
        fits = BACKLOG_BYTES // LONGEST
        w.tell(*map(str, range(fits + 50)), text="x" * LONGEST)
        await trio.sleep(1)
        assert (w.facts["waiting"], w.facts["lost"]) == (fits, 50)
        w.tell("short")
        await trio.sleep(1)
        assert (w.facts["waiting"], w.facts["lost"]) == (fits, 51)
        waiting = await w.logbook.ask(ReadLog("0"))
        assert waiting is not None and len(waiting.request) == LONGEST + 1
        w.failing = True
        await trio.sleep(10)
        assert (w.facts["waiting"], w.facts["lost"]) == (0, 51 + fits)
        w.failing, w.seconds = False, 0
        w.tell("next")
        await trio.sleep(1)
        assert (w.facts["written"], w.on_disk) == (1, 1)
