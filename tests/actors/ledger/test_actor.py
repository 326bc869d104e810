"""The ledger as its neighbours meet it, on a real store and on one that fails."""

import contextlib
import gc
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.actors.ledger import actor as ledger_module
from callboard.actors.ledger.actor import LedgerActor
from callboard.actors.ledger.erasing import CannotErase
from callboard.actors.ledger.journal import JOURNAL, load
from callboard.actors.ledger.keeping import STEP, Keep
from callboard.actors.ledger.outbox import Outbox
from callboard.actors.store.actor import LEDGER_DATABASES, CommitFailed, StoreActor, StoreSpec
from callboard.messages.accounting import (
    AttemptOpened,
    AttemptSettled,
    CallEnded,
    CircuitHistory,
    CircuitRecord,
    Erase,
    Erased,
    Flush,
    LedgerEntry,
    UsageReport,
    Write,
    WriteDurably,
)
from callboard.messages.base import Tell
from callboard.messages.events import Event, LedgerFailing, LedgerRecovered
from callboard.messages.storing import Commit, StorePut
from callboard.messages.usage import Usage
from callboard.runtime.actor import Actor, Me
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorError, DeadlineExceeded
from callboard.runtime.mailbox import Lane
from callboard.runtime.ref import Ref
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import StorageFailed
from callboard.runtime.storage.operations import Put
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.system import System
from callboard.testing.records import ended, settled

Tree = Callable[[Callable[[Callable[[str], Ref]], tuple[ActorSpec, ...]]], AbstractAsyncContextManager[System]]
Opening = Callable[..., AbstractAsyncContextManager["World"]]


FOREVER = Keep(entries=1e6, usage=1e6)
"""The entries here are of 1970."""
MIB = 1024 * 1024


class Rubbish(Tell, frozen=True):
    """Which no actor understands."""


class Trouble:
    """What stands between the ledger and its store."""

    def __init__(self) -> None:
        self.failing = 0
        """So many commits more will fail."""
        self.seconds = 0.0
        """What each takes."""
        self.commits: list[tuple[float, int]] = []
        """When each that succeeded was done, and how many entries were in it."""
        self.failed = 0
        self.refuses_entries = False
        """Whether only deletions succeed."""
        self.after_writing = False
        """Whether a commit that fails was written all the same."""


class Gate(Actor):
    """Hands commits on to the real store, when it does not fail them."""

    def __init__(self, trouble: Trouble, store: Ref) -> None:
        self._trouble = trouble
        self._store = store

    def receive(self, message: Message, envelope: Envelope) -> object:
        assert isinstance(message, Commit)
        return self._commit(message)

    async def _commit(self, commit: Commit) -> None:
        await trio.sleep(self._trouble.seconds)
        if self._trouble.refuses_entries and any(isinstance(one, StorePut) for one in commit.operations):
            self._trouble.failed += 1
            raise CommitFailed("the store is full")
        fails = self._trouble.failing > 0
        self._trouble.failing -= fails
        if fails and not self._trouble.after_writing:
            self._trouble.failed += 1
            raise CommitFailed("the disk is full")
        await self._store.ask(commit)
        if fails:
            self._trouble.failed += 1
            raise CommitFailed("nobody knows")
        entries = sum(operation.database == JOURNAL for operation in commit.operations)
        self._trouble.commits.append((trio.current_time(), entries))


class World:
    def __init__(self, system: System, trouble: Trouble) -> None:
        self.system = system
        self.trouble = trouble
        self.ledger = system.ref("ledger")

    def write(self, *entries: LedgerEntry) -> None:
        self.ledger.tell(Write(entries), lane=Lane.CONTROL)

    @property
    def report(self) -> UsageReport:
        found: UsageReport = self.ledger.snapshot.report()
        return found

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ledger.snapshot.facts()
        return found

    @property
    def attempts(self) -> int:
        return sum(row.attempts for row in self.report.models)


@pytest.fixture
def world(tree: Tree, tmp_path: Path) -> Opening:
    """A ledger on a real store, with a gate between that can fail."""

    @asynccontextmanager
    async def opened(
        trouble: Trouble | None = None, keep: Keep = FOREVER, largest: int = 16 * MIB, room: float = math.inf
    ) -> AsyncIterator[World]:
        found = trouble or Trouble()

        def children(lookup: Callable[[str], Ref]) -> tuple[ActorSpec, ...]:
            spec = StoreSpec(path=tmp_path, inline=True, sync=False, map_size=65_536, max_map_size=largest)
            outbox = Outbox()

            def ledger() -> LedgerActor:
                return LedgerActor(lambda: lookup("store").snapshot.ledger, lookup("gate"), outbox, keep, room=room)

            return (
                ActorSpec(name="store", factory=lambda: StoreActor(spec), concurrency=64),
                ActorSpec(name="gate", factory=lambda: Gate(found, lookup("store")), concurrency=64),
                ActorSpec(name="ledger", factory=ledger),
            )

        async with tree(children) as system:
            yield World(system, found)

    return opened


def opening(id_: str) -> AttemptOpened:
    estimate = Usage(input=10, output=90)
    return AttemptOpened(
        id=id_, call="c", provider="p", model="m", at=0, estimate=estimate, estimated_cost=Decimal("0.5")
    )


def settling(id_: str, *, at: int = 0, model: str = "m") -> AttemptSettled:
    return settled(id=id_, call="c", at=at, model=model, usage=Usage(input=1), cost=Decimal(1), duration=1)


def calling(id_: str, *, user: str | None = None, tag: str | None = None) -> CallEnded:
    return ended(id=id_, cost=Decimal("0.25"), user=user, tag=tag)


async def test_sums_survive_a_restart(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.write(opening("a"), settling("a"))
        w.write(opening("b"), settling("b"))
        await w.ledger.ask(Flush())
        before = w.report
    async with world() as w:
        assert w.report == before
        assert (w.attempts, w.report.cost) == (2, Decimal(2))


async def test_sums_are_told_before_they_are_written(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.write(settling("a"))
        await wait_all_tasks_blocked()
        assert (w.attempts, w.trouble.commits) == (1, [])


async def test_an_attempt_left_open_is_settled_as_lost_exactly_once(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.write(opening("ended"), opening("lost"), settling("ended"))
    for _ in range(3):
        async with world() as w:
            await trio.sleep(1)
            assert (w.attempts, sum(row.estimated for row in w.report.models)) == (2, 1)
            assert (w.report.usage, w.report.cost) == (Usage(input=11, output=90), Decimal("1.5"))
            assert (w.facts["open_attempts"], w.facts["waiting"]) == (0, 0)


async def test_a_lost_attempt_stays_settled_when_others_are_added_to_its_row(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.write(opening("lost"))
    for number in range(3):
        async with world() as w:
            w.write(settling(str(number), at=w.system.clock.utc()))
            await trio.sleep(1)
            assert w.attempts == number + 2


async def test_a_lost_attempt_is_counted_once_though_its_commit_fails(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.write(opening("lost"))
    trouble = Trouble()
    trouble.failing = 99
    async with world(trouble) as w:
        await trio.sleep(2)
        assert w.attempts == 1
    async with world() as w:
        assert w.attempts == 1
        await w.ledger.ask(Flush())
    async with world() as w:
        assert w.attempts == 1


async def test_a_lost_attempt_is_settled_although_the_ledgers_first_start_fails(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world() as w:
        w.write(opening("lost"))
    failures = [StorageFailed(Path("ledger"), "input/output error")]

    def fails_once(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return load(*arguments)

    monkeypatch.setattr(ledger_module, "load", fails_once)
    async with world() as w:
        assert (w.attempts, w.facts["open_attempts"]) == (1, 0)
        w.write(opening("underway"))
        w.ledger.tell(Rubbish())
        await trio.sleep(1)
        assert (w.attempts, w.facts["open_attempts"]) == (1, 1), "what this process has opened is not lost"


async def test_relaxed_entries_are_on_disk_within_50_ms(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.trouble.seconds = 0.025  # so long may a commit take
        for number in range(40):
            w.write(settling(str(number)))
            await trio.sleep(0.007)
        await trio.sleep(1)
        written, seen = 0, 0
        for when, entries in w.trouble.commits:
            written += entries
            while seen < written:
                assert when - seen * 0.007 <= 0.05 + 1e-9
                seen += 1
        assert seen == 40


async def test_entries_that_come_together_are_written_together(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        for number in range(500):
            w.write(settling(str(number)))
        await trio.sleep(1)
        assert [entries for _, entries in w.trouble.commits] == [500]


async def test_a_strict_write_is_acknowledged_only_after_its_commit(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.trouble.seconds = 3
        w.trouble.failing = 2
        await w.ledger.ask(WriteDurably((settling("a"),)))
        assert len(w.trouble.commits) == 1
        assert w.trouble.commits[0][0] == trio.current_time() == pytest.approx(10.5)


async def test_that_nothing_can_be_written_is_told_once_and_so_is_its_end(
    autojump_clock: MockClock, world: Opening, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Event] = []
    monkeypatch.setattr(Me, "emit", lambda me, event: events.append(event))
    async with world() as w:
        w.trouble.failing = 3
        await w.ledger.ask(WriteDurably((settling("a"),)))
        w.write(settling("b"))
        await w.ledger.ask(Flush())
    assert [type(event) for event in events] == [LedgerFailing, LedgerRecovered]
    assert events[0].cause == "CommitFailed"  # type: ignore[union-attr]
    assert [record.getMessage().split(" (")[0].split(";")[0] for record in caplog.records] == [
        "the ledger cannot be written",
        "the ledger is written again",
    ]
    assert caplog.records[0].getMessage().endswith("if this process ends. the disk is full")


async def test_a_failure_is_told_when_it_happens_and_not_after_the_pause(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[tuple[float, type[Event]]] = []
    monkeypatch.setattr(Me, "emit", lambda me, event: events.append((trio.current_time(), type(event))))
    async with world() as w:
        w.trouble.failing = 1
        w.write(settling("a"))
        await trio.sleep(0.1)
        assert (events, w.facts["failed_commits"]) == ([(pytest.approx(0.02), LedgerFailing)], 1)
        assert w.facts["waiting"] > 0
        await w.ledger.ask(Flush())
        assert events[1:] == [(pytest.approx(0.52), LedgerRecovered)]


async def test_what_comes_in_the_pause_after_a_failure_waits_for_its_end_and_goes_with_what_failed(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.trouble.failing = 1
        w.write(settling("a"))
        await trio.sleep(0.1)
        await w.ledger.ask(WriteDurably((settling("b"),)))
        assert (trio.current_time(), w.trouble.failed) == (pytest.approx(0.52), 1)
        assert [entries for _, entries in w.trouble.commits] == [2]


@pytest.mark.parametrize("before_the_stop", [False, True])
async def test_a_recovery_at_the_stop_is_told(
    before_the_stop: bool, autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[type[Event]] = []
    monkeypatch.setattr(Me, "emit", lambda me, event: events.append(type(event)))
    async with world() as w:
        w.trouble.failing = 1
        w.write(settling("a"))
        await trio.sleep(0.1 * before_the_stop)
    assert events == [LedgerFailing, LedgerRecovered]


async def test_a_flush_acknowledges_all_that_came_before(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.trouble.seconds = 1
        w.write(settling("a"))
        await trio.sleep(0.5)  # in the middle of its commit
        w.write(settling("b"))
        await w.ledger.ask(Flush())
        assert sum(entries for _, entries in w.trouble.commits) == 2
        assert trio.current_time() == pytest.approx(2.02)


async def test_a_flush_waits_for_a_commit_underway(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.trouble.seconds = 1
        w.write(settling("a"))
        await trio.sleep(0.5)
        await w.ledger.ask(Flush())
        assert trio.current_time() == pytest.approx(1.02)


async def test_a_flush_of_nothing_returns_at_once(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        await w.ledger.ask(Flush())
        assert (trio.current_time(), w.trouble.commits) == (0, [])


async def test_many_who_wait_share_a_commit(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.trouble.seconds = 1
        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(w.ledger.ask, WriteDurably((settling(str(number)),)))
        assert len(w.trouble.commits) == 2  # the first alone, and then all others
        assert w.attempts == 200


@pytest.mark.parametrize("after_writing", [False, True])
async def test_failed_commits_are_tried_again_and_nothing_is_lost_or_counted_twice(
    autojump_clock: MockClock, world: Opening, after_writing: bool
) -> None:
    async with world() as w:
        w.trouble.after_writing = after_writing
        for number in range(30):
            w.trouble.failing = number % 3
            w.write(opening(str(number)))
            await trio.sleep(0.3)
            w.write(settling(str(number)))
        w.trouble.failing = 2
        await w.ledger.ask(Flush())
        assert w.facts["failed_commits"] == w.trouble.failed > 5
        assert (w.facts["waiting"], w.facts["lost_entries"]) == (0, 0)
    async with world() as w:
        assert (w.attempts, w.report.cost, w.facts["open_attempts"]) == (30, Decimal(30), 0)
        assert len(w.system.ref("store").snapshot.ledger.all("journal")) == 60


async def test_the_store_may_start_anew_in_the_middle_of_a_commit(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        pending = w.ledger.submit(WriteDurably((settling("a"),)))
        w.system.ref("store").tell(Rubbish())
        await pending.wait()
    async with world() as w:
        assert w.attempts == 1


async def test_while_commits_fail_sums_are_kept_and_the_oldest_entries_go_first(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "BACKLOG", 10)
    async with world() as w:
        w.trouble.failing = 8
        for number in range(100):
            w.write(settling(str(number)))
            await trio.sleep(0.1)
        await trio.sleep(60)
        assert w.facts["waiting"] == 0
        lost = w.facts["lost_entries"]
        assert 0 < lost < 100
    async with world() as w:
        assert (w.attempts, w.report.cost) == (100, Decimal(100))
        journal = w.system.ref("store").snapshot.ledger.all("journal")
        assert len(journal) == 100 - lost
        assert int.from_bytes(journal[-1][0], "big") == 100


async def test_an_entry_that_cannot_be_encoded_is_lost_and_counted_and_the_ledger_goes_on(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.write(settled(id="huge", model="huge", usage=Usage(input=2**64)))
        w.write(settling("a"))
        await w.ledger.ask(Flush())
        assert w.facts["lost_entries"] == 2  # and its day's row
        w.ledger.tell(Rubbish())
        await w.ledger.ask(Flush())
    async with world() as w:
        assert [row.model for row in w.report.models] == ["m"]


async def test_stopping_writes_what_waits(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.write(settling("a"))
    async with world() as w:
        assert w.attempts == 1


@pytest.mark.parametrize("failing", [0, 1, 3])
async def test_stopping_in_the_middle_of_a_commit_writes_both_it_and_what_came_since(
    autojump_clock: MockClock, world: Opening, failing: int
) -> None:
    async with world() as w:
        w.trouble.seconds = 0.2
        w.write(settling("a", model="a"))
        await trio.sleep(0.1)
        w.trouble.failing = failing
        w.write(settling("b", model="b"))
    async with world() as w:
        assert [row.model for row in w.report.models] == ["a", "b"]
        assert len(w.system.ref("store").snapshot.ledger.all(JOURNAL)) == 2


async def test_a_ledger_that_cannot_write_at_the_stop_says_so_and_ends(
    autojump_clock: MockClock, world: Opening, caplog: pytest.LogCaptureFixture
) -> None:
    async with world() as w:
        w.write(settling("a"))
        w.trouble.failing = 10**6
    assert "could not be made before it had to stop" in caplog.text


async def test_whoever_leaves_before_the_acknowledgment_loses_nothing(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.trouble.seconds = 2
        with pytest.raises(DeadlineExceeded):
            await w.ledger.ask(WriteDurably((settling("a"),)), deadline=10**9)
        await w.ledger.ask(Flush())
        assert w.attempts == 1
        assert sum(entries for _, entries in w.trouble.commits) == 1


async def test_circuits_are_remembered_over_a_restart(autojump_clock: MockClock, world: Opening) -> None:
    record = CircuitRecord(
        provider="p", key="endpoint", at=1, before="closed", after="open", retry_at=2**62, openings=3, floor=7
    )
    async with world() as w:
        w.write(record)
    async with world() as w:
        assert w.ledger.snapshot.circuits("p") == [
            CircuitHistory(key="endpoint", state="open", retry_at=2**62, openings=3, floor=7, at=1)
        ]


async def test_records_that_are_broken_on_disk_are_skipped_counted_and_told(
    autojump_clock: MockClock, world: Opening, tmp_path: Path
) -> None:
    async with world() as w:
        w.write(opening("a"), settling("a"), settling("b"))
    path = tmp_path / "ledger"
    with Environment.open(path, LEDGER_DATABASES) as environment:
        ((key, blob),) = environment.scan("latency", limit=9)
        environment.commit([Put("latency", key, blob[:-1] + b"?"), Put("spend", b"k", b"")])
    for _ in range(2):
        async with world() as w:
            assert (w.report.skipped_records, w.facts["skipped_records"]) == (2, 2)
            assert (w.attempts, w.report.latency) == (2, ())


async def test_a_ledger_that_starts_anew_has_all_that_was_acknowledged(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        await w.ledger.ask(WriteDurably((settling("a"),)))
        w.ledger.tell(Rubbish())
        await trio.sleep(1)
        assert w.attempts == 1
        await w.ledger.ask(WriteDurably((settling("b"),)))
    async with world() as w:
        assert w.attempts == 2


@pytest.mark.parametrize("seconds", [0.0, 0.03, 0.3])
async def test_a_crash_loses_nothing_and_counts_nothing_twice_wherever_the_commit_stands(
    autojump_clock: MockClock, world: Opening, seconds: float
) -> None:
    async with world() as w:
        w.trouble.seconds = 0.2
        w.write(opening("a"), settling("a"), opening("b"))
        await trio.sleep(seconds)
        w.ledger.tell(Rubbish())
        await trio.sleep(1)
        w.write(settling("b"))
        await w.ledger.ask(Flush())
        assert (w.attempts, w.facts["open_attempts"]) == (2, 0)
    async with world() as w:
        assert w.attempts == 2
        assert len(w.system.ref("store").snapshot.ledger.all(JOURNAL)) == 4


async def test_those_who_wait_when_the_ledger_crashes_are_told(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.trouble.seconds = 1
        pending = w.ledger.submit(WriteDurably((settling("a"),)))
        await wait_all_tasks_blocked()
        w.ledger.tell(Rubbish())
        with pytest.raises(ActorError, match="crashed"):
            await pending.wait()


def journal(w: World) -> list[bytes]:
    return [key for key, _ in w.system.ref("store").snapshot.ledger.all(JOURNAL)]


async def test_entries_and_rows_that_are_too_old_go_in_steps_and_sums_of_today_stay(
    autojump_clock: MockClock, world: Opening
) -> None:
    keep = Keep(entries=1, usage=2)
    async with world(keep=FOREVER) as w:
        now = w.system.clock.utc()
        for number in range(STEP + 8):
            w.write(settling(f"old {number}", at=now - 3 * 86_400 * 10**9))
        w.write(*(settling(f"new {number}", at=now, model="new") for number in range(5)))
        await w.ledger.ask(Flush())
        assert (len(journal(w)), w.attempts) == (STEP + 13, STEP + 13)
    async with world(keep=keep) as w:
        await trio.sleep(0.15)
        assert len(journal(w)) == 13, "one step"
        await trio.sleep(1)
        assert len(journal(w)) == 5
        assert [(row.model, row.attempts) for row in w.report.models] == [("new", 5)]
        await trio.sleep(3 * 86_400)
        w.write(settling("later", at=w.system.clock.utc()))
        await trio.sleep(3_700)
        assert len(journal(w)) == 1, "it goes on"
    async with world(keep=keep) as w:
        assert [row.attempts for row in w.report.models] == [1], "the rows are gone from the disk too"


def tagged(number: int, at: int) -> tuple[LedgerEntry, ...]:
    tag = f"job {number}"
    return settled(id=f"{number}", at=at, tag=tag), ended(id=f"c{number}", at=at, tag=tag)


@pytest.mark.parametrize(("failing", "takes"), [(0, 0.0), (2, 0.0), (0, 0.3)])
async def test_of_too_many_rows_the_oldest_days_are_added_up_on_the_disk_as_well(
    failing: int, takes: float, autojump_clock: MockClock, world: Opening
) -> None:
    keep, trouble = Keep(entries=1e6, usage=1e6, rows=200), Trouble()
    async with world(trouble, keep=FOREVER) as w:
        now, old = w.system.clock.utc(), w.system.clock.utc() - 50 * 86_400 * 10**9
        w.write(*(entry for number in range(STEP + 50) for entry in tagged(number, old)))
        w.write(*(entry for number in range(10) for entry in tagged(number, now)))
        await w.ledger.ask(Flush())
    async with world(trouble, keep=keep) as w:
        trouble.failing, trouble.seconds = failing, takes
        await trio.sleep(0.15)
        assert len(w.report.spend) == 61, "one step, after which they are few enough; but the day is finished"
        await trio.sleep(5)
        assert (len(w.report.spend), len(w.report.calls), trouble.failed) == (11, 11, failing)
        assert len(w.system.ref("store").snapshot.ledger.all("spend")) == 11
        w.write(*tagged(1, old), *tagged(1, now))
        await w.ledger.ask(Flush())
        told = w.report
    async with world(keep=FOREVER) as w:
        assert sum(row.attempts for row in w.report.spend) == sum(row.calls for row in w.report.calls) == STEP + 62
        assert sorted(w.report.spend, key=repr) == sorted(told.spend, key=repr)
        assert sorted(w.report.calls, key=repr) == sorted(told.calls, key=repr)
        assert [row.attempts for row in w.report.spend if row.summed] == [STEP + 50]


async def test_the_latest_days_are_added_up_only_when_there_is_a_crowd(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world(keep=Keep(entries=1e6, usage=1e6, rows=10)) as w:
        now = w.system.clock.utc()
        w.write(*(entry for number in range(20) for entry in tagged(number, now)))
        await trio.sleep(100)
        assert w.facts["rows"] == 40
        w.write(*tagged(20, now))
        await trio.sleep(100)
        assert w.facts["rows"] == 2


async def test_entries_beyond_their_room_go_whatever_their_age_and_no_sum_is_lost(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world(room=65_536) as w:
        now = w.system.clock.utc()
        for number in range(20):
            w.write(*(settling(f"{number} {one}", at=now) for one in range(100)))
            await trio.sleep(100)
        size = w.system.ref("store").snapshot.ledger.size(JOURNAL)
        assert 0 < size <= 65_536
        assert 0 < len(journal(w)) < 1_000
        assert (w.facts["lost_entries"], w.attempts) == (0, 2_000)
    async with world() as w:
        assert w.attempts == 2_000


@pytest.mark.parametrize("room", [MIB // 2, math.inf], ids=["by its room", "when a commit finds none"])
async def test_a_ledger_of_young_entries_at_its_bound_goes_on_without_the_oldest(
    room: float, autojump_clock: MockClock, world: Opening
) -> None:
    async with world(largest=MIB, room=room) as w:
        now = w.system.clock.utc()
        for number in range(100):
            w.write(*(settling(f"{number} {one}", at=now) for one in range(100)))
            await trio.sleep(0.1)
        with trio.fail_after(60):
            await w.ledger.ask(Flush())
        assert (w.facts["lost_entries"], w.attempts) == (0, 10_000)
    async with world() as w:
        assert w.attempts == 10_000


async def test_entries_dated_ahead_of_time_go_before_newer_ones_when_there_is_no_room(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world(keep=Keep(entries=1, usage=1e6), room=100_000) as w:
        now, day = w.system.clock.utc(), 86_400 * 10**9
        w.write(*(settling(f"ahead {number}", at=now + 365 * day) for number in range(STEP)))
        await trio.sleep(100)
        for number in range(5):
            w.write(*(settling(f"{number} {one}", at=now) for one in range(100)))
            await trio.sleep(100)
        entries = w.system.ref("store").snapshot.ledger.all(JOURNAL)
        assert len(entries) >= 100
        assert b"4 99" in entries[-1][1]
        assert not any(b"ahead" in entry for _, entry in entries)


async def test_entries_are_written_between_deletions_that_take_longer_than_to_find_them(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        old = w.system.clock.utc() - 3 * 86_400 * 10**9
        w.write(*(settling(f"old {number}", at=old) for number in range(60 * STEP)))
        await w.ledger.ask(Flush())
    async with world(keep=Keep(entries=1, usage=1e6)) as w:
        w.trouble.seconds, w.trouble.failing = 0.15, 1
        await trio.sleep(2)
        with trio.fail_after(1):
            await w.ledger.ask(WriteDurably((settling("new", at=w.system.clock.utc()),)))


async def test_deletions_that_succeed_do_not_make_a_backlog_be_tried_more_often(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        now, day, second = w.system.clock.utc(), 86_400 * 10**9, 10**9
        w.write(*(settling(f"old {number}", at=now - day + number * second) for number in range(600)))
        await w.ledger.ask(Flush())
    async with world(keep=Keep(entries=1, usage=1e6)) as w:
        w.trouble.refuses_entries = True
        w.write(settling("new", at=now))
        await trio.sleep(600)
        assert len(journal(w)) < 60, "one is too old each second, and goes"
        assert w.trouble.failed <= 600 / 8 + 8
        w.trouble.refuses_entries = False


async def test_while_nothing_can_be_deleted_trimming_finds_no_more_and_the_backlog_stays_bounded(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "BACKLOG", 10)
    monkeypatch.setattr(ledger_module, "DROPS", STEP)
    async with world() as w:
        old = w.system.clock.utc() - 3 * 86_400 * 10**9
        w.write(*(settling(f"old {number}", at=old) for number in range(3 * STEP)))
        await w.ledger.ask(Flush())
    async with world(keep=Keep(entries=1, usage=1e6)) as w:
        w.trouble.failing = 10**9
        for number in range(200):
            w.write(settling(str(number), at=w.system.clock.utc()))
            await trio.sleep(1)
        await trio.sleep(60)
        assert STEP + 10 <= w.facts["waiting"] <= STEP + 10 + 1 + 1, "deletions, entries, and their row"
        assert w.facts["lost_entries"] >= 180
        w.trouble.failing = 0
        await trio.sleep(60)
        assert w.facts["waiting"] == 0
        assert w.attempts == 3 * STEP + 200
    async with world() as w:
        assert w.attempts == 3 * STEP + 200


async def test_whoever_no_longer_waits_for_a_ledger_that_cannot_write_is_forgotten(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.trouble.failing = 10**9
        left = []
        for number in range(20):
            with trio.move_on_after(1):
                await w.ledger.ask(WriteDurably((settling(str(number)),)))
            with trio.move_on_after(1):
                await w.ledger.ask(Flush())
        gc.collect()
        left = [
            one for one in gc.get_objects() if type(one) is Envelope and isinstance(one.message, WriteDurably | Flush)
        ]
        assert len(left) <= 2
        w.trouble.failing = 0
        await w.ledger.ask(Flush())
        assert w.attempts == 20


@pytest.mark.parametrize("ahead", [1, STEP, 2 * STEP + 1])
async def test_entries_dated_ahead_of_time_do_not_keep_those_behind_them_from_going(
    ahead: int, autojump_clock: MockClock, world: Opening
) -> None:
    async with world(keep=FOREVER) as w:
        now, day = w.system.clock.utc(), 86_400 * 10**9
        w.write(*(settling(f"ahead {number}", at=now + 365 * day) for number in range(ahead)))
        w.write(*(settling(f"old {number}", at=now - 3 * day) for number in range(8)))
        w.write(settling("new", at=now))
        await w.ledger.ask(Flush())
    async with world(keep=Keep(entries=1, usage=2)) as w:
        await trio.sleep(3)
        assert len(journal(w)) == ahead // STEP * STEP + 1


async def test_what_is_erased_is_gone_from_the_disk_when_it_is_told(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        for user in ("a", "b"):
            w.write(*(calling(f"{user}{number}", user=user) for number in range(STEP)))
        w.write(calling("a again", user="a", tag="t"))
        await w.ledger.ask(Flush())
        assert await w.ledger.ask(Erase(user="a")) == Erased(entries=STEP + 1, rows=2)
        assert len(journal(w)) == STEP
        assert {(row.user, row.tag): row.calls for row in w.report.calls} == {
            ("b", ""): STEP,
            ("", ""): STEP,
            ("", "t"): 1,
        }
        assert await w.ledger.ask(Erase(user="a")) == Erased(entries=0, rows=0)
        assert await w.ledger.ask(Erase(call="b7")) == Erased(entries=1, rows=0)
    async with world() as w:
        assert sum(row.calls for row in w.report.calls) == 2 * STEP + 1
        assert {row.user for row in w.report.calls} == {"", "b"}
        w.write(calling("next"))
        await w.ledger.ask(Flush())
        assert len(journal(w)) == STEP


async def test_a_users_sums_are_added_to_those_that_name_nobody(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.write(calling("1", user="a"), calling("2"), calling("3", user="aa"))
        await w.ledger.ask(Flush())
        await w.ledger.ask(Erase(user="a"))
        assert {row.user: row.calls for row in w.report.calls} == {"": 2, "aa": 1}


async def test_an_erasure_survives_failed_commits(autojump_clock: MockClock, world: Opening) -> None:
    trouble = Trouble()
    async with world(trouble) as w:
        w.write(calling("1", user="a"), calling("2", user="b"))
        await w.ledger.ask(Flush())
        trouble.failing = 2
        assert await w.ledger.ask(Erase(user="a")) == Erased(entries=1, rows=1)
        assert (trouble.failed, len(journal(w))) == (2, 1)
    async with world() as w:
        assert {row.user: row.calls for row in w.report.calls} == {"": 1, "b": 1}


async def test_what_a_user_spends_while_he_is_erased_is_kept(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        w.write(calling("1", user="a"))
        await w.ledger.ask(Flush())
        w.trouble.seconds = 1
        w.write(calling("2", user="b"))
        await trio.sleep(0.5)  # in the middle of its commit
        pending = w.ledger.submit(Erase(user="a"))
        w.write(calling("3", user="a"))
        assert await pending.wait() == Erased(entries=1, rows=1)
        calls = {row.user: row.calls for row in w.report.calls}
    async with world() as w:
        assert {row.user: row.calls for row in w.report.calls} == calls == {"": 1, "a": 1, "b": 1}


async def fill(w: World) -> int:
    """Until the store has come to its bound, and some entries more. How many were told."""
    told = 0
    while not w.facts["failed_commits"]:
        w.write(*(calling(f"{told + number}") for number in range(20)))
        told += 20
        await trio.sleep(0.1)
    return told


async def test_a_ledger_at_its_bound_goes_on_when_what_is_too_old_has_gone(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world(keep=Keep(entries=600 / 86_400, usage=1e6), largest=MIB) as w:
        now = w.system.clock.utc()
        told = 0
        while not w.facts["failed_commits"]:
            w.write(*(settling(f"{told + number}", at=now) for number in range(100)))
            told += 100
            await trio.sleep(0.1)
        with trio.fail_after(700):
            await w.ledger.ask(Flush())
        assert (w.facts["waiting"], w.facts["lost_entries"], w.attempts) == (0, 0, told)
        await trio.sleep(5_000)
        assert journal(w) == []
    async with world() as w:
        assert w.attempts == told


async def test_a_ledger_at_its_bound_drops_what_is_too_old_faster_than_as_much_comes_anew(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world(keep=Keep(entries=1 / 86_400, usage=1e6), largest=MIB) as w:
        for _ in range(100):
            now = w.system.clock.utc()
            w.write(*(settling("a", at=now) for _ in range(200)))
            await trio.sleep(0.1)
        assert w.facts["failed_commits"] > 0
        with trio.fail_after(5):
            await w.ledger.ask(Flush())


async def test_what_is_erased_makes_room_in_a_ledger_at_its_bound_for_what_waits_and_is_then_erased_as_well(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world(largest=MIB) as w:
        told = await fill(w)
        with trio.fail_after(60):
            assert await w.ledger.ask(Erase(before=1)) == Erased(entries=told, rows=0)
        assert (journal(w), w.facts["waiting"]) == ([], 0)
        w.write(calling("next"))
        await w.ledger.ask(Flush())
    async with world() as w:
        assert sum(row.calls for row in w.report.calls) == told + 1


async def test_an_erasure_does_not_wait_for_ever_for_what_cannot_be_written(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        w.write(calling("1"))
        await w.ledger.ask(Flush())
        w.trouble.failing = 10**9
        w.write(calling("2"))
        await trio.sleep(1)
        began = trio.current_time()
        with pytest.raises(CannotErase, match="within a minute"), trio.fail_after(100):
            await w.ledger.ask(Erase(call="nobody's"))
        assert trio.current_time() - began == pytest.approx(60, abs=1)


async def test_stopping_makes_room_for_what_waits_when_something_is_to_go(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world(largest=MIB) as w:
        told = await fill(w)
        w.ledger.submit(Erase(before=1)).abandon()
    async with world() as w:
        assert journal(w)[-1] == told.to_bytes(8, "big")
        assert len(journal(w)) == told - STEP


@pytest.mark.parametrize("seconds", [0.0, 0.03, 0.3])
async def test_a_crash_counts_nothing_twice_when_the_newest_entries_were_erased(
    autojump_clock: MockClock, world: Opening, seconds: float
) -> None:
    async with world() as w:
        w.write(calling("1", user="a"), calling("2", user="b"), calling("3", user="b"))
        await w.ledger.ask(Flush())
        w.trouble.seconds = 0.2
        assert await w.ledger.ask(Erase(user="b")) == Erased(entries=2, rows=1)
        w.write(calling("4", user="c"), calling("5", user="c"))
        await trio.sleep(seconds)
        w.ledger.tell(Rubbish())
        await w.ledger.ask(Flush())
        assert {row.user: row.calls for row in w.report.calls} == {"a": 1, "": 2, "c": 2}
    async with world() as w:
        assert {row.user: row.calls for row in w.report.calls} == {"a": 1, "": 2, "c": 2}
        assert len(journal(w)) == 3


@pytest.mark.parametrize("seconds", [0.7, 0.9, 1.1, 1.3])
async def test_an_entry_that_was_written_though_its_commit_failed_counts_once_when_it_is_erased_and_the_ledger_crashes(
    autojump_clock: MockClock, world: Opening, seconds: float
) -> None:
    async with world() as w:
        w.trouble.seconds, w.trouble.failing, w.trouble.after_writing = 0.2, 1, True
        w.write(calling("1", user="a"))
        await trio.sleep(0.3)
        erasing = w.ledger.submit(Erase(before=1))
        await trio.sleep(seconds - 0.3)
        w.ledger.tell(Rubbish())
        with contextlib.suppress(ActorError):
            assert await erasing.wait() == Erased(entries=1, rows=0)
            assert journal(w) == []
        await w.ledger.ask(Flush())
        assert sum(row.calls for row in w.report.calls) == 1
    async with world() as w:
        assert sum(row.calls for row in w.report.calls) == 1
