"""A board belongs to the Trio run that opened it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio

from callboard.messages.calls import Operate

Opening = Callable[..., AbstractAsyncContextManager[Any]]
Entry = Callable[[Any], Awaitable[object]]
ALPHA = "alpha/sim-small"


async def stream(board: Any) -> None:
    async with board.stream("Why?", model=ALPHA) as pieces:
        await pieces.collect()


async def pull(board: Any) -> None:
    async with board.local("alpha").pull("llama"):
        pass


ENTRIES: dict[str, Entry] = {
    "generate": lambda board: board.generate("Why?", model=ALPHA),
    "stream": stream,
    "embed": lambda board: board.embed("Why?", model=ALPHA),
    "rerank": lambda board: board.rerank("Why?", ["So."], model=ALPHA),
    "draw": lambda board: board.draw("A cat.", model=ALPHA),
    "models": lambda board: board.models(),
    "check": lambda board: board.check(),
    "flush": lambda board: board.flush(),
    "forget": lambda board: board.forget(),
    "delete": lambda board: board.delete(user="ann"),
    "reset_budget": lambda board: board.reset_budget("all"),
    "operate": lambda board: board.operate("alpha", Operate(command="close")),
    "local": lambda board: board.local("alpha").models(),
    "pull": pull,
}


def in_a_thread(run: Callable[[Callable[[], Awaitable[object]]], object], work: Callable[[], Awaitable[object]]) -> str:
    """What it raises there. The board's own run waits meanwhile: nothing of it may be needed for the answer."""
    said = ["nothing was raised"]

    def whole() -> None:
        try:
            run(work)
        except BaseException as error:
            said[0] = f"{type(error).__name__}: {error}"

    thread = threading.Thread(target=whole, daemon=True)
    thread.start()
    thread.join(5)
    return said[0]


@pytest.mark.parametrize("entry", ENTRIES)
async def test_another_trio_run_is_told_whose_the_board_is_and_harms_nothing(
    autojump_clock: object, world: Opening, entry: str
) -> None:
    async with world() as w:
        said = in_a_thread(trio.run, lambda: ENTRIES[entry](w.board))
        assert said.startswith("RuntimeError: the board belongs to the Trio run that opened it")
        assert "trio.from_thread.run" in said
        assert (await w.board.generate("Why?", model=ALPHA)).text


@pytest.mark.parametrize("entry", ENTRIES)
async def test_asyncio_is_told_how_it_can_have_a_board(autojump_clock: object, world: Opening, entry: str) -> None:
    async with world() as w:
        said = in_a_thread(lambda work: asyncio.run(_awaited(work)), lambda: ENTRIES[entry](w.board))
        assert said.startswith("RuntimeError: a board is called from Trio tasks")
        assert "start_guest_run" in said


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_task_of_asyncios_is_told_the_same_where_trio_is_its_guest(world: Opening, entry: str) -> None:
    said = asyncio.run(_beside_a_guest(world, ENTRIES[entry]))
    assert said.startswith("RuntimeError: a board is called from Trio tasks")
    assert "only Trio's tasks call it" in said


async def _beside_a_guest(world: Opening, work: Entry) -> str:
    """What it raises in asyncio's own task. The board answers a task of Trio's afterwards."""
    loop = asyncio.get_running_loop()
    board, ended = loop.create_future(), loop.create_future()
    asked = trio.Event()

    async def guest() -> str:
        async with world() as w:
            board.set_result(w.board)
            await asked.wait()
            return str((await w.board.generate("Why?", model=ALPHA)).text)

    trio.lowlevel.start_guest_run(
        guest, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=ended.set_result
    )
    said = "nothing was raised"
    try:
        await work(await board)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    asked.set()
    assert (await ended).unwrap()
    return said


async def _awaited(work: Callable[[], Awaitable[object]]) -> None:
    await work()


async def test_another_thread_may_call_by_way_of_the_boards_own_run(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        token = trio.lowlevel.current_trio_token()

        async def ask() -> str:
            return str((await w.board.generate("Why?", model=ALPHA)).text)

        def call() -> str:
            return trio.from_thread.run(ask, trio_token=token)

        assert await trio.to_thread.run_sync(call)
