from collections.abc import Callable
from functools import partial
from typing import Any

import trio

import callboard
from callboard.testing import SimulatedProvider

Run = Callable[..., Any]
Configure = Callable[[SimulatedProvider], None]


async def test_an_operator_clears_the_cache_of_a_running_runtime(run: Run, configure: Configure) -> None:
    async def clear(*arguments: str) -> Any:
        return await trio.to_thread.run_sync(partial(run, "cache", "clear", *arguments))

    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        async with callboard.open("callboard.toml") as board:
            for tag in ("x", "y", "y"):
                await board.generate(f"Why {tag}?", model="any", temperature=0, tag=tag)
            finished = await clear("--model", "any")
            assert (finished.code, finished.out) == (1, "")
            assert "'any' is an alias; name its models one by one: alpha/sim-small" in finished.err
            assert await clear("--tag", "z") == (0, "0 kept replies forgotten\n", "")
            assert await clear("--older-than", "3600") == (0, "0 kept replies forgotten\n", "")
            assert await clear("--tag", "x") == (0, "1 kept replies forgotten\n", "")
            assert await clear() == (0, "1 kept replies forgotten\n", "")
            assert not (await board.generate("Why y?", model="any", temperature=0)).cached


def test_without_a_runtime_it_says_so(run: Run) -> None:
    finished = run("cache", "clear")
    assert (finished.code, finished.out) == (1, "")
    assert finished.err.startswith("callboard: no runtime is running on")
