"""Both ways to a provider, against a server on loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
import trio

from callboard.actors.provider import line
from callboard.actors.provider.account import Account
from callboard.actors.provider.deadline import Alarm, Timeouts
from callboard.actors.provider.line import HttpxLine, Line, OwnLine, line_to
from callboard.actors.transport.errors import RequestInvalid
from callboard.actors.transport.transport import Transport
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.wire import Encoded, WireFault
from callboard.messages.faults import FaultKind
from callboard.runtime.clock import Clock

TIMEOUTS = Timeouts(connect=5, first_byte=5, between_bytes=5)
SENT = Encoded("POST", "/chat?x=1", {"content-type": "application/json"}, b"{}")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Limit: 7\r\nX-LIMIT: 8\r\n\r\nhello"
PIECES = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

NONE: Mapping[str, str] = {}
Make = Callable[[], httpx.AsyncBaseTransport]
Handler = Callable[[trio.SocketStream], Awaitable[object]]


@pytest.fixture(params=[Transport, httpx.AsyncHTTPTransport], ids=["own", "httpx"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    yield request.param


class Server:
    """Answers every request with the same bytes."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply
        self.requests: list[bytes] = []
        self.connections = 0

    async def __call__(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        buffer = b""
        async for data in stream:
            buffer += data
            if b"\r\n\r\n" in buffer and len(buffer.partition(b"\r\n\r\n")[2]) == length(buffer):
                self.requests.append(buffer)
                buffer = b""
                await stream.send_all(self._reply)


def length(request: bytes) -> int:
    return int(request.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


def account(base_url: str, headers: Mapping[str, str]) -> Account:
    return Account(
        name="p",
        base_url=base_url,
        wire=OpenAIChat(),
        key="sk-secret",
        headers=dict(headers),
        timeouts=TIMEOUTS,
        price=lambda *_: None,
    )


@asynccontextmanager
async def served(
    make: Make, reply: bytes = OK, headers: Mapping[str, str] = NONE
) -> AsyncIterator[tuple[Line, Server]]:
    server = Server(reply)
    async with reached(make, server, headers) as way:
        yield way, server


@asynccontextmanager
async def reached(make: Make, handler: Handler, headers: Mapping[str, str] = NONE) -> AsyncIterator[Line]:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        async with make() as transport:
            yield line_to(account(f"http://127.0.0.1:{port}/v1/", headers), transport)
        nursery.cancel_scope.cancel()


async def test_a_transport_of_our_own_is_spoken_to_directly_and_keeps_the_time_itself(make: Make) -> None:
    async with served(make) as (way, _):
        assert (type(way), way.times_itself) in [(OwnLine, True), (HttpxLine, False)]
        assert isinstance(way, OwnLine) is (make is Transport)


async def test_a_request_carries_credential_length_and_its_number(make: Make) -> None:
    async with served(make, headers={"x-team": "search"}) as (way, server):
        for number, body in (("c-1", b"{}"), ("c-2", b"[1, 2]")):
            received = await way.send(Encoded(SENT.method, SENT.path, SENT.headers, body), number)
            assert await received.read() == b"hello"
            await received.aclose()
        for request, number, body in zip(server.requests, ("c-1", "c-2"), (b"{}", b"[1, 2]"), strict=True):
            head, _, sent = request.partition(b"\r\n\r\n")
            lines = head.decode().lower().split("\r\n")
            assert lines[0] == "post /v1/chat?x=1 http/1.1"
            headers = dict(line.split(": ", 1) for line in lines[1:])
            assert len(headers) == len(lines) - 1
            assert (headers["authorization"], headers["x-client-request-id"]) == ("bearer sk-secret", number)
            assert (headers["x-team"], headers["content-type"]) == ("search", "application/json")
            assert (headers["content-length"], sent) == (str(len(body)), body)
        assert server.connections == 1


async def test_what_a_user_says_of_length_and_number_does_not_count() -> None:
    async with served(Transport, headers={"Content-Length": "99", "X-Client-Request-Id": "mine"}) as (way, server):
        await (await way.send(SENT, "c-1")).aclose()
        assert server.requests[0].lower().count(b"content-length") == 1
        assert b"mine" not in server.requests[0]


async def test_a_large_body_goes_out_whole(make: Make) -> None:
    body = bytes(range(256)) * 1_000
    async with served(make) as (way, server):
        received = await way.send(Encoded("POST", "/", {}, body), "c-1")
        await received.aclose()
        assert server.requests[0].endswith(body)


async def test_headers_are_found_by_their_names_in_lower_case(make: Make) -> None:
    async with served(make, b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nX-RateLimit-Limit: 7\r\n\r\n") as (way, _):
        received = await way.send(SENT, "c-1")
        assert (received.status, received.headers.get("x-ratelimit-limit")) == (503, "7")
        await received.aclose()


async def test_a_body_comes_in_pieces_and_its_connection_is_kept(make: Make) -> None:
    async with served(make, PIECES) as (way, server):
        for number in ("c-1", "c-2"):
            received, pieces = await way.send(SENT, number), list[bytes]()
            async with received.chunks() as chunks:
                async for piece in chunks:
                    pieces.append(piece)
                    break  # the reader has all it wants; the rest is there already
            await received.aclose()
            assert b"abcde".startswith(b"".join(pieces))
        assert server.connections == 1


@pytest.mark.parametrize("end", [b"", b"no chunk\r\n"], ids=["closed", "garbled"])
async def test_how_a_body_ends_is_no_fault_when_the_reader_has_all_it_wants(make: Make, end: bytes) -> None:
    read = trio.Event()

    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(PIECES.partition(b"2\r\n")[0])
        await read.wait()
        await stream.send_all(end)

    async with reached(make, answer) as way:
        received = await way.send(SENT, "c-1")
        async with received.chunks() as chunks:
            assert await anext(aiter(chunks)) == b"abc"
            read.set()
        await received.aclose()


async def test_a_body_is_not_read_beyond_its_bound(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "MAX_BODY", 4)
    async with served(make) as (way, _):
        received = await way.send(SENT, "c-1")
        with pytest.raises(WireFault) as caught:
            await received.read()
        assert caught.value.fault.kind is FaultKind.MALFORMED_REPLY
        await received.aclose()


async def test_the_configured_timeouts_hold_for_a_request_that_nobody_watches(make: Make) -> None:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, _never, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        impatient = Account(
            name="p",
            base_url=f"http://127.0.0.1:{port}",
            wire=OpenAIChat(),
            key=None,
            headers={},
            timeouts=Timeouts(connect=5, first_byte=0.05, between_bytes=0.05),
            price=lambda *_: None,
        )
        async with make() as transport:
            with pytest.raises(httpx.TimeoutException):
                await line_to(impatient, transport).send(SENT, "c-1")
        nursery.cancel_scope.cancel()


async def test_whoever_watches_is_told_what_is_waited_for() -> None:
    alarm = Alarm(TIMEOUTS, Clock().now)
    async with served(Transport) as (way, _):
        with alarm.scope:
            received = await way.send(SENT, "c-1", alarm)
            await received.read()
            await received.aclose()
    assert alarm.sent


async def test_a_header_that_http_forbids_is_named_and_not_told() -> None:
    async with served(Transport, headers={"x-team": "a\nb"}) as (way, _):
        with pytest.raises(RequestInvalid) as caught:
            await way.send(SENT, "c-1")
        assert "x-team" in str(caught.value)
        assert "a\\nb" not in str(caught.value)


async def _never(stream: trio.SocketStream) -> None:
    async for _ in stream:
        pass
