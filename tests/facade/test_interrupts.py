"""Ctrl-C waits until no actor is at work: it is raised in the caller's own code, or where that waits."""

import random
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import trio
from tests.facade.conftest import MODEL
from tests.interruptible import interruptible
from trio.testing import MockClock

from callboard.actors.budgets.spec import BudgetSpec
from callboard.runtime.leaf import interrupted
from callboard.sections import StoreConfig
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
Use = Callable[[Any], Awaitable[None]]
HARMLESS = {
    "callboard.actors.orchestrator.checks.names.hooks",
    "callboard.runtime.clock.Clock._asked",
    "callboard.runtime.clock.Clock.now",
    "callboard.runtime.clock.ns",
    "callboard.runtime.ref.Ref.__init__",
    "callboard.runtime.ref.Ref.snapshot",
    "callboard.runtime.stream.Stream.__init__",
    "callboard.runtime.system.System.ref",
}
"""They read something, or make what nobody else has yet."""


async def plain(w: Any) -> None:
    for prompt in ("hello", "hello"):
        await w.board.generate(prompt, model="any", cache="use", user="ann")


async def embedding(w: Any) -> None:
    await w.board.embed(["one", "two"], model=f"alpha/{MODEL}", cache="use")


async def shared(w: Any) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(lambda: w.board.generate("hello", model="any", cache="use"))


async def streams(w: Any) -> None:
    async with w.board.stream("hello", model="any") as stream:
        await stream.collect()
    async with w.board.stream("hello", model="any") as stream:
        async for _ in stream:
            break


async def failures(w: Any) -> None:
    w["alpha"].upcoming += [Behaviour(error_rate=1, error_statuses=(503,))] * 6
    for _ in range(6):
        await w.board.generate("hello", model="any")
    with trio.move_on_after(0.05):
        await w.board.generate("hello", model="any")


async def hedges(w: Any) -> None:
    for number in range(20):
        await w.board.generate(f"Why {number}?", model="any", hedge=True)
    w["alpha"].upcoming.append(Behaviour(latency=(30, 30)))
    await w.board.generate("Why?", model="any", hedge=True)


async def orders(w: Any) -> None:
    await w.board.models()
    await w.board.check()
    await w.board.operate("alpha", "open")
    await w.board.operate("alpha", "close")
    await w.board.reset_budget("all")
    await w.board.forget(model=f"alpha/{MODEL}")
    await w.board.delete(user="ann")
    await w.board.flush()


async def reports(w: Any) -> None:
    await plain(w)
    w.board.usage(), w.board.health(), w.board.status()


USES = [plain, embedding, shared, streams, failures, hedges, orders]
QUICK = dict.fromkeys(("alpha", "beta"), Behaviour(latency=(0.1, 0.1), between_tokens=(0.01, 0.01)))
BUDGET = {"all": BudgetSpec(limit=Decimal(100), per="day")}


@pytest.mark.parametrize("use", USES)
async def test_no_step_of_an_actor_is_interrupted(world: Opening, use: Use, autojump_clock: MockClock) -> None:
    async with world(QUICK, budgets=BUDGET) as w:
        with interruptible() as found:
            await use(w)
    assert found <= HARMLESS


class Pressed:
    """Presses Ctrl-C as the `left`th function of ours begins, and goes on counting."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_globals.get("__name__", "").startswith("callboard."):
            self.left -= 1
            if self.left == 0:
                signal.raise_signal(signal.SIGINT)


async def used(world: Opening, use: Use, folder: Path, pressed: Pressed) -> None:
    with trio.fail_after(1000):
        async with world(QUICK, budgets=BUDGET, store=StoreConfig(path=str(folder))) as w:
            sys.setprofile(pressed)
            try:
                await use(w)
            finally:
                sys.setprofile(None)


@pytest.mark.parametrize("use", [*USES, reports])
def test_ctrl_c_ends_the_run_whenever_it_comes(world: Opening, use: Use, tmp_path: Path, heeding: None) -> None:
    def run(folder: str, left: int) -> Pressed:
        pressed = Pressed(left)
        trio.run(used, world, use, tmp_path / folder, pressed, clock=MockClock(autojump_threshold=0))
        return pressed

    steps = -run("whole", 0).left
    for moment in random.Random(1).sample(range(1, steps * 9 // 10), 12):
        with pytest.raises(BaseException) as caught:
            run("cut", moment)
        assert interrupted(caught.value), moment
    run("cut", 0)
