"""Cancelled anywhere: one outcome for every submission, and what was acknowledged is there."""

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from callboard.runtime.storage.backlog import GroupLimits
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import StoreClosed
from callboard.runtime.storage.group import GroupCommitter
from callboard.runtime.storage.operations import Put
from callboard.runtime.storage.pending import Pending

STEPS = range(25)


class Writers:
    """Twelve tasks that submit and wait, and what each of them was told."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.committer = GroupCommitter(environment, run_in_thread=False, limits=GroupLimits(operations=3, waiting=6))
        self.scopes = {number: trio.CancelScope() for number in range(12)}
        self.told: dict[int, str] = {}
        self.accepted: dict[int, Pending] = {}

    async def write(self, number: int) -> None:
        with self.scopes[number]:
            try:
                pending = await self.committer.submit([Put("a", b"%02d" % number, b"v" * 3000)], urgent=number % 2 == 0)
                self.accepted[number] = pending
                await pending.wait()
                self.told[number] = "committed"
            except StoreClosed:
                self.told[number] = "closed"
        self.told.setdefault(number, "cancelled")

    def stored(self) -> set[int]:
        return {int(key) for key, _ in self.environment.scan("a", limit=100)}

    def by(self, outcome: str) -> set[int]:
        return {number for number, told in self.told.items() if told == outcome}


async def steps(count: int) -> None:
    for _ in range(count):
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("step", STEPS)
async def test_cancelled_waiters_disturb_neither_the_commit_nor_the_others(
    autojump_clock: MockClock, environment: Environment, step: int
) -> None:
    writers = Writers(environment)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writers.committer.run)
        for number in writers.scopes:
            nursery.start_soon(writers.write, number)
        await steps(step)
        for number in (1, 4, 7, 10):
            writers.scopes[number].cancel()
        await trio.sleep(1)
        writers.committer.stop()
    assert set(writers.told) == set(writers.scopes)
    assert writers.by("cancelled") <= {1, 4, 7, 10}
    assert writers.by("closed") == set()
    assert writers.stored() == set(writers.accepted)
    assert all(pending.done and pending.error is None for pending in writers.accepted.values())
    told = writers.committer.statistics()
    assert (told.waiting, told.waiting_size, told.committing, told.failed) == (0, 0, 0, 0)


@pytest.mark.parametrize("step", STEPS)
async def test_a_cancelled_writer_ends_its_commit_and_settles_the_rest(
    autojump_clock: MockClock, environment: Environment, step: int
) -> None:
    writers = Writers(environment)
    run = trio.CancelScope()

    async def commit() -> None:
        with run:
            await writers.committer.run()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(commit)
        for number in writers.scopes:
            nursery.start_soon(writers.write, number)
        await steps(step)
        run.cancel()
    assert set(writers.told) == set(writers.scopes)
    assert writers.by("cancelled") == set()
    assert writers.stored() == writers.by("committed")
    with pytest.raises(StoreClosed):
        writers.committer.submit_nowait([])


async def test_the_steps_reach_from_before_the_first_commit_to_after_the_last(
    autojump_clock: MockClock, environment: Environment
) -> None:
    writers = Writers(environment)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writers.committer.run)
        for number in writers.scopes:
            nursery.start_soon(writers.write, number)
        assert writers.stored() == set()
        await steps(len(STEPS))
        assert writers.stored() >= set(range(0, 12, 2))
        writers.committer.stop()


async def test_a_writer_that_never_idles_can_be_cancelled(autojump_clock: MockClock, environment: Environment) -> None:
    committer = GroupCommitter(environment, run_in_thread=False, limits=GroupLimits(operations=1))

    async def submit_for_ever() -> None:
        with pytest.raises(StoreClosed):
            while True:
                await committer.submit([Put("a", b"x", b"v")], urgent=True)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(submit_for_ever)
        with trio.CancelScope() as scope:
            nursery.start_soon(cancel_after, scope, 50)
            await committer.run()
    assert scope.cancelled_caught
    assert committer.statistics().waiting == 0


async def cancel_after(scope: trio.CancelScope, count: int) -> None:
    await steps(count)
    scope.cancel()


async def test_a_submitter_cancelled_while_it_waits_for_room_submits_nothing(
    autojump_clock: MockClock, environment: Environment
) -> None:
    committer = GroupCommitter(environment, run_in_thread=False, limits=GroupLimits(waiting=1))
    committer.submit_nowait([Put("a", b"x", b"v")])
    with trio.move_on_after(1):
        await committer.submit([Put("a", b"y", b"v")])
    assert committer.statistics().waiting == 1
    async with trio.open_nursery() as nursery:
        nursery.start_soon(committer.run)
        await committer.flush()
        assert await committer.submit([Put("a", b"z", b"v")])
        committer.stop()
    assert [key for key, _ in environment.scan("a", limit=9)] == [b"x", b"z"]


async def test_a_cancelled_flush_disturbs_nothing(autojump_clock: MockClock, environment: Environment) -> None:
    committer = GroupCommitter(environment, run_in_thread=False)
    pending = committer.submit_nowait([Put("a", b"x", b"v")])
    assert pending is not None
    with trio.move_on_after(1):
        await committer.flush()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(committer.run)
        await pending.wait()
        committer.stop()
