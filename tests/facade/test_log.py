"""Requests and replies word by word: only where that is asked for, and without what names people."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

import callboard
from callboard.actors.logbook.actor import STEP
from callboard.actors.logbook.pages import LogSpec
from callboard.actors.store.actor import LEDGER_DATABASES
from callboard.asking import build
from callboard.messages.accounting import Write
from callboard.messages.logbook import LogCall
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import StorageFailed
from callboard.runtime.storage.operations import Delete, Operation
from callboard.sections import StoreConfig
from callboard.testing import Behaviour
from callboard.testing.records import ended

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"
ON = LogSpec(requests=True)


def written(w: Any) -> bytes:
    """The whole ledger, as it lies there."""
    records = w.board._system.ref("store").snapshot.ledger
    return repr([records.all(database) for database in LEDGER_DATABASES]).encode()


async def test_what_was_asked_and_answered_can_be_read_back(
    autojump_clock: MockClock, world: Opening, tmp_path: Path
) -> None:
    store = StoreConfig(path=str(tmp_path))
    async with world(log=ON, store=store) as w:
        reply = await w.board.generate("Write to ann@example.com", model=ALPHA, user="ann", tag="t")
        found = await w.board.log(reply.id)
        assert (found.user, found.tag, found.fault) == ("ann", "t", None)
        assert "Write to [email]" in found.request
        assert reply.text in found.reply
        async with w.board.stream("And now?", model=ALPHA) as stream:
            async for _ in stream:
                pass
        assert stream.reply.text in (await w.board.log(stream.reply.id)).reply
        assert await w.board.log("unknown") is None
        assert "example" not in repr(found)
    async with world(log=ON, store=store) as w:
        assert await w.board.log(reply.id) == found
        assert b"ann@example.com" not in written(w)


async def test_a_call_without_a_reply_is_logged_with_its_fault(autojump_clock: MockClock, world: Opening) -> None:
    async with world({"alpha": Behaviour(error_rate=1, error_statuses=(400,))}, log=ON) as w:
        with pytest.raises(callboard.CallError) as raised:
            await w.board.generate("Why?", model=ALPHA)
        found = await w.board.log(raised.value.id)
        assert (found.reply, "invalid request" in found.fault) == (None, True)


async def test_a_kept_reply_is_logged_as_often_as_it_is_given(autojump_clock: MockClock, world: Opening) -> None:
    async with world(log=ON) as w:
        asked = [await w.board.generate("Why?", model=ALPHA, cache="use") for _ in range(2)]
        assert [reply.cached for reply in asked] == [False, True]
        assert [reply.text in (await w.board.log(reply.id)).reply for reply in asked] == [True, True]
        with pytest.raises(callboard.InvalidRequest, match=r"^call: expected a string"):
            await w.board.log(7)


async def test_nothing_is_logged_unless_it_is_asked_for(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        reply = await w.board.generate("a very peculiar prompt", model=ALPHA)
        await w.board.flush()
        await trio.sleep(1)
        assert b"peculiar" not in written(w)
        assert "logbook" not in [cell.path for cell in w.board._system.cells()]
        with pytest.raises(callboard.InvalidRequest, match="requests = true"):
            await w.board.log(reply.id)


async def test_what_is_nested_too_deep_to_be_logged_is_lost_and_counted_and_the_next_is_logged(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world(log=ON) as w:
        deep: dict[str, Any] = {}
        for _ in range(100_000):
            deep = {"a": deep}
        logbook = w.board._system.ref("logbook")
        request = build("Deep?", ALPHA)
        reply = await w.board.generate("Plain?", model=ALPHA)
        for number in range(5):
            outcome = msgspec.structs.replace(reply, extra=deep)
            logbook.tell(LogCall(call=str(number), at=1, request=request, outcome=outcome))
        latest = await w.board.generate("Plain?", model=ALPHA)
        assert (await w.board.log(latest.id)).request
        assert (logbook.snapshot.facts()["lost"], list(w.board.events)) == (5, [])


async def test_the_log_is_kept_for_its_days_and_no_longer(autojump_clock: MockClock, world: Opening) -> None:
    async with world(log=LogSpec(requests=True, keep_days=1)) as w:
        old = [await w.board.generate(f"old {number}", model=ALPHA) for number in range(STEP + 3)]
        await trio.sleep(86_400 - 600)
        young = await w.board.generate("young", model=ALPHA)
        await trio.sleep(4_400)
        assert [reply.id for reply in old if await w.board.log(reply.id)] == []
        assert await w.board.log(young.id) is not None


async def test_what_is_logged_of_a_user_is_deleted_with_the_rest(autojump_clock: MockClock, world: Opening) -> None:
    async with world(log=ON) as w:
        theirs = [await w.board.generate(f"Why {n}?", model=ALPHA, user="user-of-old") for n in range(STEP + 2)]
        other = await w.board.generate("Why?", model=ALPHA, user="other")
        assert (await w.board.delete(user="user-of-old")).logged == STEP + 2
        assert [reply.id for reply in theirs if await w.board.log(reply.id)] == []
        assert b"user-of-old" not in written(w)
        assert await w.board.log(other.id) is not None
        assert (await w.board.delete(call=other.id)).logged == 1
        last = await w.board.generate("Why?", model=ALPHA)
        assert (await w.board.delete(before=datetime.now(UTC) + timedelta(days=9_999))).logged == 1
        assert await w.board.log(last.id) is None


async def test_a_log_that_is_full_loses_records_until_old_ones_have_gone_and_the_ledger_loses_nothing(
    autojump_clock: MockClock, world: Opening, tmp_path: Path
) -> None:
    store = StoreConfig(path=str(tmp_path), initial_size=65_536, max_size=1_048_576)
    async with world(log=LogSpec(requests=True, keep_days=1), store=store) as w:
        ledger, logbook = w.board._system.ref("ledger"), w.board._system.ref("logbook")
        for number in range(40):
            await w.board.generate(f"{number} {'word ' * 20_000}", model=ALPHA)
            await trio.sleep(1)
        now = w.board._system.clock.utc()
        ledger.tell(Write(tuple(ended(id=f"{number}", at=now) for number in range(1_000))))
        await w.board.flush()
        assert (logbook.snapshot.facts()["lost"] > 20, ledger.snapshot.facts()["failed_commits"]) == (True, 0)
        calls = sum(row.calls for row in w.board.usage().calls)
        await trio.sleep(86_400 + 3_700)
        young = await w.board.generate("young", model=ALPHA)
        await trio.sleep(1)
        assert await w.board.log(young.id) is not None
    async with world(store=store) as w:
        assert sum(row.calls for row in w.board.usage().calls) == calls + 1


class Trouble:
    """A disk from which nothing of the log can be deleted so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.times = times
        commit = Environment.commit

        def fails(environment: Environment, operations: Sequence[Operation]) -> None:
            if self.times and any(isinstance(one, Delete) and one.database == "log" for one in operations):
                self.times -= 1
                raise StorageFailed(environment.path, "input/output error")
            commit(environment, operations)

        monkeypatch.setattr(Environment, "commit", fails)


async def test_what_is_said_to_be_deleted_is_although_the_disk_failed_at_first(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(log=ON) as w:
        reply = await w.board.generate("Why?", model=ALPHA, user="user-of-old")
        trouble = Trouble(monkeypatch, times=3)
        assert (await w.board.delete(user="user-of-old")).logged == 1
        assert (trouble.times, await w.board.log(reply.id)) == (0, None)
        assert b"user-of-old" not in written(w)


async def test_what_cannot_be_deleted_is_told_and_goes_once_it_can(
    autojump_clock: MockClock, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(log=ON) as w:
        reply = await w.board.generate("Why?", model=ALPHA, user="user-of-old")
        trouble = Trouble(monkeypatch, times=10**9)
        with pytest.raises(callboard.StoreError, match="not everything could be deleted"), trio.fail_after(100):
            await w.board.delete(user="user-of-old")
        assert await w.board.log(reply.id) is not None
        trouble.times = 0
        await trio.sleep(1)
        assert await w.board.log(reply.id) is None


async def test_deleting_waits_for_no_record_that_comes_meanwhile(autojump_clock: MockClock, world: Opening) -> None:
    async with world(log=ON) as w, trio.open_nursery() as nursery:
        mine = await w.board.generate("Why?", model=ALPHA, user="user-of-old")

        async def talk() -> None:
            for number in range(10_000):
                said = LogCall(call=f"{number}", at=1, request=build("And?", ALPHA), outcome=mine)
                w.board._system.ref("logbook").tell(said)
                await trio.sleep(0.01)

        nursery.start_soon(talk)
        await trio.sleep(1)
        mine = await w.board.generate("Why?", model=ALPHA, user="user-of-old")
        with trio.fail_after(1):
            assert (await w.board.delete(user="user-of-old")).logged == 2
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("call", ["\ud800", 3, ["a"], "", None])
async def test_an_id_that_is_none_is_refused_and_harms_nobody(
    autojump_clock: MockClock, world: Opening, call: Any
) -> None:
    async with world(log=ON) as w:
        for _ in range(5):
            with pytest.raises(callboard.InvalidRequest, match=r"^call: "):
                await w.board.log(call)
        assert w.board.events == ()
