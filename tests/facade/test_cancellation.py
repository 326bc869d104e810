"""Whole calls, cancelled at each of their checkpoints: every ask ends once, and nothing is left anywhere."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import callboard
from callboard.sections import LimitConfig, StoreConfig
from callboard.testing import Behaviour
from callboard.testing.checkpoints import Cut, cancel_everywhere

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"
AT_MOST = 120
ONE_AT_A_TIME = LimitConfig(concurrency=1)


async def _nothing_is_left(w: Any, tasks: int, calls: int | None = None) -> None:
    """No handler, parked ask, permit, open attempt, task or socket; and with one permit in all, a call still goes."""
    w["alpha"].behaviour = Behaviour()
    await trio.sleep(30)
    assert w.in_flight() == {}
    assert w["alpha"].statistics().in_flight == 0
    assert _living() <= tasks
    assert w["alpha"].statistics().connections <= 1
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(_ask, w)
    await w.board.flush()
    [row] = w.board.usage().calls
    assert row.calls == row.ok + row.faults + row.cancelled + row.interrupted
    if calls is not None:
        assert 4 <= row.calls <= calls + 4


async def _ask(w: Any) -> None:
    assert (await w.board.generate("Why?", model=ALPHA, timeout=100)).text


async def _warm(w: Any) -> int:
    """Tasks with one kept connection and nothing to do."""
    await w.board.generate("Why?", model=ALPHA)
    return _living()


def _living() -> int:
    return trio.lowlevel.current_statistics().tasks_living


def test_a_plain_call_can_be_cancelled_anywhere(world: Opening) -> None:
    async def scenario(cut: Cut) -> None:
        async with world({"alpha": Behaviour(latency=(1, 1))}, limits=ONE_AT_A_TIME) as w:
            tasks = await _warm(w)
            with cut.scope():
                await w.board.generate("Why?", model=ALPHA)
            await _nothing_is_left(w, tasks, calls=1)

    assert cancel_everywhere(scenario, at_most=AT_MOST) >= 10


def test_waiting_for_a_permit_can_be_cancelled_anywhere(world: Opening) -> None:
    async def scenario(cut: Cut) -> None:
        async with world({"alpha": Behaviour(latency=(1, 1))}, limits=ONE_AT_A_TIME) as w:
            tasks = await _warm(w)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_ask, w)
                await trio.testing.wait_all_tasks_blocked()
                with cut.scope():
                    await _ask(w)
            await _nothing_is_left(w, tasks, calls=2)

    assert cancel_everywhere(scenario, at_most=AT_MOST) >= 10


def test_a_shared_call_can_be_cancelled_anywhere(world: Opening) -> None:
    async def scenario(cut: Cut) -> None:
        async with world({"alpha": Behaviour(latency=(1, 1))}, limits=ONE_AT_A_TIME) as w:
            tasks = await _warm(w)
            with cut.scope():
                async with trio.open_nursery() as nursery:
                    for _ in range(3):
                        nursery.start_soon(_ask_cacheable, w)
            await _nothing_is_left(w, tasks, calls=3)

    assert cancel_everywhere(scenario, at_most=AT_MOST) >= 10


async def _ask_cacheable(w: Any) -> None:
    await w.board.generate("Why?", model=ALPHA, temperature=0)


def test_a_half_open_trial_can_be_cancelled_anywhere_and_gives_its_place_back(world: Opening) -> None:
    async def scenario(cut: Cut) -> None:
        async with world({"alpha": Behaviour(latency=(1, 1))}) as w:
            tasks = await _warm(w)
            w["alpha"].die()
            for _ in range(2):
                with pytest.raises(callboard.CallError):
                    await w.board.generate("Why?", model=ALPHA)
            w["alpha"].revive()
            await trio.sleep(10)
            with cut.scope():
                await w.board.generate("Why?", model=ALPHA)
            await trio.sleep(30)
            for _ in range(8):
                with contextlib.suppress(callboard.Unavailable):
                    await w.board.generate("Why?", model=ALPHA)
            assert w.moves[-1][-1] == "closed"
            await _nothing_is_left(w, tasks)

    assert cancel_everywhere(scenario, at_most=AT_MOST) >= 10


def test_a_strict_call_can_be_cancelled_anywhere_in_its_commits(world: Opening, tmp_path: Path) -> None:
    stores = iter(range(1_000_000))

    async def scenario(cut: Cut) -> None:
        store = StoreConfig(path=str(tmp_path / str(next(stores))), durability="strict", initial_size=65_536)
        async with world({"alpha": Behaviour()}, limits=ONE_AT_A_TIME, store=store) as w:
            tasks = await _warm(w)
            with cut.scope():
                reply = await w.board.generate("Why?", model=ALPHA)
                assert reply.recorded == "acknowledged"
            await _nothing_is_left(w, tasks, calls=1)

    assert cancel_everywhere(scenario, at_most=60) > 20


@pytest.mark.parametrize("read_first", [0, 3], ids=["before the commit point", "after it"])
def test_a_stream_can_be_cancelled_anywhere(world: Opening, read_first: int) -> None:
    behaviour = Behaviour(first_token=(1, 1), between_tokens=(0.5, 0.5), tokens=(6, 6))

    async def scenario(cut: Cut) -> None:
        async with world({"alpha": behaviour}, limits=ONE_AT_A_TIME) as w:
            tasks = await _warm(w)
            async with w.board.stream("Why?", model=ALPHA) as stream:
                for _ in range(read_first):
                    await anext(stream)
                with cut.scope():
                    await stream.collect()
            await _nothing_is_left(w, tasks, calls=1)

    assert cancel_everywhere(scenario, at_most=AT_MOST) >= 10


def test_a_stream_can_be_left_anywhere(world: Opening) -> None:
    behaviour = Behaviour(first_token=(1, 1), between_tokens=(0.5, 0.5), tokens=(6, 6))

    async def scenario(cut: Cut) -> None:
        async with world({"alpha": behaviour}, limits=ONE_AT_A_TIME) as w:
            tasks = await _warm(w)
            with cut.scope():
                async with w.board.stream("Why?", model=ALPHA) as stream:
                    await stream.collect()
            await _nothing_is_left(w, tasks, calls=1)

    assert cancel_everywhere(scenario, at_most=AT_MOST) >= 10


def test_connecting_can_be_cancelled_anywhere(world: Opening) -> None:
    async def scenario(cut: Cut) -> None:
        with deaf_listener() as port:
            async with world({"alpha": Behaviour()}, limits=ONE_AT_A_TIME) as w:
                await _ask(w)
                tasks = _living()
                listening = w["alpha"]
                deaf = f"http://127.0.0.1:{port}/v1"
                async with world({"alpha": Behaviour()}, limits=ONE_AT_A_TIME, base_url=deaf) as elsewhere:
                    with cut.scope(), pytest.raises(callboard.CallError) as caught:
                        await elsewhere.board.generate("Why?", model=ALPHA, attempts=1)
                    if not cut.struck:
                        assert caught.value.fault.timeout == "connect"
                    await trio.sleep(5)
                    assert elsewhere.in_flight() == {}
                    assert elsewhere.board.usage().cost == 0
                assert listening.statistics().in_flight == 0
                assert _living() <= tasks

    assert cancel_everywhere(scenario, at_most=AT_MOST) > 10


@contextlib.contextmanager
def deaf_listener() -> Iterator[int]:
    """A port whose queue is full, so that connecting to it never ends."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.1", port))
        yield port
