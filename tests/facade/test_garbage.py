"""However a call ends, what it had in hand goes at once: a cycle would stay until the collector comes by."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

import callboard
from callboard.testing import Behaviour
from callboard.testing.garbage import collected

Opening = Callable[..., AbstractAsyncContextManager[Any]]
Call = Callable[[callboard.Board], Awaitable[object]]
ALPHA = "alpha/sim-small"
SLOW = Behaviour(latency=(1.0, 1.0), between_tokens=(1.0, 1.0), tokens=(10, 10))
CALLS = 3


async def plain(board: callboard.Board) -> None:
    await board.generate("Why?", model=ALPHA, timeout=30)


async def streamed(board: callboard.Board) -> None:
    async with board.stream("Why?", model=ALPHA, timeout=30) as stream:
        await stream.collect()


async def left(board: callboard.Board) -> None:
    async with board.stream("Why?", model=ALPHA) as stream:
        async for _ in stream:
            break


async def cancelled(board: callboard.Board) -> None:
    with trio.move_on_after(0.5):
        await plain(board)


async def cancelled_stream(board: callboard.Board) -> None:
    with trio.move_on_after(3.5):
        await streamed(board)


async def out_of_time(board: callboard.Board) -> None:
    await board.generate("Why?", model=ALPHA, timeout=0.5)


async def falling_back(board: callboard.Board) -> None:
    await board.generate("Why?", model="any", timeout=30)


async def hedged(board: callboard.Board) -> None:
    await board.generate("Why?", model="any", hedge=True)


async def buffered(board: callboard.Board) -> None:
    async with board.stream("Why?", model=ALPHA, buffer=True) as stream:
        await stream.collect()


def broken(reply: callboard.Reply) -> None:
    raise ZeroDivisionError


async def broken_check(board: callboard.Board) -> None:
    await board.generate("Why?", model=ALPHA, checks=[broken])


async def broken_check_of_a_stream(board: callboard.Board) -> None:
    async with board.stream("Why?", model=ALPHA, checks=[broken]) as stream:
        await stream.collect()


async def shared_and_cancelled(board: callboard.Board) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(partial(board.generate, "Why?", model=ALPHA, temperature=0))
        await trio.sleep(0.5)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("call", "behaviour"),
    [
        pytest.param(plain, SLOW, id="plain"),
        pytest.param(streamed, SLOW, id="streamed"),
        pytest.param(buffered, SLOW, id="buffered"),
        pytest.param(broken_check, SLOW, id="a check that raises"),
        pytest.param(broken_check_of_a_stream, SLOW, id="a check of a stream that raises"),
        pytest.param(left, SLOW, id="stream left in its middle"),
        pytest.param(cancelled, SLOW, id="cancelled before the reply"),
        pytest.param(cancelled_stream, SLOW, id="cancelled while it streams"),
        pytest.param(shared_and_cancelled, SLOW, id="cancelled by all who share it"),
        pytest.param(hedged, SLOW, id="hedged"),
        pytest.param(out_of_time, SLOW, id="out of time"),
        pytest.param(falling_back, Behaviour(error_rate=1), id="falling back"),
        pytest.param(plain, Behaviour(error_rate=1), id="error"),
        pytest.param(plain, Behaviour(reset_rate=1), id="reset"),
        pytest.param(plain, Behaviour(hang_rate=1), id="hang"),
        pytest.param(plain, Behaviour(malformed_rate=1), id="malformed"),
        pytest.param(plain, Behaviour(half_body_rate=1), id="half a body"),
        pytest.param(streamed, Behaviour(drip_rate=1), id="drip"),
        pytest.param(streamed, Behaviour(cut_rate=1, fault_after=(3, 3)), id="cut"),
        pytest.param(streamed, Behaviour(truncate_rate=1, fault_after=(3, 3)), id="truncated"),
        pytest.param(streamed, Behaviour(stream_error_rate=1, fault_after=(3, 3)), id="error event"),
    ],
)
async def test_no_call_leaves_a_reference_cycle_behind(
    autojump_clock: object, world: Opening, call: Call, behaviour: Behaviour
) -> None:
    async with world({"alpha": behaviour, "beta": Behaviour()}) as w:
        await _made(w, call)
        with collected() as garbage:
            for _ in range(CALLS):
                await _made(w, call)
        assert _ours(garbage) == []


async def _made(w: Any, call: Call) -> None:
    with suppress(callboard.CallError):
        await call(w.board)
    await w.board.flush()
    await trio.testing.wait_all_tasks_blocked()


def _ours(garbage: list[object]) -> list[str]:
    names = (f"{type(one).__module__}.{type(one).__qualname__}" for one in garbage)
    return sorted({name for name in names if name.startswith("callboard.") and "testing" not in name})
