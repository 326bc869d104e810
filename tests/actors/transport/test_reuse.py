"""When a connection carries another request, and when not."""

import select
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock

from callboard.actors.transport.body import Body, read_body
from callboard.actors.transport.config import TransportConfig
from callboard.actors.transport.errors import ConnectionLost, Disconnected
from callboard.actors.transport.transport import Transport

Serve = Callable[..., Awaitable[Any]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


async def call(transport: Transport, request: httpx.Request) -> bytes:
    return await read_body(await transport.handle_async_request(request))


@pytest.mark.parametrize("polls", [True, False])
async def test_one_connection_carries_request_after_request(
    hello: Any, polls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not polls:
        monkeypatch.delattr(select, "poll")
    async with Transport() as transport:
        for _ in range(5):
            assert await call(transport, hello.request()) == b"hello"
        assert hello.connections == 1
        assert transport.statistics() == (0, 1, 0, 1, 4, 0)


async def test_a_body_read_to_its_end_frees_its_connection_before_it_is_closed(hello: Any) -> None:
    async with Transport() as transport:
        response = await transport.handle_async_request(hello.request())
        assert await response.aread() == b"hello"
        assert transport.statistics().idle == 1
        await response.aclose()
        assert transport.statistics().idle == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloand more",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: timeout=1\r\n\r\nhello",
    ],
)
async def test_a_connection_that_is_spoken_for_or_spoilt_is_not_reused(serve: Serve, reply: bytes) -> None:
    async def handler(peer: Any) -> None:
        while await peer.request():
            await peer.send(reply)

    server = await serve(handler)
    async with Transport() as transport:
        for _ in range(3):
            assert await call(transport, server.request()) == b"hello"
        assert server.connections == 3
        assert transport.statistics().reused == 0


async def test_a_body_that_ends_with_the_connection_is_whole(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await peer.send(b"lo")

    server = await serve(handler)
    async with Transport() as transport:
        assert [await call(transport, server.request()) for _ in range(2)] == [b"hello"] * 2
        assert server.connections == 2


async def test_a_connection_whose_body_was_left_is_closed(serve: Serve) -> None:
    closed = trio.Event()

    async def handler(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello")
        await peer.gone()
        closed.set()

    server = await serve(handler)
    async with Transport() as transport:
        response = await transport.handle_async_request(server.request())
        assert isinstance(response.stream, Body)
        assert await anext(response.stream) == b"hello"
        await response.aclose()
        assert transport.statistics()[:2] == (0, 0)
        await closed.wait()


async def test_a_stream_left_after_its_last_word_keeps_its_connection_if_its_end_has_arrived(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        while await peer.request():
            await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n[DONE]\r\n")
            await peer.request_seen.wait()
            await peer.send(b"0\r\n\r\n")
            ended.set()

    seen, ended = trio.Event(), trio.Event()

    async def prepared(peer: Any) -> None:
        peer.request_seen = seen
        await handler(peer)

    server = await serve(prepared)
    async with Transport() as transport:
        response = await transport.handle_async_request(server.request())
        assert isinstance(response.stream, Body)
        assert await anext(response.stream) == b"[DONE]"
        seen.set()
        await ended.wait()
        await response.aclose()
        assert transport.statistics()[:2] == (0, 1)


async def test_an_idle_connection_expires(hello: Any, autojump_clock: MockClock) -> None:
    async with Transport(TransportConfig(keep_alive=10)) as transport:
        await call(transport, hello.request())
        await trio.sleep(9)
        await call(transport, hello.request())
        assert hello.connections == 1
        await trio.sleep(11)
        transport.sweep()
        assert transport.statistics().idle == 0
        await call(transport, hello.request())
        assert hello.connections == 2


async def test_the_servers_keep_alive_header_is_heeded(serve: Serve, autojump_clock: MockClock) -> None:
    async def handler(peer: Any) -> None:
        while await peer.request():
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=5\r\n\r\n")

    server = await serve(handler)
    async with Transport() as transport:
        await call(transport, server.request())
        await trio.sleep(3.9)
        await call(transport, server.request())
        await trio.sleep(4.1)
        await call(transport, server.request())
        assert server.connections == 2


@pytest.mark.parametrize("polls", [True, False])
@pytest.mark.parametrize(
    "farewell", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", b"x", b"reset"]
)
async def test_a_connection_that_spoke_or_closed_while_idle_is_replaced_unused(
    serve: Serve, farewell: bytes, polls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not polls:
        monkeypatch.delattr(select, "poll")

    async def handler(peer: Any) -> None:
        await peer.request()
        await peer.send(OK)
        await idle.wait()
        if farewell == b"reset":
            peer.reset()
        elif farewell:
            await peer.send(farewell)

    idle = trio.Event()
    server = await serve(handler)
    async with Transport() as transport:
        await call(transport, server.request())
        idle.set()
        await trio.testing.wait_all_tasks_blocked()
        assert await call(transport, server.request()) == b"hello"
        assert server.connections == 2
        assert transport.statistics().retried == 0


def stale(respond: bytes = b"", *, reset: bool = False) -> Callable[[Any], Awaitable[None]]:
    """Answers a connection's first request; meets its second with `respond`, and then closes."""

    async def handler(peer: Any) -> None:
        await peer.request()
        await peer.send(OK)
        if await peer.request():
            if respond:
                await peer.send(respond)
            if reset:
                peer.reset()

    return handler


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize(("method", "headers"), [("GET", {}), ("PUT", {}), ("POST", {"Idempotency-Key": "k-1"})])
async def test_a_stale_connection_is_replaced_once_where_that_is_safe(
    serve: Serve, method: str, headers: dict[str, str], reset: bool
) -> None:
    server = await serve(stale(reset=reset))
    async with Transport() as transport:
        await call(transport, server.request())
        assert await call(transport, server.request(method, headers=headers)) == b"hello"
        assert server.connections == 2
        assert transport.statistics().retried == 1


@pytest.mark.parametrize("reset", [True, False])
async def test_a_request_that_may_have_been_acted_on_is_not_sent_again(serve: Serve, reset: bool) -> None:
    server = await serve(stale(reset=reset))
    async with Transport() as transport:
        await call(transport, server.request())
        with pytest.raises(ConnectionLost if reset else Disconnected):
            await transport.handle_async_request(server.request("POST"))
        assert server.connections == 1
        assert transport.statistics() == (0, 0, 0, 1, 1, 0)


async def test_a_request_is_not_sent_again_once_a_byte_of_the_reply_has_come(serve: Serve) -> None:
    server = await serve(stale(b"H"))
    async with Transport() as transport:
        await call(transport, server.request())
        with pytest.raises(Disconnected, match="before its reply was whole"):
            await transport.handle_async_request(server.request("GET"))
        assert server.connections == 1


async def test_a_fresh_connection_that_fails_is_not_tried_again(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        await peer.request()

    server = await serve(handler)
    async with Transport() as transport:
        with pytest.raises(Disconnected, match="without a reply"):
            await transport.handle_async_request(server.request("GET"))
        assert server.connections == 1


async def test_a_retry_is_retried_no_further(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        if peer.number == 1:
            await stale()(peer)
        else:
            await peer.request()

    server = await serve(handler)
    async with Transport() as transport:
        await call(transport, server.request())
        with pytest.raises(Disconnected):
            await transport.handle_async_request(server.request("GET"))
        assert server.connections == 2


async def test_no_more_connections_than_allowed_and_the_rest_wait_their_turn(serve: Serve) -> None:
    now, most = 0, 0

    async def handler(peer: Any) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        while await peer.request():
            await trio.sleep(0.001)
            await peer.send(OK)
        now -= 1

    server = await serve(handler)
    async with Transport(TransportConfig(max_connections=3)) as transport:
        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(call, transport, server.request())
        assert (server.connections, most) == (3, 3)
        assert transport.statistics()[:3] == (0, 3, 0)


async def test_no_more_connections_idle_than_allowed(hello: Any) -> None:
    async with Transport(TransportConfig(max_idle=2)) as transport:
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(call, transport, hello.request())
        assert transport.statistics()[:2] == (0, 2)


async def test_warmed_up_connections_are_there_for_the_first_requests(hello: Any) -> None:
    async with Transport(TransportConfig(max_connections=4)) as transport:
        assert await transport.warm_up(hello.url, 3) == 3
        assert transport.statistics() == (0, 3, 0, 3, 0, 0)
        await call(transport, hello.request())
        await trio.testing.wait_all_tasks_blocked()
        assert (hello.connections, transport.statistics().reused) == (3, 1)
        assert await transport.warm_up(hello.url, 9) == 1
        assert transport.statistics().idle == 4


async def test_warming_up_says_why_nothing_could_be_opened() -> None:
    async with Transport() as transport:
        with pytest.raises(httpx.ConnectError):
            await transport.warm_up("http://127.0.0.1:1", 2)
        assert transport.statistics()[:3] == (0, 0, 0)
