"""What users complain about in other clients' limits, each kept out by a test of its own."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest
import trio

import callboard
from callboard.actors.provider.deadline import Timeouts
from callboard.sections import LimitConfig
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"
PATIENT = Timeouts(permit=300)


async def ask(w: Any, prompt: str = "Why?", **options: Any) -> callboard.Reply | callboard.CallError:
    try:
        reply: callboard.Reply = await w.board.generate(prompt, model=ALPHA, **options)
        return reply
    except callboard.CallError as error:
        return error


def arrivals(w: Any) -> list[float]:
    return [served.started / 1e9 for served in w["alpha"].log]


async def test_663_tokens_on_a_limit_of_100(autojump_clock: object, world: Opening) -> None:
    """Many at once never pass together what one may not, and one that is too large is not let through at all."""
    async with world({"alpha": Behaviour()}, limits=LimitConfig(tokens_per_minute=100), timeouts=PATIENT) as w:
        error = await ask(w, max_tokens=663)
        assert isinstance(error, callboard.CallError)
        assert error.fault.kind is callboard.FaultKind.UNSUPPORTED
        assert "tokens_per_minute = 100" in str(error)
        assert len(w["alpha"].log) == 0

        async with trio.open_nursery() as nursery:
            for number in range(30):
                nursery.start_soon(partial(ask, w, f"Why {number}?", max_tokens=30))
        served = [(one.started / 1e9, one.usage.total) for one in w["alpha"].log]
        assert len(served) == 30
        for start, _ in served:
            assert sum(tokens for at, tokens in served if start <= at < start + 60) <= 100


async def test_reservations_leak(autojump_clock: object, world: Opening) -> None:
    """Whatever becomes of calls, in the end exactly what was used counts."""
    faulty = Behaviour(latency=(1, 1), error_rate=0.3, malformed_rate=0.2, reset_rate=0.2, rate_limit_rate=0.1)
    limits = LimitConfig(tokens_per_minute=100_000, concurrency=5)
    async with world({"alpha": faulty}, limits=limits, timeouts=PATIENT) as w:

        async def cancelled(number: int) -> None:
            with trio.move_on_after(number % 7 * 0.4):
                await ask(w, f"Why {number}?", attempts=1)

        async with trio.open_nursery() as nursery:
            for number in range(60):
                nursery.start_soon(cancelled, number)
        await trio.sleep(10)
        await w.board.flush()
        assert w.in_flight() == {}
        facts = w.board._system.ref("limits/alpha").snapshot.facts()
        assert facts["limits"]["tokens_per_minute"]["used"] == w.board.usage().usage.total


async def test_retry_after_is_ignored(autojump_clock: object, world: Opening) -> None:
    """It holds for everybody who waits and everybody who comes."""
    refusing = Behaviour(rate_limit_rate=1, retry_after=40)
    async with world({"alpha": refusing}, limits=LimitConfig(concurrency=1), timeouts=PATIENT) as w:
        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(ask, w, f"Why {number}?")
            await trio.sleep(1)
            w["alpha"].behaviour = Behaviour()
            nursery.start_soon(ask, w, "And why that?")
        first, *others = arrivals(w)
        assert len(others) == 6
        assert min(others) - first >= 40


async def test_a_second_refusal_shortens_the_wait(autojump_clock: object, world: Opening) -> None:
    """A refusal that comes later and asks for less leaves the wait as it was."""
    long = Behaviour(rate_limit_rate=1, retry_after=40, latency=(1, 1))
    async with world({"alpha": long}, timeouts=PATIENT) as w:

        async def short() -> None:
            w["alpha"].behaviour = Behaviour(rate_limit_rate=1, retry_after=2, latency=(2, 2))
            await ask(w, "Short?", attempts=1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(ask, w, "Long?", attempts=1))
            await trio.sleep(0.5)
            nursery.start_soon(short)
        w["alpha"].behaviour = Behaviour()
        assert trio.current_time() < 5
        assert isinstance(await ask(w, "Now?"), callboard.Reply)
        assert trio.current_time() == pytest.approx(41, abs=1)
