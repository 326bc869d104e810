from collections.abc import Callable
from functools import partial
from typing import Any

import trio

import callboard
from callboard.testing import SimulatedProvider

Run = Callable[..., Any]
Configure = Callable[[SimulatedProvider], None]


async def test_an_operator_opens_and_resets_a_circuit_of_a_running_runtime(run: Run, configure: Configure) -> None:
    async def operate(*arguments: str) -> Any:
        return await trio.to_thread.run_sync(partial(run, *arguments))

    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        async with callboard.open("callboard.toml") as board:
            opened = await operate("provider", "alpha", "open", "--now")
            reset = "`callboard provider alpha reset`"
            lasts = f"{reset} ends it, a restart does not"
            assert opened == (0, f"alpha: open, 1 circuits moved, 0 attempts cut; {lasts}\n", "")
            assert f"endpoint forced open, until {reset}" in (await operate("status")).out
            try:
                await board.generate("Why?", model="any")
            except callboard.Unavailable as error:
                assert error.retry_after is None
            assert (await operate("provider", "alpha", "reset")).code == 0
            assert await board.generate("Why?", model="any")


async def test_a_name_that_is_not_configured_is_told(run: Run, configure: Configure) -> None:
    async with SimulatedProvider("alpha") as provider:
        configure(provider)
        async with callboard.open("callboard.toml"):
            finished = await trio.to_thread.run_sync(partial(run, "provider", "beta", "open"))
    assert finished == (1, "", "callboard: no provider is named 'beta'; there are alpha\n")


def test_now_goes_with_open_alone(run: Run) -> None:
    assert run("provider", "alpha", "close", "--now") == (2, "", "callboard: --now goes with open\n")


def test_an_unknown_command_is_refused(run: Run) -> None:
    finished = run("provider", "alpha", "ajar")
    assert (finished.code, finished.out) == (2, "")
    assert "ajar" in finished.err


def test_without_a_runtime_it_says_so(run: Run) -> None:
    finished = run("provider", "alpha", "open")
    assert (finished.code, finished.out) == (1, "")
    assert finished.err.startswith("callboard: no runtime is running on")
