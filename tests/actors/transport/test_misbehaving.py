"""Servers that misbehave, on real sockets: each is told apart, nothing is kept of them, and the next call is well."""

import gzip
import socket
import zlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest
import trio
from backports import zstd

from callboard.actors.transport import dial as dialling
from callboard.actors.transport import transport as module
from callboard.actors.transport.body import Body, read_body
from callboard.actors.transport.config import Bounds, TransportConfig
from callboard.actors.transport.errors import (
    ConnectFailed,
    ConnectionLost,
    Disconnected,
    HostNotFound,
    MalformedReply,
    NothingLeft,
    Redirected,
    TooLarge,
    TransportClosed,
    Undecodable,
)
from callboard.actors.transport.link import Link
from callboard.actors.transport.transport import Transport

Serve = Callable[..., Awaitable[Any]]
HEAD = b"HTTP/1.1 200 OK\r\n"


async def call(transport: Transport, request: httpx.Request) -> bytes:
    return await read_body(await transport.handle_async_request(request))


def endless(before: bytes, forever: bytes) -> Callable[[Any], Awaitable[None]]:
    """Sends `forever` for ever, until the client closes."""

    async def handler(peer: Any) -> None:
        await peer.request()
        await peer.send(before)
        while True:
            await peer.send(forever)

    return handler


def saying(*pieces: bytes) -> Callable[[Any], Awaitable[None]]:
    """Answers with the pieces, and closes."""

    async def handler(peer: Any) -> None:
        await peer.request()
        for piece in pieces:
            await peer.send(piece)

    return handler


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GZIPPED = HEAD + b"Content-Encoding: gzip\r\n\r\n"
BOMB = gzip.compress(bytes(8_000_000))
HELLO = b"%x\r\n%b\r\n" % (len(gzip.compress(b"hello")), gzip.compress(b"hello"))


@pytest.mark.parametrize(
    ("handler", "error", "what"),
    [
        (endless(HEAD, b"X-More: of the same\r\n"), TooLarge, "bound header"),
        (endless(HEAD + b"X: ", b"a" * 4096), TooLarge, "bound header"),
        (endless(b"HTTP/1.1 200 ", b"fine " * 100), TooLarge, "bound header"),
        (endless(b"", b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\n"), TooLarge, "bound header"),
        (endless(b"", b"\r\n" * 1000), TooLarge, "bound header"),
        (endless(CHUNKED + b"1;", b"e" * 4096), TooLarge, "bound header"),
        (endless(CHUNKED + b"0\r\nX: ", b"t" * 4096), TooLarge, "bound header"),
        (endless(HEAD + b"\r\n", b"a" * 65536), TooLarge, "bound body"),
        (endless(CHUNKED, b"1000\r\n" + b"a" * 4096 + b"\r\n"), TooLarge, "bound body"),
        (saying(HEAD + b"Content-Length: 1000001\r\n\r\n"), TooLarge, "bound body"),
        (saying(GZIPPED + BOMB), TooLarge, "bound decoded"),
        (saying(GZIPPED + BOMB[:2000]), Undecodable, "cut off"),
        (saying(GZIPPED + b"plainly not gzip"), Undecodable, "broken"),
        (saying(HEAD + b"Content-Encoding: aes128gcm\r\n\r\nx"), Undecodable, "not asked for"),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), MalformedReply, "not an HTTP/1.1 reply"),
        (saying(b"\x15\x03\x01\x00\x02\x02F"), MalformedReply, "not an HTTP/1.1 reply"),
        (saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), MalformedReply, "status 101"),
        (saying(CHUNKED + b"5\r\nhello\r\nrubbish"), MalformedReply, "not an HTTP/1.1 reply"),
        (saying(), Disconnected, "without a reply"),
        (saying(b"HTTP/1.1 200"), Disconnected, "before its reply was whole"),
        (saying(HEAD + b"Content-Length: 9\r\n\r\nhello"), Disconnected, "before its reply was whole"),
        (saying(CHUNKED + b"5\r\nhello\r\n"), Disconnected, "before its reply was whole"),
        (saying(CHUNKED + b"9\r\nhello"), Disconnected, "before its reply was whole"),
    ],
)
async def test_a_misbehaving_server_is_named_and_its_connection_closed(
    serve: Serve, hello: Any, handler: Any, error: type[httpx.RequestError], what: str
) -> None:
    server = await serve(handler)
    bounds = Bounds(header=16_384, body=1_000_000, decoded=4_000_000)
    async with Transport(TransportConfig(bounds=bounds)) as transport:
        with pytest.raises(error, match=what) as caught:
            await call(transport, server.request(path="/secret?key=secret", content=b"secret"))
        assert "secret" not in str(caught.value)
        assert f"http://127.0.0.1:{server.port}" in str(caught.value)
        assert transport.statistics()[:3] == (0, 0, 0)
        assert await call(transport, hello.request()) == b"hello"


@pytest.mark.parametrize("gap", [0, 0.05], ids=["in one packet", "in two packets"])
@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ((CHUNKED + b"5\r\nhello\r\n", b"zz\r\n"), MalformedReply),
        ((CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n", b"0\r\nno colon\r\n\r\n"), MalformedReply),
        ((CHUNKED + b"5\r\nhello\r\n", b"6\r\n world\r\n"), TooLarge),
        ((CHUNKED.replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1) + HELLO, b"zz\r\n"), MalformedReply),
    ],
)
async def test_what_came_before_a_fault_is_read_first_wherever_the_bytes_were_split(
    serve: Serve, hello: Any, gap: float, pieces: tuple[bytes, ...], error: type[httpx.RequestError]
) -> None:
    async def handler(peer: Any) -> None:
        await peer.request()
        for piece in pieces if gap else [b"".join(pieces)]:
            await peer.send(piece)
            await trio.sleep(gap)
        await peer.gone()

    server = await serve(handler)
    async with Transport(TransportConfig(bounds=Bounds(body=10 if error is TooLarge else 1000))) as transport:
        response = await transport.handle_async_request(server.request())
        assert isinstance(response.stream, Body)
        assert await anext(response.stream) == b"hello"
        with pytest.raises(error):
            await anext(response.stream)
        assert transport.statistics()[:3] == (0, 0, 0)
        assert await call(transport, hello.request()) == b"hello"


async def test_a_reset_in_the_middle_of_a_body_is_an_error_and_not_its_end(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        await peer.request()
        await peer.send(HEAD + b"\r\nhello")
        await go.wait()
        peer.reset()

    go = trio.Event()
    server = await serve(handler)
    async with Transport() as transport:
        response = await transport.handle_async_request(server.request())
        assert isinstance(response.stream, Body)
        assert await anext(response.stream) == b"hello"
        go.set()
        with pytest.raises(ConnectionLost):
            await anext(response.stream)
        with pytest.raises(httpx.StreamClosed):
            await anext(response.stream)
        assert transport.statistics()[:3] == (0, 0, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "target"),
    [
        (b"https://elsewhere.example/v1?key=secret", "https://elsewhere.example"),
        (b"https://user:secret@elsewhere.example:8443/v1", "https://elsewhere.example:8443"),
        (b"/secret", "another path of the same origin"),
        (b"https://\xff:secret", "no valid URL"),
        (b"https://xn--a/secret", "no valid URL"),
    ],
)
async def test_redirects_are_not_followed_and_say_so(serve: Serve, status: int, location: bytes, target: str) -> None:
    server = await serve(saying(b"HTTP/1.1 %d Moved\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, location)))
    async with Transport() as transport:
        with pytest.raises(Redirected, match="redirects are not followed") as caught:
            await transport.handle_async_request(server.request())
        assert f"status {status} points to {target};" in str(caught.value)
        assert caught.value.status == status
        assert "secret" not in str(caught.value)
        assert server.connections == 1
        assert transport.statistics().busy == 0


@pytest.mark.parametrize("head", [b"304 Not Modified\r\nLocation: /x", b"300 Choices", b"404 No\r\nLocation: /x"])
async def test_what_is_no_redirect_comes_through(serve: Serve, head: bytes) -> None:
    server = await serve(saying(b"HTTP/1.1 " + head + b"\r\nContent-Length: 0\r\n\r\n"))
    async with Transport() as transport:
        response = await transport.handle_async_request(server.request())
        assert str(response.status_code) == head[:3].decode()


async def test_informational_replies_are_passed_over(serve: Serve) -> None:
    server = await serve(
        saying(
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nX-Hint: 1\r\n\r\n",
            HEAD + b"Content-Length: 2\r\n\r\nok",
        )
    )
    async with Transport() as transport:
        response = await transport.handle_async_request(server.request())
        assert (response.status_code, "x-hint" in response.headers) == (200, False)
        assert await read_body(response) == b"ok"


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
async def test_a_coded_body_arrives_plain_and_its_headers_say_so(serve: Serve, name: str) -> None:
    brotli: Any = pytest.importorskip("brotli")
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress}[name]
    packed = pack(b"hello" * 1000)

    async def handler(peer: Any) -> None:
        while request := await peer.request():
            assert b"Accept-Encoding: gzip, deflate, br, zstd\r\n" in request
            await peer.send(
                HEAD + f"Content-Encoding: {name}\r\nContent-Length: {len(packed)}\r\nX-Kept: 1\r\n\r\n".encode()
            )
            await peer.send(packed)

    server = await serve(handler)
    async with Transport() as transport:
        for _ in range(2):
            response = await transport.handle_async_request(server.request())
            assert await response.aread() == b"hello" * 1000
            assert dict(response.headers) == {"x-kept": "1"}
        assert server.connections == 1


async def test_the_response_has_what_an_httpx_response_has(serve: Serve) -> None:
    server = await serve(saying(b"HTTP/1.1 429 Too Many\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\nno"))
    async with Transport() as transport:
        request = server.request()
        response = await transport.handle_async_request(request)
        assert response.request is request
        assert (response.status_code, response.reason_phrase, response.http_version) == (429, "Too Many", "HTTP/1.1")
        assert response.headers.get_list("x-a") == ["1", "2"]
        assert await response.aread() == b"no"


async def test_the_transport_works_inside_an_httpx_client(hello: Any) -> None:
    async with httpx.AsyncClient(transport=Transport()) as client:
        assert (await client.post(hello.url, json={})).text == "hello"
        async with client.stream("POST", hello.url, content=b"x") as response:
            assert [piece async for piece in response.aiter_bytes()] == [b"hello"]


async def test_nobody_listening_and_unknown_names_are_told_apart() -> None:
    async with Transport() as transport:
        with pytest.raises(ConnectFailed, match="refused"):
            await transport.handle_async_request(httpx.Request("GET", "http://127.0.0.1:1/secret"))
        with pytest.raises(HostNotFound, match="does not resolve"):
            await transport.handle_async_request(httpx.Request("GET", "https://nowhere.invalid/secret"))
        assert transport.statistics()[:3] == (0, 0, 0)


async def test_a_machine_with_nothing_left_to_connect_with_says_so(
    hello: Any, starving: Callable[[], AbstractContextManager[None]]
) -> None:
    async with Transport() as transport:
        with starving(), pytest.raises(NothingLeft, match="ulimit -n"):
            await transport.handle_async_request(hello.request())
        assert await call(transport, hello.request()) == b"hello"


async def test_closing_ends_requests_and_bodies_in_hand(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        if b"/body" in await peer.request():
            await peer.send(HEAD + b"Content-Length: 9\r\n\r\nhello")
        await peer.gone()

    server = await serve(handler)
    transport = Transport(TransportConfig(max_connections=2))

    async def ends(path: str) -> None:
        with pytest.raises(TransportClosed):
            await call(transport, server.request(path=path))

    async with trio.open_nursery() as nursery:
        for path in ("/body", "/silent", "/waiting"):
            nursery.start_soon(ends, path)
            await trio.testing.wait_all_tasks_blocked()
        assert transport.statistics()[:3] == (2, 0, 1)
        await transport.aclose()
    assert transport.statistics()[:3] == (0, 0, 0)
    assert not transport._leases
    with pytest.raises(TransportClosed, match="is closed"):
        await transport.handle_async_request(server.request())


async def test_a_body_that_nobody_was_reading_ends_with_its_transport_too(serve: Serve) -> None:
    server = await serve(saying(HEAD + b"Content-Length: 9\r\n\r\nhello"))
    async with Transport() as transport:
        response = await transport.handle_async_request(server.request())
    with pytest.raises(TransportClosed):
        await read_body(response)
    await response.aclose()
    assert not transport._leases


async def test_a_connection_made_while_the_transport_closes_is_closed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await serve(saying(HEAD + b"Content-Length: 0\r\n\r\n"))
    transport = Transport()
    links: list[Link] = []

    async def dial(*args: Any) -> Link:
        links.append(await real(*args))
        await transport.aclose()
        return links[0]

    real = dialling.dial
    monkeypatch.setattr(module, "dial", dial)
    with pytest.raises(TransportClosed, match="while it connected"):
        await transport.handle_async_request(server.request())
    assert links[0].closed


async def test_a_server_that_said_why_before_it_closed_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first send already fails; the reply lies in the socket's buffer."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")
    theirs.close()

    async def dial(*_: Any) -> Link:
        return Link(ours)

    monkeypatch.setattr(module, "dial", dial)
    async with Transport() as transport:
        response = await transport.handle_async_request(httpx.Request("POST", "http://127.0.0.1/", content=b"x"))
        assert (response.status_code, await read_body(response)) == (503, b"busy")
        assert transport.statistics()[:2] == (0, 0)
