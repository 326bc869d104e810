"""Models on a machine of one's own, administered over real sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import trio
from tests.facade.ollama_server import LAYER, SIZE, OllamaServer, ollama
from trio.testing import MockClock

import callboard
from callboard.local import LocalModels
from callboard.messages.local_models import PullProgress, RunningModel
from callboard.testing import Behaviour
from callboard.testing.checkpoints import Cut, cancel_everywhere

Opening = Callable[..., AbstractAsyncContextManager[Any]]


@asynccontextmanager
async def machine(world: Opening) -> AsyncIterator[tuple[OllamaServer, LocalModels, Any]]:
    async with (
        ollama() as server,
        world({"alpha": Behaviour()}, shapes={"alpha": ("ollama", "openai")}, base_url=server.url) as w,
    ):
        yield server, w.board.local("alpha"), w


async def test_models_are_listed_shown_and_removed(autojump_clock: MockClock, world: Opening) -> None:
    async with machine(world) as (server, local, _):
        assert [model.ref for model in await local.models()] == ["alpha/llama3.2:latest"]
        assert await local.running() == (RunningModel(id="llama3.2:latest", size=9),)
        shown = await local.show("llama3.2:latest")
        assert (shown.family, shown.capabilities) == ("llama", ("tools",))
        await local.delete("llama3.2:latest")
        assert server.models == set()


async def test_a_download_tells_how_far_it_is_however_long_it_takes(autojump_clock: MockClock, world: Opening) -> None:
    async with machine(world) as (server, local, w):
        server.pace = 9.0  # ten seconds may pass between bytes, and until the first
        async with local.pull("qwen3") as pull:
            told = [progress async for progress in pull]
        assert told[0] == PullProgress(status="pulling manifest")
        assert told[2] == PullProgress(status="pulling", digest=LAYER, completed=SIZE // 4, total=SIZE)
        assert [one.share for one in told] == [None, 0, 0.25, 0.5, 0.75, 1, None]
        assert "qwen3" in server.models
        assert (server.gone, w.in_flight()) == (0, {})


async def test_a_download_is_read_in_its_block_and_entered_once(autojump_clock: MockClock, world: Opening) -> None:
    async with machine(world) as (_, local, _):
        pull = local.pull("qwen3")
        with pytest.raises(RuntimeError, match="before it is entered"):
            await anext(pull)
        async with pull:
            with pytest.raises(RuntimeError, match="entered once"):
                await pull.__aenter__()
        with pytest.raises(RuntimeError, match="was left"):
            await anext(pull)
        assert await local.models()


@pytest.mark.parametrize("silent", [True, False], ids=["before its first byte", "in the middle"])
async def test_leaving_a_download_early_closes_its_connection_at_once(
    autojump_clock: MockClock, world: Opening, silent: bool
) -> None:
    async with machine(world) as (server, local, w):
        server.silent, server.middle = silent, "hang"
        with trio.move_on_after(4):
            async with local.pull("qwen3") as pull:
                async for progress in pull:
                    if progress.share == 0.5:
                        break
        left = trio.current_time()
        while not server.gone:
            await trio.sleep(0.001)
        assert trio.current_time() - left < 0.1
        assert w.in_flight() == {}


@pytest.mark.parametrize(
    ("middle", "kind", "said"),
    [
        ("hang", "timed_out", "no between bytes within 10 s"),
        ("fail", "server", "no space left on device"),
        ("cut", "interrupted", "cut"),
    ],
)
async def test_a_download_that_fails_in_its_middle_tells_what_came_and_then_its_fault(
    autojump_clock: MockClock, world: Opening, middle: str, kind: str, said: str
) -> None:
    async with machine(world) as (server, local, w):
        server.middle = middle
        told = []
        with pytest.raises(callboard.CallError, match=said) as raised:
            async with local.pull("qwen3") as pull:
                async for progress in pull:
                    told.append(progress)
        assert told[-1].share == 0.5
        assert (raised.value.fault.kind, raised.value.fault.provider) == (kind, "alpha")
        assert w.in_flight() == {}


async def test_a_model_that_is_not_there_is_not_found(autojump_clock: MockClock, world: Opening) -> None:
    async with machine(world) as (_, local, w):
        for asked in (local.show, local.delete):
            with pytest.raises(callboard.CallError) as raised:
                await asked("absent")
            assert (raised.value.fault.kind, raised.value.fault.model) == ("not_found", "absent")
        assert w.moves == []


async def test_a_silent_server_is_timed_out_and_its_circuit_hears_nothing(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with machine(world) as (server, local, w):
        server.silent = True
        for _ in range(6):
            with pytest.raises(callboard.CallError) as raised:
                await local.running()
            assert raised.value.fault.kind == "timed_out"
        assert w.moves == []


async def test_what_has_no_models_of_its_own_takes_none_of_it(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        for name in ("alpha", "beta"):
            local = w.board.local(name)
            with pytest.raises(callboard.CallError, match="does not take the administration of models") as raised:
                await local.running()
            assert raised.value.fault.kind == "unsupported"
            assert "[call" not in str(raised.value)  # it is none, and has no id
            with pytest.raises(callboard.CallError):
                async with local.pull("m") as pull:
                    await anext(pull)
            assert w[name].statistics().requests == 0


async def test_names_that_make_no_sense_are_refused_before_anything_is_sent(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with machine(world) as (_, local, w):
        with pytest.raises(callboard.InvalidRequest, match="not configured"):
            w.board.local("absent")
        for asked in (local.show, local.delete):
            with pytest.raises(callboard.InvalidRequest, match="model"):
                await asked(" ")
        with pytest.raises(callboard.InvalidRequest, match="model"):
            local.pull("")


def test_a_download_can_be_cancelled_anywhere(world: Opening) -> None:
    async def scenario(cut: Cut) -> None:
        async with machine(world) as (server, local, w):
            with cut.scope():
                async with local.pull("qwen3") as pull:
                    async for _ in pull:
                        pass
            await trio.sleep(30)
            assert w.in_flight() == {}
            await local.running()
            assert server.url

    assert cancel_everywhere(scenario, at_most=120) >= 8
