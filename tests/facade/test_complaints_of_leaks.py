"""What users of other clients and gateways complain about: memory, calls that go on when nobody wants them, their bill.

Each test has the name of its complaint, and shows that callboard does not have it.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import callboard
from callboard.testing import Behaviour, Outcome

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"
LONG = Behaviour(between_tokens=(1, 1), tokens=(40, 40))
SLOW = Behaviour(latency=(30, 30))


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def test_a_thread_or_task_for_every_chunk(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": LONG}) as w:
        seen, threads = set(), threading.active_count()  # those of an earlier test may still be idle
        async with w.board.stream("Why?", model=ALPHA, max_tokens=40) as stream:
            async for _ in stream:
                seen.add(tasks())
                assert threading.active_count() <= threads
        assert stream.reply.usage.output == 40
        assert max(seen) - min(seen) <= 2  # the ledger's alarm and its commit come and go


async def test_memory_grows_with_every_cancelled_call(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": SLOW}) as w:
        before = 0
        for number in range(60):
            with trio.move_on_after(0.5):
                await w.board.generate(f"Why {number}?", model=ALPHA)
            await trio.sleep(1)
            before = before or tasks()
        assert tasks() == before
        assert w.in_flight() == {}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_cancelling_the_caller_does_not_cancel_upstream(
    autojump_clock: object, world: Opening, stream: bool
) -> None:
    async with world({"alpha": LONG if stream else SLOW}) as w:
        with trio.move_on_after(2.5):
            if stream:
                async with w.board.stream("Why?", model=ALPHA, max_tokens=40) as pieces:
                    await pieces.collect()
            else:
                await w.board.generate("Why?", model=ALPHA)
        cancelled = trio.current_time()
        await w["alpha"].wait_until(lambda one: one.log[0].outcome is not Outcome.OPEN)
        assert trio.current_time() - cancelled < 0.01
        assert w["alpha"].log[0].outcome is Outcome.CLIENT_GONE


async def test_unclosed_sessions(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        for model in (ALPHA, "beta/sim-small"):
            await w.board.generate("Why?", model=model)
        providers = w.providers
        assert [one.connections for one in providers.values()] == [1, 1]
        w.board._system.stop()
        await w.board._system.stopped.wait()
        await trio.sleep(0.01)
        assert [one.connections for one in providers.values()] == [0, 0]


def test_event_loop_is_closed(world: Opening) -> None:
    async def run() -> str:
        async with world() as w:
            reply: callboard.Reply = await w.board.generate("Why?", model=ALPHA)
            return reply.text

    assert len({trio.run(run, clock=MockClock(autojump_threshold=0)) for _ in range(3)}) == 1


async def test_a_stream_that_was_left_is_billed_in_full(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": LONG}) as w:
        async with w.board.stream("Why?", model=ALPHA, max_tokens=40) as stream:
            async for _ in stream:
                break
        await w.board.flush()
        await trio.sleep(60)
        [row] = w.board.usage().models
        [served] = w["alpha"].log
        assert (row.attempts, row.estimated) == (1, 1)
        assert served.usage.output < 5
        assert row.usage.input >= served.usage.input
        assert row.usage.output < 10


async def test_a_cancelled_call_is_recorded_as_free(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": SLOW}) as w:
        with trio.move_on_after(1):
            await w.board.generate("Why?", model=ALPHA, max_tokens=100)
        await trio.sleep(0.01)  # the attempt hears of it, and tells the ledger
        await w.board.flush()
        [row] = w.board.usage().models
        assert (row.attempts, row.estimated) == (1, 1)
        assert row.cost > 0
        assert row.usage.total >= w["alpha"].log[0].usage.total > 0


async def test_an_estimate_in_place_of_what_the_provider_counted(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(tokens=(3, 3))}) as w:
        reply = await w.board.generate("Why?", model=ALPHA, max_tokens=1_000)
        await w.board.flush()
        [row] = w.board.usage().models
        assert row.usage == reply.usage == w["alpha"].log[0].usage
        assert (row.estimated, reply.estimated) == (0, False)


async def test_a_detached_task_goes_on_reading_for_the_bill(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": LONG}) as w:
        await w.board.generate("Why?", model=ALPHA, max_tokens=2)
        await trio.sleep(1)
        before = tasks()
        async with w.board.stream("How?", model=ALPHA, max_tokens=40) as stream:
            async for _ in stream:
                break
        await trio.sleep(0.5)
        assert tasks() <= before + 1
        assert w.in_flight() == {}
        made = w["alpha"].log[-1].usage.output
        await trio.sleep(30)
        assert w["alpha"].log[-1].usage.output == made
