"""What was sent is paid for, and whoever made the call is told so: in its story, its cost and its bound on money."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio

import callboard
from callboard.messages.base import Tell
from callboard.messages.calls import Operate
from callboard.runtime.mailbox import Lane
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import StorageFull
from callboard.sections import LimitConfig, StoreConfig
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"
SLOW = Behaviour(latency=(8, 8))
LONG = {"max_tokens": 1_000}
"""$0.002 of output."""


class Nonsense(Tell, frozen=True):
    """No actor takes it: it crashes."""


async def test_what_an_operator_cut_counts_against_the_calls_own_bound(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": SLOW, "beta": Behaviour()}) as w, trio.open_nursery() as nursery:

        async def call() -> None:
            with pytest.raises(callboard.CallError):
                await w.board.generate("Why?", model="any", money="0.0021", **LONG)

        nursery.start_soon(call)
        await trio.sleep(1)
        await w.board.operate("alpha", Operate(command="open", now=True))
        await trio.sleep(60)
        assert w["beta"].log == ()


@pytest.mark.parametrize("temperature", [0, 1])
async def test_what_was_sent_when_its_provider_crashed_is_in_the_calls_cost_and_bound(
    autojump_clock: object, world: Opening, temperature: float
) -> None:
    async with world({"alpha": SLOW}) as w, trio.open_nursery() as nursery:
        errors: list[callboard.CallError] = []

        async def call() -> None:
            with pytest.raises(callboard.CallError) as caught:
                await w.board.generate("Why?", model=ALPHA, temperature=temperature, money="0.0021", **LONG)
            errors.append(caught.value)

        nursery.start_soon(call)
        await trio.sleep(1)
        w.board._system.ref("providers/alpha").tell(Nonsense(), lane=Lane.CONTROL)
        await trio.sleep(60)
        [attempt] = [one for one in errors[0].attempts if one.outcome != "skipped"]
        assert (attempt.cost, attempt.estimated) == (w.board.usage().cost, True)
        assert len(w["alpha"].log) == 1


@pytest.mark.parametrize("temperature", [0, 1])
async def test_a_call_that_runs_out_of_time_alone_tells_what_it_pays_for(
    autojump_clock: object, world: Opening, temperature: float
) -> None:
    async with world({"alpha": SLOW}) as w:
        with pytest.raises(callboard.CallError) as caught:
            await w.board.generate("Why?", model=ALPHA, temperature=temperature, timeout=5, **LONG)
        await w.board.flush()
        [attempt] = caught.value.attempts
        assert (attempt.outcome, attempt.cost) == ("cancelled", w.board.usage().cost)
        assert w.board.usage().cost


async def test_a_follower_who_runs_out_of_time_pays_for_nothing(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": SLOW}) as w, trio.open_nursery() as nursery:

        async def lead() -> None:
            await w.board.generate("Why?", model=ALPHA, temperature=0, timeout=100)

        nursery.start_soon(lead)
        await trio.sleep(1)
        with pytest.raises(callboard.CallError) as caught:
            await w.board.generate("Why?", model=ALPHA, temperature=0, timeout=5)
        assert [(one.id, one.cost) for one in caught.value.attempts] == [(None, None)]


async def test_a_request_that_never_left_costs_nothing(autojump_clock: object, world: Opening) -> None:
    """Whoever is first cancels the other in the moment in which that one gets the only place."""
    async with world({"alpha": Behaviour(latency=(1, 1))}, limits=LimitConfig(concurrency=1)) as w:
        async with trio.open_nursery() as nursery:

            async def call(prompt: str) -> None:
                await w.board.generate(prompt, model=ALPHA, **LONG)
                nursery.cancel_scope.cancel()

            nursery.start_soon(call, "Why?")
            nursery.start_soon(call, "How?")
        await w.board.flush()
        [row] = w.board.usage().models
        assert len(w["alpha"].log) == 1
        assert row.estimated == 0


@pytest.mark.parametrize("durability", ["relaxed", "strict"])
async def test_calls_go_on_while_their_records_cannot_be_written(
    autojump_clock: object, world: Opening, monkeypatch: pytest.MonkeyPatch, durability: Any
) -> None:
    commit = Environment.commit

    def full(environment: Environment, *arguments: Any) -> Any:
        if environment.path.name == "ledger":
            raise StorageFull(environment.path, "no space left on device")
        return commit(environment, *arguments)

    async with world({"alpha": Behaviour()}, store=StoreConfig(mode="memory", durability=durability)) as w:
        with monkeypatch.context() as patch:
            patch.setattr(Environment, "commit", full)
            reply = await w.board.generate("Why?", model=ALPHA, timeout=20)
        assert reply.recorded == ("queued" if durability == "relaxed" else "failed")
        await trio.sleep(30)
        await w.board.flush()
        assert w.board.usage().cost == reply.cost
