"""A provider whose refusal never comes to its end, or cannot be read."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Literal

import pytest
import trio
from trio.testing import MockClock

import callboard
from callboard.actors.provider.deadline import Timeouts
from callboard.actors.transport.config import TransportConfig
from callboard.sections import ProviderConfig
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
HEAD = b"HTTP/1.1 503 Busy\r\nContent-Length: 100000\r\n\r\n"


async def trickling(stream: trio.SocketStream) -> None:
    """A byte now and then, for ever."""
    await stream.receive_some()
    await stream.send_all(HEAD)
    try:
        while True:
            await trio.sleep(4)
            await stream.send_all(b" ")
    except trio.BrokenResourceError:
        return


async def test_a_refusal_that_trickles_is_told_by_its_status_before_long(
    autojump_clock: MockClock, world: Opening
) -> None:
    """Not when the call's time has run out, which leaves none for anybody else."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, trickling, 0, host="127.0.0.1"))
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/v1"
        async with world({"alpha": Behaviour()}, base_url=url, timeouts=Timeouts(between_bytes=10)) as w:
            started = trio.current_time()
            with pytest.raises(callboard.CallError) as caught:
                await w.board.generate("Why?", model="alpha/sim-small", attempts=1)
            assert (caught.value.fault.kind, caught.value.fault.status) == ("overloaded", 503)
            assert trio.current_time() - started < 11
            assert w.in_flight() == {}
        nursery.cancel_scope.cancel()


# httpcore leaves its generators to the garbage collector when a body is not read to its end
@pytest.mark.filterwarnings("ignore:.*async_generator object:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: 300", b'{"error":{"message":"no"}}'),
        (b"Transfer-Encoding: chunked", b'1a\r\n{"error":{"message":"no"}}\r\n'),
        (b"Content-Length: 5\r\nContent-Encoding: gzip", b"plain"),
        (b"Content-Length: 5\r\nContent-Encoding: pigeon", b"plain"),
        (b"Content-Length: 300", None),
    ],
    ids=["cut", "cut chunk", "not gzip", "unknown coding", "stalled"],
)
@pytest.mark.parametrize("engine", ["callboard", "httpx"])
async def test_a_refusal_whose_body_cannot_be_read_is_told_by_its_status_and_heeded(
    autojump_clock: MockClock, world: Opening, engine: Literal["callboard", "httpx"], framing: bytes, body: bytes | None
) -> None:
    async def refusing(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 429 Busy\r\nRetry-After: 20\r\n" + framing + b"\r\n\r\n" + (body or b""))
        if body is None:
            await trio.sleep(1000)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, refusing, 0, host="127.0.0.1"))
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/v1"
        alpha = ProviderConfig(wire="openai", base_url=url, transport=TransportConfig(engine=engine))
        async with world({"alpha": Behaviour()}, providers={"alpha": alpha}) as w:
            with pytest.raises(callboard.CallError) as caught:
                await w.board.generate("Why?", model="alpha/sim-small", attempts=1)
            fault = caught.value.fault
            assert (fault.kind, fault.status, fault.retry_after) == ("rate_limited", 429, 20)
            assert w.board.usage().cost == 0
            assert (w.board.health()[0].state, w.in_flight()) == ("limited", {})
            checked = (await w.board.check())["alpha"]
            assert checked is not None
            assert (checked.kind, checked.status) == ("rate_limited", 429)
        nursery.cancel_scope.cancel()
