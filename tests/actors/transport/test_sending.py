"""Large and drawn bodies, early replies, and readers that are slower than the server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock

from callboard.actors.transport.body import Body, read_body
from callboard.actors.transport.errors import ConnectionLost, Disconnected
from callboard.actors.transport.transport import Transport

Serve = Callable[..., Awaitable[Any]]
BIG = bytes(range(256)) * 80_000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize("secure", [False, True])
async def test_a_large_body_arrives_whole_and_its_connection_is_kept(serve: Serve, tls: Any, secure: bool) -> None:
    bodies = []

    async def handler(peer: Any) -> None:
        while request := await peer.request():
            bodies.append(request.partition(b"\r\n\r\n")[2])
            await peer.send(OK)

    server = await serve(handler, tls[1] if secure else None)
    async with Transport(contexts=lambda *_: tls[0]) as transport:
        for _ in range(2):
            assert await read_body(await transport.handle_async_request(server.request(content=BIG))) == b"hello"
        assert server.connections == 1
    assert bodies == [BIG, BIG]


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("close", [False, True])
async def test_a_server_that_answers_before_it_has_read_all_is_heard(
    serve: Serve, tls: Any, close: bool, secure: bool
) -> None:
    async def handler(peer: Any) -> None:
        if peer.number == 1:
            await peer.stream.receive_some(1000)
            await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
            if not close:
                await trio.sleep_forever()
        while await peer.request():
            await peer.send(OK)

    server = await serve(handler, tls[1] if secure else None)
    async with Transport(contexts=lambda *_: tls[0]) as transport:
        response = await transport.handle_async_request(server.request(content=BIG))
        assert (response.status_code, await read_body(response)) == (413, b"no")
        assert transport.statistics()[:2] == (0, 0)
        assert await read_body(await transport.handle_async_request(server.request())) == b"hello"


async def test_a_reply_that_begins_early_is_handed_on_and_goes_on(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        await peer.stream.receive_some(1000)
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        await go.wait()
        await peer.send(b"world")
        await trio.sleep_forever()

    go = trio.Event()
    server = await serve(handler)
    async with Transport() as transport:
        response = await transport.handle_async_request(server.request(content=BIG))
        go.set()
        assert await read_body(response) == b"helloworld"
        assert transport.statistics()[:2] == (0, 0)


async def test_an_informational_reply_does_not_stop_the_upload(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        await peer.stream.receive_some(1)
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        peer.buffer += b"P"
        assert (await peer.request()).endswith(BIG)
        await peer.send(OK)

    server = await serve(handler)
    async with Transport() as transport:
        assert await read_body(await transport.handle_async_request(server.request(content=BIG))) == b"hello"


async def test_a_server_that_closes_during_the_upload_is_a_lost_connection(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        await peer.stream.receive_some(1000)

    server = await serve(handler)
    async with Transport() as transport:
        with pytest.raises((ConnectionLost, Disconnected)):
            await transport.handle_async_request(server.request(content=BIG))
        assert transport.statistics()[:3] == (0, 0, 0)


class Drawn:
    """A body in pieces."""

    def __init__(self, *pieces: bytes | Exception, pause: float = 0.0) -> None:
        self.pieces = list(pieces)
        self.pause = pause

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            await trio.sleep(self.pause)
            if isinstance(piece, Exception):
                raise piece
            yield piece


async def test_a_drawn_body_goes_out_in_chunks_and_its_connection_is_kept(hello: Any) -> None:
    async with Transport() as transport:
        request = hello.request(content=Drawn(b"ab", b"c" * 20))
        assert await read_body(await transport.handle_async_request(request)) == b"hello"
        assert hello.requests[0].endswith(b"\r\n\r\n")  # this server does not look for chunks
        assert b"Transfer-Encoding: chunked" in hello.requests[0]


async def test_a_drawn_body_may_be_slower_than_every_timeout_but_the_total(
    serve: Serve, autojump_clock: MockClock
) -> None:
    async def handler(peer: Any) -> None:
        assert (await peer.request()).endswith(b"abcdef")
        await peer.send(OK)

    server = await serve(handler)
    async with Transport() as transport:
        request = server.request(content=Drawn(b"ab", b"cd", b"ef", pause=100), headers={"Content-Length": "6"})
        assert await read_body(await transport.handle_async_request(request)) == b"hello"


async def test_a_bodys_own_exception_comes_out_as_it_is(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        await peer.gone()

    server = await serve(handler)
    async with Transport() as transport:
        with pytest.raises(ZeroDivisionError):
            await transport.handle_async_request(server.request(content=Drawn(b"ab", ZeroDivisionError())))
        assert transport.statistics()[:3] == (0, 0, 0)


async def test_a_head_request_is_answered_without_a_body_and_its_connection_is_kept(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        while await peer.request():
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")

    server = await serve(handler)
    async with Transport() as transport:
        for _ in range(2):
            response = await transport.handle_async_request(server.request("HEAD"))
            assert await read_body(response) == b""
        assert server.connections == 1


@pytest.mark.parametrize("secure", [False, True])
async def test_the_readers_pace_holds_the_server_back(serve: Serve, tls: Any, secure: bool) -> None:
    sent = 0

    async def handler(peer: Any) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await peer.send(b"a" * 65536)
            sent += 65536

    server = await serve(handler, tls[1] if secure else None)
    async with Transport(contexts=lambda *_: tls[0]) as transport:
        response = await transport.handle_async_request(server.request())
        assert isinstance(response.stream, Body)
        await anext(response.stream)
        await trio.testing.wait_all_tasks_blocked(0.05)
        stuck = sent
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert sent == stuck
        read = 0
        while read < 3_000_000:
            read += len(await anext(response.stream))
        assert sent > stuck
        await response.aclose()


async def test_a_fast_server_does_not_keep_the_reader_from_yielding_to_others(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n")
        await peer.send(b"a" * 30_000_000)

    server = await serve(handler)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with Transport() as transport, trio.open_nursery() as nursery:
        nursery.start_soon(other)
        response = await transport.handle_async_request(server.request())
        assert isinstance(response.stream, Body)
        before, pieces = turns, 0
        async for _ in response.stream:
            pieces += 1
        assert turns - before >= pieces / 2
        nursery.cancel_scope.cancel()


async def test_nothing_is_sent_that_was_not_asked_for(hello: Any) -> None:
    async with Transport() as transport:
        request = httpx.Request("GET", hello.url + "/v1?a=b", headers={"X-A": "1"})
        await read_body(await transport.handle_async_request(request))
    assert hello.requests == [
        f"GET /v1?a=b HTTP/1.1\r\nHost: 127.0.0.1:{hello.port}\r\nX-A: 1\r\n"
        "Accept-Encoding: gzip, deflate, br, zstd\r\n\r\n".encode()
    ]
