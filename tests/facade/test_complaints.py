"""What users of other clients and gateways complain about, each kept out by a test of its own."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio

import callboard
from callboard.config import parse, resolve
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA, BETA = "alpha/sim-small", "beta/sim-small"
FAILING = Behaviour(error_rate=1, error_statuses=(500,))


def asked(w: Any) -> int:
    """Requests that reached a provider."""
    return sum(len(provider.log) for provider in w.providers.values())


@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_retry_multiplication(autojump_clock: object, world: Opening, attempts: int) -> None:
    """Retries, fallbacks and rounds multiply nowhere: the allowance is the number of requests that go out."""
    async with world({"alpha": FAILING, "beta": FAILING}) as w:
        with pytest.raises(callboard.CallError) as caught:
            await w.board.generate("Why?", model="any", attempts=attempts)
        assert asked(w) == attempts == len(caught.value.attempts)


async def test_fallback_resets_retries(autojump_clock: object, world: Opening) -> None:
    """Going to another model, by a chain or in order, begins no new count."""
    models = {"any": {"candidates": [ALPHA], "on": {"server": [BETA], "overloaded": [ALPHA]}}}
    async with world({"alpha": FAILING, "beta": Behaviour(overload_rate=1)}, models=models) as w:
        with pytest.raises(callboard.CallError):
            await w.board.generate("Why?", model="any", attempts=6)
        assert asked(w) == 6


def test_a_cyclic_fallback_graph() -> None:
    """It is refused before anything starts, and the sentence names the circle."""
    table = {"candidates": ["openai/m"], "on": {"overloaded": ["b"]}}
    config = parse({"providers": {"openai": {}}, "models": {"a": table, "b": ["a"]}}, "file")
    with pytest.raises(callboard.ConfigError, match="a -> b -> a"):
        resolve(config, "file", Path(), {"OPENAI_API_KEY": "k"})


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_client_errors_retried(autojump_clock: object, world: Opening, status: int) -> None:
    """Nobody is asked the same wrong thing twice."""
    wrong = Behaviour(error_rate=1, error_statuses=(status,))
    async with world({"alpha": wrong, "beta": Behaviour()}) as w:
        with pytest.raises(callboard.CallError):
            await w.board.generate("Why?", model="any")
        assert asked(w) == 1


async def test_duplicated_text_after_a_mid_stream_fallback(autojump_clock: object, world: Opening) -> None:
    """What a reader got is never said again by another provider."""
    cut = Behaviour(cut_rate=1, fault_after=(3, 3))
    async with world({"alpha": cut, "beta": Behaviour()}) as w:
        text = ""
        with pytest.raises(callboard.Interrupted):
            async with w.board.stream("Why?", model="any") as stream:
                async for delta in stream:
                    text += delta.text
        assert text
        assert len(w["beta"].log) == 0


async def test_an_in_stream_overloaded_event_logged_as_success(autojump_clock: object, world: Opening) -> None:
    """Good headers make no success: the ledger, the story and the circuit all know of the fault."""
    error = Behaviour(stream_error_rate=1, fault_after=(0, 0))
    async with world({"beta": error, "alpha": Behaviour()}) as w:
        for number in range(5):
            async with w.board.stream(f"Why {number}?", model="any") as stream:
                await stream.collect()
            assert [one.outcome for one in stream.reply.attempts][-1] == "ok"
            assert stream.reply.provider == "alpha"
        [row] = [row for row in w.board.usage().models if row.provider == "beta"]
        assert row.attempts == row.faults > 0
        assert ("beta", "endpoint sim-small", "closed", "open") in w.moves


async def test_slow_first_token(autojump_clock: object, world: Opening) -> None:
    """It has a timeout of its own, whatever trickles in meanwhile, and the next provider takes over."""
    slow = Behaviour(first_token=(1000, 1000))
    async with world({"alpha": slow, "beta": Behaviour()}) as w:
        async with w.board.stream("Why?", model="any") as stream:
            await stream.collect()
        assert trio.current_time() == pytest.approx(10, abs=1)
        fault = stream.reply.attempts[0].fault
        assert fault is not None
        assert (fault.timeout, stream.reply.provider) == ("first token", "beta")


async def test_cooldown_shortened_by_a_second_failure(autojump_clock: object, world: Opening) -> None:
    """A fault that arrives while the circuit is open leaves its next trial where it was."""
    overloaded = Behaviour(overload_rate=1, retry_after=40)
    async with world({"alpha": Behaviour(overload_rate=1, retry_after=1, latency=(3, 3))}) as w:

        async def late() -> None:
            with pytest.raises(callboard.CallError):
                await w.board.generate("Late?", model=ALPHA, attempts=1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(late)
            await trio.sleep(1)
            w["alpha"].behaviour = overloaded
            for _ in range(5):
                with pytest.raises(callboard.CallError):
                    await w.board.generate("Why?", model=ALPHA, attempts=1)
        assert trio.current_time() == pytest.approx(3)
        with pytest.raises(callboard.Unavailable) as caught:
            await w.board.generate("Why?", model=ALPHA)
        assert caught.value.retry_after == pytest.approx(38, abs=0.1)
