from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from callboard.runtime.clock import ns
from callboard.runtime.storage.backlog import GroupLimits
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import StorageBusy, StorageFailed, StorageFull, StoreClosed
from callboard.runtime.storage.group import GroupCommitter
from callboard.runtime.storage.operations import Delete, Operation, Put
from callboard.runtime.storage.pending import Pending


def put(key: str, value: bytes = b"v") -> list[Operation]:
    return [Put("a", key.encode(), value)]


def keys(environment: Environment) -> str:
    return "".join(key.decode() for key, _ in environment.scan("a", limit=1000))


def inline(environment: Environment, limits: GroupLimits | None = None) -> GroupCommitter:
    return GroupCommitter(environment, run_in_thread=False, linger=ns(0.02), limits=limits or GroupLimits())


def accepted(pending: Pending | None) -> Pending:
    assert pending is not None
    return pending


async def test_an_acknowledged_submission_is_in_the_store(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment)
    nursery.start_soon(committer.run)
    pending = await committer.submit([*put("x"), *put("y"), Delete("a", b"x")], urgent=True)
    await pending.wait()
    assert keys(environment) == "y"


async def test_what_is_not_urgent_lingers_for_company(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment)
    nursery.start_soon(committer.run)
    started = trio.current_time()
    first = await committer.submit(put("x"))
    await trio.sleep(0.015)
    second = await committer.submit(put("y"))
    await second.wait()
    assert first.done
    assert trio.current_time() - started == pytest.approx(0.02)
    assert (committer.statistics().groups, committer.statistics().largest) == (1, 2)


async def test_a_linger_that_rounds_down_ends_too(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    linger = 122_632
    assert trio.current_time() == 0
    assert int(linger / 1e9 * 1e9) < linger
    committer = GroupCommitter(environment, run_in_thread=False, linger=linger)
    nursery.start_soon(committer.run)
    pending = await committer.submit(put("x"))
    await trio.sleep(linger / 1e9)
    for _ in range(20):
        await trio.lowlevel.checkpoint()
    assert pending.done


async def test_what_is_urgent_is_committed_at_once_with_all_before_it(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment)
    nursery.start_soon(committer.run)
    started = trio.current_time()
    await committer.submit(put("x"))
    await (await committer.submit(put("y"), urgent=True)).wait()
    assert trio.current_time() == started
    assert keys(environment) == "xy"
    assert committer.statistics().groups == 1


async def test_a_whole_group_does_not_linger(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment, GroupLimits(operations=3))
    nursery.start_soon(committer.run)
    started = trio.current_time()
    pending = [await committer.submit(put(key)) for key in "abc"]
    await pending[2].wait()
    assert trio.current_time() == started


async def test_flush_waits_for_all_before_it_and_does_not_linger(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment, GroupLimits(operations=2))
    nursery.start_soon(committer.run)
    started = trio.current_time()
    for key in "abcde":
        accepted(committer.submit_nowait(put(key)))
    await committer.flush()
    assert keys(environment) == "abcde"
    assert trio.current_time() == started
    with trio.testing.assert_checkpoints():
        await committer.flush()


async def test_flush_tells_of_an_earlier_failure_among_what_it_waits_for(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment, GroupLimits(operations=1))
    accepted(committer.submit_nowait(put("x", b"v" * (5 << 20))))
    accepted(committer.submit_nowait(put("y")))
    nursery.start_soon(committer.run)
    with pytest.raises(StorageFull):
        await committer.flush()
    assert keys(environment) == "y"
    await committer.flush()


async def test_a_submission_is_committed_whole_or_not_at_all(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment)
    nursery.start_soon(committer.run)
    torn = await committer.submit([*put("x"), *put("y", b"v" * (5 << 20))], urgent=True)
    with pytest.raises(StorageFull):
        await torn.wait()
    assert keys(environment) == ""


async def test_a_group_too_large_for_the_map_is_committed_after_growth(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment)
    nursery.start_soon(committer.run)
    pending = [await committer.submit(put(f"{n:03}", b"v" * 3000)) for n in range(100)]
    await committer.flush()
    for one in pending:
        await one.wait()
    assert environment.count("a") == 100
    assert environment.statistics().growths == 3
    assert committer.statistics().groups == 1


async def test_growth_waits_for_readers_and_gives_up_on_one_that_stays(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment)
    nursery.start_soon(committer.run)
    with environment._gate.reading():
        pending = await committer.submit(put("x", b"v" * 100_000), urgent=True)
        await trio.sleep(0.1)
        assert not pending.done
    await pending.wait()
    with environment._gate.reading(), pytest.raises(StorageBusy):
        await (await committer.submit(put("y", b"v" * 500_000), urgent=True)).wait()
    await (await committer.submit(put("z"), urgent=True)).wait()
    assert keys(environment) == "xz"


async def test_the_map_is_laid_anew_after_so_many_bytes_and_not_under_a_reader(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = GroupCommitter(environment, run_in_thread=False, remap=10_000)
    nursery.start_soon(committer.run)

    async def write(count: int) -> int:
        for n in range(count):
            await (await committer.submit(put(f"{n}", b"v" * 1000), urgent=True)).wait()
        return environment.statistics().remaps

    assert await write(9) == 0
    assert await write(1) == 1
    with environment._gate.reading():
        assert await write(15) == 1
    assert await write(1) == 2
    assert await write(9) == 2


async def test_a_map_that_cannot_be_laid_costs_no_commit_and_is_tried_again_after_as_many_bytes(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    committer = GroupCommitter(environment, run_in_thread=False, remap=10)
    nursery.start_soon(committer.run)
    tried: list[int] = []

    def fails() -> None:
        tried.append(environment.count("a"))
        raise StorageFailed(environment.path, "no memory")

    monkeypatch.setattr(environment, "remap", fails)
    for key in "uvwxyz":
        await (await committer.submit(put(key, b"v" * 4), urgent=True)).wait()
    assert keys(environment) == "uvwxyz"
    assert tried == [2, 4, 6]


async def test_every_waiter_of_a_failed_group_is_told_and_the_next_group_is_tried(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    committer = inline(environment)

    def fails(operations: Sequence[Operation]) -> None:
        raise StorageFailed(environment.path, "no disk")

    with monkeypatch.context() as patched:
        patched.setattr(environment, "commit", fails)
        failed = [accepted(committer.submit_nowait(put(key))) for key in "abc"]
        nursery.start_soon(committer.run)
        await trio.sleep(1)
    for pending in failed:
        with pytest.raises(StorageFailed):
            await pending.wait()
    await (await committer.submit(put("d"), urgent=True)).wait()
    assert keys(environment) == "d"
    told = committer.statistics()
    assert (told.groups, told.submissions, told.failed, told.waiting, told.committing) == (2, 1, 3, 0, 0)


async def test_what_finds_no_room_fails_alone_and_the_others_of_its_group_are_committed(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment, GroupLimits(size=16 << 20))
    large = put("large", b"v" * (5 << 20))
    group = [accepted(committer.submit_nowait(one)) for one in (put("a"), large, put("b"))]
    nursery.start_soon(committer.run)
    with pytest.raises(StorageFull):
        await committer.flush()
    assert [pending.error is None for pending in group] == [True, False, True]
    assert keys(environment) == "ab"
    told = committer.statistics()
    assert (told.groups, told.submissions, told.failed, told.largest, told.committing) == (1, 2, 1, 3, 0)


async def test_a_full_backlog_refuses_at_once_and_takes_again_after_a_commit(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment, GroupLimits(operations=2, waiting=3))
    for key in "abc":
        accepted(committer.submit_nowait(put(key)))
    assert committer.submit_nowait(put("d")) is None
    nursery.start_soon(committer.run)
    await committer.flush()
    accepted(committer.submit_nowait(put("e")))
    await committer.flush()
    assert keys(environment) == "abce"


async def test_submitters_that_wait_for_room_get_in_as_they_came_and_nobody_overtakes(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment, GroupLimits(operations=1, waiting=1))
    entered: list[int] = []

    async def submit(number: int) -> None:
        await committer.submit(put(f"{number:02}"), urgent=True)
        entered.append(number)

    for number in range(20):
        nursery.start_soon(submit, number)
        await trio.testing.wait_all_tasks_blocked()
    assert entered == [0]
    nursery.start_soon(committer.run)
    refused = 0
    while len(entered) < 20:
        refused += committer.submit_nowait(put("overtaker")) is None
        await trio.lowlevel.checkpoint()
    await committer.flush()
    assert entered == list(range(20))
    assert refused > 0


async def test_room_for_several_lets_several_in(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment, GroupLimits(operations=8, waiting=8))
    for number in range(8):
        accepted(committer.submit_nowait(put(f"{number}")))
    entered: list[Pending] = []

    async def submit(key: str) -> None:
        entered.append(await committer.submit(put(key)))

    for key in "abcd":
        nursery.start_soon(submit, key)
    await trio.testing.wait_all_tasks_blocked()
    nursery.start_soon(committer.run)
    await trio.testing.wait_all_tasks_blocked()
    assert len(entered) == 4
    assert committer.statistics().waiting == 4


async def test_an_unknown_database_is_refused_before_it_joins_a_group(
    autojump_clock: MockClock, environment: Environment
) -> None:
    committer = inline(environment)
    with pytest.raises(LookupError, match="no database 'c'"):
        committer.submit_nowait([Put("c", b"x", b"v")])
    assert committer.statistics().waiting == 0


async def test_a_stopped_committer_commits_what_waits_and_takes_no_more(
    autojump_clock: MockClock, environment: Environment
) -> None:
    committer = inline(environment, GroupLimits(operations=2, waiting=3))
    pending = [accepted(committer.submit_nowait(put(key))) for key in "abc"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect_closed, committer)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(committer.run)
        committer.stop()
    for one in pending:
        await one.wait()
    assert keys(environment) == "abc"
    with pytest.raises(StoreClosed):
        committer.submit_nowait(put("d"))


async def expect_closed(committer: GroupCommitter) -> None:
    with pytest.raises(StoreClosed):
        await committer.submit(put("waits for room"))


async def test_a_committer_that_idles_can_be_stopped(autojump_clock: MockClock, environment: Environment) -> None:
    committer = inline(environment)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(committer.run)
        await trio.testing.wait_all_tasks_blocked()
        committer.stop()


async def test_a_store_has_one_writer(
    autojump_clock: MockClock, environment: Environment, nursery: trio.Nursery
) -> None:
    committer = inline(environment)
    nursery.start_soon(committer.run)
    await trio.testing.wait_all_tasks_blocked()
    with pytest.raises(RuntimeError, match="running already"):
        await committer.run()
    await (await committer.submit(put("x"), urgent=True)).wait()


class Buggy(Environment):
    def _apply(self, transaction: object, operations: Sequence[Operation]) -> None:
        raise ZeroDivisionError


async def test_a_bug_in_a_commit_ends_the_writer_and_leaves_nobody_waiting(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    with Buggy.open(tmp_path, ("a",), sync=False) as environment:
        committer = inline(environment, GroupLimits(operations=1))
        pending = [accepted(committer.submit_nowait(put(key))) for key in "ab"]
        with pytest.raises(ZeroDivisionError):
            await committer.run()
        for one in pending:
            with pytest.raises(StoreClosed):
                await one.wait()
        assert committer.statistics().failed == 2
