"""Ctrl-C waits until no actor is at work: it is raised in the caller's own code, or where that waits."""

import contextlib
import inspect
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pytest
import trio
from tests.facade.conftest import MODEL, open_world
from tests.facade.test_cancellation import deaf_listener
from tests.interruptible import interruptible
from trio.testing import MockClock, wait_all_tasks_blocked

import callboard
from callboard.actors.budgets.spec import BudgetSpec
from callboard.actors.orchestrator.story import Story
from callboard.messages.accounting import AttemptSettled, CallEnded, LedgerEntry
from callboard.runtime.leaf import interrupted
from callboard.sections import StoreConfig
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
Use = Callable[[Any], Awaitable[None]]
ALPHA = f"alpha/{MODEL}"
FAST, SLOW = Behaviour(latency=(0.1, 0.1)), Behaviour(latency=(30, 30))
LEDGER = msgspec.msgpack.Decoder(LedgerEntry)
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
    async with w.board.local("alpha").pull("m") as pull:
        with pytest.raises(callboard.CallError):
            async for _ in pull:
                pass


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


GO_ON = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


class Pressed:
    """Presses Ctrl-C as the `left`th function of ours begins, and goes on counting.

    Coroutines do not count: what is raised here as one goes on leaves it past its handlers, as no signal does.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        ours = frame.f_globals.get("__name__", "").startswith("callboard.")
        if event == "call" and ours and not frame.f_code.co_flags & GO_ON:
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


@trio.lowlevel.enable_ki_protection
def press() -> None:
    """Ctrl-C while an actor is at work."""
    signal.raise_signal(signal.SIGINT)


async def pressed_after(seconds: float) -> None:
    await trio.sleep(seconds)
    press()


def run(folder: Path, main: Callable[[Any], Awaitable[None]], behaviour: Behaviour = FAST, **tables: Any) -> list[Any]:
    """Run it on a board until it ends or is interrupted; the journal it leaves behind, in order."""

    async def whole(use: Callable[[Any], Awaitable[None]]) -> None:
        async with open_world({"alpha": behaviour}, store=StoreConfig(path=str(folder)), **tables) as w:
            await use(w)

    async def look(w: Any) -> None:
        records = w.board._system.ref("store").snapshot.ledger.all("journal")
        found.extend(LEDGER.decode(record) for _, record in records)

    found: list[Any] = []
    with contextlib.suppress(KeyboardInterrupt):
        trio.run(whole, main, clock=MockClock(autojump_threshold=0.01))
    trio.run(whole, look, clock=MockClock(autojump_threshold=0.01))
    return found


def test_ctrl_c_as_the_block_ends_keeps_what_was_answered(
    tmp_path: Path, heeding: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = Story.reply

    def late(self: Story, *args: Any, **more: Any) -> Any:
        press()
        return reply(self, *args, **more)

    async def two(w: Any) -> None:
        await w.board.generate("one", model=ALPHA)
        monkeypatch.setattr(Story, "reply", late)
        await w.board.generate("two", model=ALPHA)
        monkeypatch.setattr(Story, "reply", reply)

    found = run(tmp_path / "store", two)
    assert [entry.outcome for entry in found if isinstance(entry, CallEnded | AttemptSettled)] == ["ok"] * 4


@pytest.mark.parametrize("moment", ["awaited", "connecting", "queued"])
def test_ctrl_c_leaves_the_books_that_a_cancellation_leaves(
    moment: str, tmp_path: Path, heeding: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables: dict[str, Any] = {}
    if moment == "queued":
        monkeypatch.setattr("callboard.spec.CALLS", 1)

    def journal(*, cancelled: bool) -> list[Any]:
        async def one(w: Any) -> None:
            async with trio.open_nursery() as nursery:
                if moment == "queued":
                    nursery.start_soon(lambda: w.board.generate("first", model=ALPHA))
                    await wait_all_tasks_blocked()
                if not cancelled:
                    trio.lowlevel.spawn_system_task(pressed_after, 1)
                with trio.move_on_after(1 if cancelled else 100), contextlib.suppress(KeyboardInterrupt):
                    await w.board.generate("second", model=ALPHA, tag="mine")
                nursery.cancel_scope.cancel()

        found = run(tmp_path / str(cancelled), one, SLOW, **tables)
        return [
            (type(entry), entry.outcome, entry.cost, entry.usage, getattr(entry, "sent", None))
            for entry in found
            if isinstance(entry, CallEnded | AttemptSettled) and entry.tag == "mine"
        ]

    with deaf_listener() if moment == "connecting" else contextlib.nullcontext() as port:
        if port is not None:
            tables["base_url"] = f"http://127.0.0.1:{port}/v1"
        told = journal(cancelled=False)
        assert told == journal(cancelled=True)
    assert told[-1][0] is CallEnded


def test_a_check_that_does_not_end_is_interrupted(tmp_path: Path, heeding: None) -> None:
    def endless(_: Any) -> str | None:
        signal.raise_signal(signal.SIGINT)
        ended.append("the check")
        return None

    async def checked(w: Any) -> None:
        await w.board.generate("one", model=ALPHA, checks=[endless])

    ended: list[str] = []
    run(tmp_path / "store", checked)
    assert ended == []


async def listing(w: Any) -> None:
    trio.lowlevel.spawn_system_task(pressed_after, 5)
    await w.board.models()


async def racing(w: Any) -> None:
    for number in range(20):
        await w.board.generate(f"Why {number}?", model="any", hedge=True)
    w["alpha"].behaviour = w["beta"].behaviour = SLOW
    trio.lowlevel.spawn_system_task(pressed_after, 5)
    await w.board.generate("Why?", model="any", hedge=True)


@pytest.mark.parametrize(("use", "behaviour"), [(listing, SLOW), (racing, FAST)])
def test_ctrl_c_comes_alone(use: Use, behaviour: Behaviour, heeding: None) -> None:
    async def main() -> None:
        async with open_world(dict.fromkeys(("alpha", "beta"), behaviour)) as w:
            with pytest.raises(KeyboardInterrupt):
                await use(w)

    trio.run(main, clock=MockClock(autojump_threshold=0.01))
