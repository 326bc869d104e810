"""The real thing: commits in a thread, on the real clock. Short, and with nothing timed."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import lmdb
import pytest
import trio
import trio.testing

from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import StoreClosed
from callboard.runtime.storage.group import GroupCommitter
from callboard.runtime.storage.operations import Operation, Put


class Held(Environment):
    """Its commits wait inside their transaction until they are let go."""

    inside: threading.Event
    go_on: threading.Event

    def _apply(self, transaction: "lmdb.Transaction[bytes]", operations: Sequence[Operation]) -> None:
        super()._apply(transaction, operations)
        self.inside.set()
        assert self.go_on.wait(10)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    opened = Held.open(tmp_path, ("a",), sync=False)
    assert isinstance(opened, Held)
    opened.inside, opened.go_on = threading.Event(), threading.Event()
    with opened:
        yield opened


def put(key: str) -> list[Operation]:
    return [Put("a", key.encode(), b"v")]


def keys(environment: Environment) -> str:
    return "".join(key.decode() for key, _ in environment.scan("a", limit=1000))


async def inside(held: Held) -> None:
    assert await trio.to_thread.run_sync(held.inside.wait, 10)


async def test_while_one_commit_runs_others_queue_up_for_the_next(held: Held, nursery: trio.Nursery) -> None:
    committer = GroupCommitter(held, run_in_thread=True)
    nursery.start_soon(committer.run)
    first = await committer.submit(put("a"), urgent=True)
    await inside(held)
    others = [await committer.submit(put(key), urgent=True) for key in "bcdef"]
    assert (keys(held), first.done, committer.statistics().committing) == ("", False, 1)
    held.go_on.set()
    await others[-1].wait()
    assert keys(held) == "abcdef"
    assert (committer.statistics().groups, committer.statistics().largest) == (2, 5)


async def test_flush_waits_for_the_commit_that_runs(held: Held, nursery: trio.Nursery) -> None:
    committer = GroupCommitter(held, run_in_thread=True)
    nursery.start_soon(committer.run)
    await committer.submit(put("a"), urgent=True)
    await inside(held)
    flushed = trio.Event()

    async def flush() -> None:
        await committer.flush()
        flushed.set()

    nursery.start_soon(flush)
    await trio.testing.wait_all_tasks_blocked()
    assert not flushed.is_set()
    held.go_on.set()
    await flushed.wait()
    assert keys(held) == "a"


async def test_a_commit_in_its_thread_ends_although_its_waiter_and_its_writer_are_cancelled(
    held: Held, nursery: trio.Nursery
) -> None:
    committer = GroupCommitter(held, run_in_thread=True)
    run, waiter = trio.CancelScope(), trio.CancelScope()
    ended = trio.Event()

    async def commit() -> None:
        with run:
            await committer.run()
        ended.set()

    nursery.start_soon(commit)
    first = await committer.submit(put("a"), urgent=True)
    await inside(held)
    second = await committer.submit(put("b"), urgent=True)
    with waiter:
        waiter.cancel()
        await first.wait()
    run.cancel()
    await trio.testing.wait_all_tasks_blocked()
    assert not ended.is_set()
    held.go_on.set()
    await ended.wait()
    await first.wait()
    with pytest.raises(StoreClosed):
        await second.wait()
    assert keys(held) == "a"


async def test_synced_commits_grow_and_come_back_from_their_thread(tmp_path: Path) -> None:
    with Environment.open(tmp_path, ("a",), map_size=65536) as environment:
        committer = GroupCommitter(environment, run_in_thread=True)

        async def write(number: int) -> None:
            for n in range(10):
                key = b"%d-%d" % (number, n)
                pending = await committer.submit([Put("a", key, key * 100)], urgent=True)
                await pending.wait()
                assert environment.get("a", key) == key * 100

        async with trio.open_nursery() as nursery:
            nursery.start_soon(committer.run)
            async with trio.open_nursery() as writers:
                for number in range(20):
                    writers.start_soon(write, number)
            committer.stop()
        assert environment.count("a") == 200
        assert environment.statistics().growths > 0
