"""A provider that points elsewhere."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import callboard
from callboard.actors.transport.config import TransportConfig
from callboard.sections import ProviderConfig
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
MOVED = b"HTTP/1.1 307 Moved\r\nLocation: https://elsewhere.example/v1\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("engine", ["callboard", "httpx"])
async def test_a_redirect_is_charged_nothing_and_the_same_candidate_is_not_asked_again(
    autojump_clock: MockClock, world: Opening, engine: Any
) -> None:
    requests: list[bytes] = []

    async def moved(stream: trio.SocketStream) -> None:
        requests.append(await stream.receive_some())
        await stream.send_all(MOVED)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, moved, 0, host="127.0.0.1"))
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/v1"
        alpha = ProviderConfig(wire="openai", base_url=url, transport=TransportConfig(engine=engine))
        async with world({"alpha": Behaviour()}, providers={"alpha": alpha}) as w:
            with pytest.raises(callboard.CallError, match=r"HTTP 307.*base_url"):
                await w.board.generate("Why?", model="alpha/sim-small")
            assert len(requests) == 1
            assert [(row.attempts, row.usage.total, row.cost) for row in w.board.usage().models] == [(1, 0, 0)]
        nursery.cancel_scope.cancel()
