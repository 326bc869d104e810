"""Ten thousand mixed calls: memory and descriptors stay where they are."""

import contextlib
import gc
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import trio

import callboard
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
CALLS = 10_000
WARM = 2_000
AT_ONCE = 50
BLOCKS_A_CALL = 0.5


async def test_memory_and_descriptors_do_not_grow_with_the_calls(autojump_clock: object, world: Opening) -> None:
    behaviours = {
        "alpha": Behaviour(
            error_rate=0.03, reset_rate=0.02, cut_rate=0.05, malformed_rate=0.01, between_tokens=(0.01, 0.05)
        ),
        "beta": Behaviour(error_rate=0.02, latency=(0.01, 0.2)),
    }
    async with world(behaviours) as w:
        await _calls(w, 0, WARM)
        await _fill_pools(w)
        before, descriptors = _blocks(), _descriptors()
        await _calls(w, WARM, CALLS)
        await _fill_pools(w)
        grown = _blocks() - before
        assert grown < BLOCKS_A_CALL * (CALLS - WARM), f"{grown / (CALLS - WARM):.2f} objects a call"
        assert _descriptors() <= descriptors + 5
        await w.board.flush()
        [row] = w.board.usage().calls
        assert row.calls == row.ok + row.faults + row.interrupted + row.cancelled
        assert row.calls > 0.9 * CALLS
        assert min(row.ok, row.interrupted, row.cancelled) > 0
        assert w.in_flight() == {}


async def _calls(w: Any, first: int, last: int) -> None:
    numbers = iter(range(first, last))

    async def worker() -> None:
        for number in numbers:
            await _call(w, number)

    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(worker)
    for provider in w.providers.values():
        provider.forget_log()


async def _call(w: Any, number: int) -> None:
    prompt = f"Why {number % 700}?"
    try:
        if number % 3 == 0:
            async with w.board.stream(prompt, model="any") as stream:
                async for _ in stream:
                    if number % 9 == 0:
                        break
        elif number % 10 == 1:
            with trio.move_on_after(0.02):
                await w.board.generate(prompt, model="beta/sim-small")
        else:
            await w.board.generate(prompt, model="any", temperature=0 if number % 4 == 2 else 1, timeout=60)
    except callboard.CallError:
        return


async def _fill_pools(w: Any) -> None:
    """Bring every provider to the same number of kept connections, so that what is compared is comparable."""
    behaviours = {name: provider.behaviour for name, provider in w.providers.items()}
    async with trio.open_nursery() as nursery:
        for name, provider in w.providers.items():
            provider.behaviour = Behaviour(latency=(1, 1))
            for _ in range(AT_ONCE):
                nursery.start_soon(_plain, w, f"{name}/sim-small")
    await w.board.flush()
    for name, provider in w.providers.items():
        provider.behaviour = behaviours[name]
        provider.forget_log()


async def _plain(w: Any, model: str) -> None:
    with contextlib.suppress(callboard.CallError):
        await w.board.generate("Why?", model=model)


def _blocks() -> int:
    """Objects that the interpreter has memory for; most are of 50 to 100 bytes."""
    gc.collect()
    return sys.getallocatedblocks()


def _descriptors() -> int:
    descriptors = Path("/proc/self/fd")
    return sum(1 for _ in descriptors.iterdir()) if descriptors.exists() else 0
