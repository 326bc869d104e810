"""A server that writes what was said to it in the place of its model's name."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio

import callboard
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
WORDS = "You asked: why?"
SAID = {"id": "1", "model": WORDS, "choices": [{"index": 0, "message": {"content": "So."}, "finish_reason": "stop"}]}
PIECE = {"id": "1", "model": WORDS, "choices": [{"index": 0, "delta": {"content": "So."}}]}
PLAIN = json.dumps(SAID).encode()
CUT = f"data: {json.dumps(PIECE)}\n\n".encode()


@asynccontextmanager
async def served(world: Opening, body: bytes) -> AsyncIterator[Any]:
    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/v1"
        async with world({"alpha": Behaviour()}, base_url=url) as w:
            yield w
        nursery.cancel_scope.cancel()


async def test_it_is_not_in_a_reply_that_is_kept(autojump_clock: object, world: Opening) -> None:
    async with served(world, PLAIN) as w:
        for cached in (False, True):
            reply = await w.board.generate("why?", model="alpha/sim-small", cache="use")
            assert (reply.cached, reply.model) == (cached, "sim-small")


async def test_it_is_not_in_what_is_left_of_a_stream(autojump_clock: object, world: Opening) -> None:
    async with served(world, CUT) as w:
        with pytest.raises(callboard.Interrupted) as caught:
            async with w.board.stream("why?", model="alpha/sim-small", attempts=1) as stream:
                async for _ in stream:
                    pass
        assert caught.value.partial is not None
        assert (caught.value.partial.text, caught.value.partial.model) == ("So.", None)
