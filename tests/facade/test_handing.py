"""A bug in the orchestrator ends the call that met it, as a call ends: with its own error, and in the ledger."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

import callboard
from callboard.messages.calls import Operate
from callboard.runtime.errors import HandlerFailed

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"


def broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError("what was said")


async def plain(board: callboard.Board) -> None:
    await board.generate("Why?", model=ALPHA)


async def streamed(board: callboard.Board) -> None:
    async with board.stream("Why?", model=ALPHA) as stream:
        await stream.collect()


@pytest.mark.parametrize("way", [plain, streamed])
async def test_a_bug_in_a_calls_handler_is_a_fault_of_that_call(
    autojump_clock: object, world: Opening, monkeypatch: pytest.MonkeyPatch, way: Callable[..., Awaitable[None]]
) -> None:
    async with world() as w:
        with monkeypatch.context() as patch:
            patch.setattr("callboard.actors.orchestrator.pursuit.Course", broken)
            with pytest.raises(callboard.CallError, match="a handler failed with ZeroDivisionError") as caught:
                await way(w.board)
        assert caught.value.fault.kind is callboard.FaultKind.INTERNAL
        assert isinstance(caught.value.__cause__, HandlerFailed)
        assert "said" not in f"{caught.value} {caught.value.__cause__}"
        assert [(row.calls, row.faults) for row in w.board.usage().calls] == [(1, 1)]
        await way(w.board)


async def test_a_bug_in_making_a_request_leaves_nothing_underway_at_the_provider(
    autojump_clock: object, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world() as w:
        with monkeypatch.context() as patch:
            patch.setattr("callboard.actors.provider.attempt.encode", broken)
            with pytest.raises(callboard.CallError, match="ZeroDivisionError"):
                await w.board.generate("Why?", model=ALPHA, attempts=1)
        assert "0 attempts cut" in await w.board.operate("alpha", Operate(command="open", now=True))
        await w.board.operate("alpha", "reset")
        await plain(w.board)


async def test_a_stream_that_had_begun_is_interrupted_by_a_bug(
    autojump_clock: object, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world() as w:
        monkeypatch.setattr("callboard.actors.orchestrator.story.Story.reply", broken)
        with pytest.raises(callboard.Interrupted, match="a handler failed with ZeroDivisionError"):
            await streamed(w.board)
        assert [row.calls for row in w.board.usage().calls] == [1]
