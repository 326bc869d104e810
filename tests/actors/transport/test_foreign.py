"""httpx's own connections keep the same promises: through proxies, with HTTP/2 settings, and by choice."""

import gc
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
import trustme
from trio.testing import MockClock

from callboard.actors.transport.body import Body, read_body
from callboard.actors.transport.config import Bounds, Timeouts, Tls, TransportConfig
from callboard.actors.transport.errors import (
    BetweenBytesTimeout,
    ConnectTimeout,
    DestinationRefused,
    Disconnected,
    FirstByteTimeout,
    NothingLeft,
    PoolTimeout,
    Redirected,
    Stage,
    TlsFailed,
    TooLarge,
    TotalTimeout,
    TransportClosed,
    Undecodable,
)
from callboard.actors.transport.foreign import HttpxTransport
from callboard.actors.transport.shards import SHARD
from callboard.actors.transport.stopwatch import Stopwatch
from callboard.actors.transport.tls import ContextMaker, tls_context

# httpcore leaves its own generators to the garbage collector when a body is not read to its end; the connection is
# closed by then.
pytestmark = pytest.mark.filterwarnings("ignore:.*async_generator object:pytest.PytestUnraisableExceptionWarning")

Serve = Callable[..., Awaitable[Any]]
HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def open_httpx() -> AsyncIterator[Callable[..., HttpxTransport]]:
    """`open_httpx(**config)`: a transport that is closed with the test."""
    made: list[HttpxTransport] = []

    def start(proxy: str | None = None, contexts: ContextMaker = tls_context, **config: Any) -> HttpxTransport:
        made.append(HttpxTransport(TransportConfig(**config), proxy=proxy, contexts=contexts))
        return made[-1]

    yield start
    for transport in made:
        await transport.aclose()


Open = Callable[..., HttpxTransport]


async def call(transport: HttpxTransport, request: httpx.Request) -> bytes:
    return await read_body(await transport.handle_async_request(request))


def saying(reply: bytes, then: float | None = None) -> Callable[[Any], Awaitable[None]]:
    async def handler(peer: Any) -> None:
        while await peer.request():
            await peer.send(reply)
            if then is not None:
                await trio.sleep(then)

    return handler


async def test_requests_share_connections(hello: Any, open_httpx: Open) -> None:
    transport = open_httpx()
    for _ in range(4):
        assert await call(transport, hello.request()) == b"hello"
    assert hello.connections == 1
    assert repr(transport) == "HttpxTransport(PoolStatistics(busy=0, idle=1, waiting=0))"
    assert await transport.warm_up(hello.url, 3) == 0


async def test_many_requests_are_spread_over_small_pools_within_the_bound(serve: Serve, open_httpx: Open) -> None:
    now, most, full = 0, 0, trio.Event()

    async def handler(peer: Any) -> None:
        nonlocal now, most
        while await peer.request():
            now += 1
            most = max(most, now)
            if now == SHARD + 4:
                full.set()
            with trio.move_on_after(5):
                await full.wait()
            await trio.sleep(0.01)
            now -= 1
            await peer.send(HEAD + b"Content-Length: 0\r\n\r\n")

    server = await serve(handler)
    transport = open_httpx(max_connections=SHARD + 4)
    async with trio.open_nursery() as nursery:
        for _ in range(3 * SHARD):
            nursery.start_soon(call, transport, server.request())
    assert most == SHARD + 4
    assert len(transport._shards) == 2


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"", FirstByteTimeout),
        (HEAD + b"Content-Length: 9\r\n\r\na", BetweenBytesTimeout),
        (HEAD + b"Content-Length: 9\r\n\r\na", TotalTimeout),
    ],
)
async def test_timeouts_have_the_same_names(
    serve: Serve, open_httpx: Open, reply: bytes, error: Any, autojump_clock: MockClock
) -> None:
    server = await serve(saying(reply, 1000))
    transport = open_httpx(timeouts=Timeouts(**{error.timeout.replace(" ", "_"): 7.0}), max_connections=1)
    for _ in range(2):
        started = trio.current_time()
        with pytest.raises(error):
            await call(transport, server.request())
        assert trio.current_time() - started == pytest.approx(7)


async def test_a_slow_upload_that_moves_on_is_not_timed_out(
    serve: Serve, open_httpx: Open, autojump_clock: MockClock
) -> None:
    async def handler(peer: Any) -> None:
        await peer.take_slowly(20_000_000)
        await peer.send(HEAD + b"Content-Length: 0\r\n\r\n")

    server = await serve(handler)
    started = trio.current_time()
    transport = open_httpx(timeouts=Timeouts(write=5))
    assert await call(transport, server.request(content=b"x" * 20_000_000)) == b""
    assert trio.current_time() - started > 2 * 5


async def test_whoever_keeps_the_time_himself_is_told_each_stage(hello: Any, open_httpx: Open) -> None:
    class Told(Stopwatch):
        def enter(self, stage: Stage) -> None:
            stages.append(stage)

    stages: list[Stage] = []
    request = hello.request(content=b"x" * 150_000, extensions={"watch": Told(Timeouts())})
    assert await call(open_httpx(), request) == b"hello"
    assert stages[:2] == [Stage.CONNECT] * 2
    assert stages[2:7] == [Stage.WRITE] * 4 + [Stage.FIRST_BYTE]


async def test_a_full_pool_meets_the_pool_timeout(serve: Serve, open_httpx: Open, autojump_clock: MockClock) -> None:
    server = await serve(saying(HEAD + b"Content-Length: 9\r\n\r\na", 1000))
    transport = open_httpx(timeouts=Timeouts(pool=2), max_connections=1)
    response = await transport.handle_async_request(server.request())
    with pytest.raises(PoolTimeout):
        await transport.handle_async_request(server.request())
    await response.aclose()


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"HTTP/1.1 307 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", Redirected),
        (HEAD + b"Content-Encoding: pigeon\r\nContent-Length: 1\r\n\r\nx", Undecodable),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", Undecodable),
        (HEAD + b"Content-Length: 2000\r\n\r\n" + b"a" * 2000, TooLarge),
        (b"rubbish\r\n\r\n", httpx.RemoteProtocolError),
    ],
)
async def test_errors_are_the_same_and_no_permit_is_lost(
    serve: Serve, hello: Any, open_httpx: Open, reply: bytes, error: Any
) -> None:
    server = await serve(saying(reply))
    transport = open_httpx(max_connections=1, bounds=Bounds(body=1000))
    for _ in range(3):
        with pytest.raises(error):
            await call(transport, server.request())
    assert "busy=0, idle=" in repr(transport)
    assert await call(transport, hello.request()) == b"hello"


async def test_a_machine_with_nothing_left_to_connect_with_says_so_and_no_permit_is_lost(
    hello: Any, open_httpx: Open, starving: Callable[[], AbstractContextManager[None]]
) -> None:
    context = tls_context(Tls())
    await call(open_httpx(contexts=lambda *_: context), hello.request())  # whose packages are imported by then
    transport = open_httpx(max_connections=1, contexts=lambda *_: context)
    with starving(), pytest.raises(NothingLeft, match="ulimit -n"):
        await call(transport, hello.request())
    assert await call(transport, hello.request()) == b"hello"


async def test_codings_are_undone(serve: Serve, open_httpx: Open) -> None:
    packed = gzip.compress(b"hello" * 99)
    server = await serve(saying(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed))
    response = await open_httpx().handle_async_request(server.request())
    assert "content-encoding" not in response.headers
    assert await response.aread() == b"hello" * 99


async def test_a_left_body_gives_its_permit_back(serve: Serve, open_httpx: Open) -> None:
    server = await serve(saying(HEAD + b"Content-Length: 9\r\n\r\na"))
    transport = open_httpx(max_connections=1)
    for _ in range(3):
        response = await transport.handle_async_request(server.request())
        assert isinstance(response.stream, Body)
        assert await anext(response.stream) == b"a"
        await response.aclose()


async def test_cancelling_gives_the_permit_back(serve: Serve, open_httpx: Open) -> None:
    server = await serve(saying(b""))
    transport = open_httpx(max_connections=1)
    for _ in range(3):
        with trio.move_on_after(0.02) as scope:
            await transport.handle_async_request(server.request())
        assert scope.cancelled_caught
    assert repr(transport) == "HttpxTransport(PoolStatistics(busy=0, idle=0, waiting=0))"


async def test_after_closing_there_is_nothing_more(hello: Any, open_httpx: Open) -> None:
    transport = open_httpx()
    await call(transport, hello.request())
    await transport.aclose()
    with pytest.raises(TransportClosed):
        await transport.handle_async_request(hello.request())


@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:1"])
async def test_a_refused_destination_is_not_called(open_httpx: Open, proxy: str | None) -> None:
    for url, config in [
        ("http://93.184.216.34/", {}),
        ("https://127.0.0.1:1/", {"allowed_hosts": ("api.example.com",)}),
    ]:
        with pytest.raises(DestinationRefused):
            await open_httpx(proxy, **config).handle_async_request(httpx.Request("GET", url))


class Relay:
    """A proxy: `http` for CONNECT and whole URLs, `socks5`. Counts what goes through it."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.credentials: list[bytes] = []

    async def http(self, peer: Any) -> None:
        request = await peer.request()
        method, target, _ = request.split(b" ", 2)
        lines = request.split(b"\r\n")
        self.credentials += [line.partition(b": ")[2] for line in lines if line.lower().startswith(b"proxy-auth")]
        self.targets.append(f"{method.decode()} {target.decode()}")
        if method == b"CONNECT":
            onward = await trio.open_tcp_stream("127.0.0.1", int(target.rpartition(b":")[2]))
            await peer.send(HEAD + b"\r\n")
        else:
            onward = await trio.open_tcp_stream("127.0.0.1", httpx.URL(target.decode()).port or 80)
            await onward.send_all(request)
        await self.pump(peer.stream, onward)

    async def socks5(self, peer: Any) -> None:
        greeting = await peer.stream.receive_some(1000)
        assert greeting[0] == 5
        await peer.send(b"\5\0")
        ask = await peer.stream.receive_some(1000)
        assert ask[:4] == b"\5\1\0\1", "connect, to an IPv4 address"
        port = int.from_bytes(ask[-2:], "big")
        self.targets.append(f"socks {port}")
        onward = await trio.open_tcp_stream("127.0.0.1", port)
        await peer.send(b"\5\0\0\1\0\0\0\0\0\0")
        await self.pump(peer.stream, onward)

    async def pump(self, left: Any, right: Any) -> None:
        async def one(source: Any, target: Any) -> None:
            async for data in source:
                await target.send_all(data)
            nursery.cancel_scope.cancel()

        async with right, trio.open_nursery() as nursery:
            nursery.start_soon(one, left, right)
            await one(right, left)


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("secure", [False, True])
async def test_a_proxy_is_gone_through(serve: Serve, tls: Any, open_httpx: Open, kind: str, secure: bool) -> None:
    if kind == "socks5":
        pytest.importorskip("socksio")
    relay = Relay()
    proxy = await serve(getattr(relay, kind))
    server = await serve(saying(HEAD + b"Content-Length: 5\r\n\r\nhello"), tls[1] if secure else None)
    credentials = "user:pass@" if kind == "http" else ""
    transport = open_httpx(f"{kind}://{credentials}127.0.0.1:{proxy.port}", lambda *_: tls[0])
    for _ in range(2):
        assert await call(transport, server.request()) == b"hello"
    assert server.connections == 1
    if kind == "socks5":
        assert relay.targets == [f"socks {server.port}"]
    else:
        how = f"CONNECT 127.0.0.1:{server.port}" if secure else f"POST {server.url}/"
        assert relay.targets == [how]
        assert relay.credentials == [b"Basic dXNlcjpwYXNz"]
    assert "pass" not in repr(transport)


REFUSING = b"HTTP/1.1 407 Authenticate\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_a_proxy_that_refuses_is_a_transport_error_without_its_password(
    serve: Serve, open_httpx: Open, scheme: str
) -> None:
    proxy = await serve(saying(REFUSING))
    transport = open_httpx(f"http://user:secret@127.0.0.1:{proxy.port}", plain_http="anywhere")
    with pytest.raises(httpx.ProxyError, match=r"^407 Authenticate$"):
        await transport.handle_async_request(httpx.Request("GET", f"{scheme}://api.example.com/"))


@pytest.mark.parametrize("kind", [None, "http", "socks5"])
async def test_a_server_that_wants_a_proxys_login_is_not_the_proxy(
    serve: Serve, tls: Any, open_httpx: Open, kind: str | None
) -> None:
    pytest.importorskip("socksio")
    server = await serve(saying(REFUSING), tls[1] if kind == "http" else None)
    proxy = None if kind is None else f"{kind}://127.0.0.1:{(await serve(getattr(Relay(), kind))).port}"
    response = await open_httpx(proxy, lambda *_: tls[0]).handle_async_request(server.request())
    assert response.status_code == 407
    await response.aclose()


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 Conn"])
async def test_a_proxy_that_gives_no_tunnel_is_not_the_server(serve: Serve, open_httpx: Open, reply: bytes) -> None:
    async def handler(peer: Any) -> None:
        await peer.request()
        await peer.send(reply)

    proxy = await serve(handler)
    with pytest.raises(httpx.ProxyError, match="no valid reply to CONNECT"):
        await open_httpx(f"http://127.0.0.1:{proxy.port}").handle_async_request(
            httpx.Request("GET", "https://api.example.com/")
        )


@pytest.mark.filterwarnings("ignore:.*socket.socket:pytest.PytestUnraisableExceptionWarning")  # as above, by SOCKS
@pytest.mark.parametrize(
    "replies", [(), (b"\5\0",), (b"HTTP/1.1 400 Bad\r\n\r\n",), (b"\5\0", b"\5\0\0\x09"), (b"\5\0", b"x")]
)
async def test_what_a_socks_proxy_breaks_with_is_a_proxys_error(
    serve: Serve, open_httpx: Open, replies: tuple[bytes, ...]
) -> None:
    async def handler(peer: Any) -> None:
        for reply in replies:
            await peer.stream.receive_some(1000)
            await peer.send(reply)

    pytest.importorskip("socksio")
    proxy = await serve(handler)
    with pytest.raises(httpx.ProxyError):
        await open_httpx(f"socks5://127.0.0.1:{proxy.port}").handle_async_request(
            httpx.Request("GET", "https://api.example.com/")
        )
    gc.collect()  # here, where its warning is expected


@pytest.mark.filterwarnings("ignore:.*socket.socket:pytest.PytestUnraisableExceptionWarning")  # as above, by SOCKS
@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_a_proxy_that_failed_for_long_is_gone_through_once_it_is_well(
    serve: Serve, tls: Any, open_httpx: Open, kind: str
) -> None:
    async def handler(peer: Any) -> None:
        if well:
            await getattr(Relay(), kind)(peer)
        if kind == "http":
            await peer.request()
            await peer.send(HEAD + b"\r\n")
        await peer.gone()

    pytest.importorskip("socksio")
    well = False
    proxy = await serve(handler)
    server = await serve(saying(HEAD + b"Content-Length: 5\r\n\r\nhello"), tls[1])
    transport = open_httpx(f"{kind}://127.0.0.1:{proxy.port}", lambda *_: tls[0])
    for _ in range(SHARD):
        with trio.move_on_after(0.05):
            await call(transport, server.request())
    well = True
    with trio.fail_after(5):
        assert await call(transport, server.request()) == b"hello"


async def test_waiting_for_a_tunnel_is_waiting_for_a_connection(
    serve: Serve, open_httpx: Open, autojump_clock: MockClock
) -> None:
    proxy = await serve(saying(b"", 1000))
    transport = open_httpx(f"http://127.0.0.1:{proxy.port}", timeouts=Timeouts(connect=7))
    started = trio.current_time()
    with pytest.raises(ConnectTimeout):
        await transport.handle_async_request(httpx.Request("GET", "https://api.example.com/"))
    assert trio.current_time() - started == pytest.approx(7)


async def test_a_certificate_that_is_not_trusted_is_told_as_by_the_own_engine(
    serve: Serve, tls: Any, open_httpx: Open
) -> None:
    server = await serve(saying(b""), tls[1])
    with pytest.raises(TlsFailed, match=rf"https://127.0.0.1:{server.port}: the certificate is not trusted: \w+"):
        await open_httpx().handle_async_request(server.request())


async def broken_stream() -> AsyncIterator[bytes]:
    yield b"a"
    raise KeyError(7)


@pytest.mark.parametrize("early", [True, False], ids=["request", "body"])
async def test_an_error_that_is_none_of_httpxs_is_told_as_a_connection_lost(
    open_httpx: Open, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    pytest.importorskip("h2")

    class Stream(httpx.AsyncByteStream):
        def __aiter__(self) -> AsyncIterator[bytes]:
            return broken_stream()

    async def handle(*_: Any) -> httpx.Response:
        if early:
            raise ValueError("the semaphore is released too often")
        return httpx.Response(200, stream=Stream())

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    with pytest.raises(Disconnected, match=r"the connection broke \((ValueError|KeyError)\)"):
        await call(open_httpx(http2=True), httpx.Request("GET", "https://127.0.0.1/"))


async def test_over_http2_a_reply_that_is_left_takes_its_connection_with_it(
    serve: Serve, open_httpx: Open, authority: trustme.CA, tmp_path: Path
) -> None:
    h2 = pytest.importorskip("h2")
    pytest.importorskip("h2.connection")

    async def handler(peer: Any) -> None:
        server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        server.initiate_connection()
        await peer.send(server.data_to_send())
        try:
            while data := await peer.stream.receive_some(65536):
                for event in server.receive_data(data):
                    if isinstance(event, h2.events.StreamEnded):
                        server.send_headers(event.stream_id, [(":status", "200")])
                        server.send_data(event.stream_id, b"hello", end_stream=whole)
                await peer.send(server.data_to_send())
        finally:
            gone[peer.number].set()

    gone = {1: trio.Event(), 2: trio.Event()}
    whole = False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2"])
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = await serve(handler, context)
    transport = open_httpx(http2=True, tls=Tls(ca_file=str(tmp_path / "ca.pem")))
    response = await transport.handle_async_request(server.request())
    assert (response.http_version, await anext(aiter(response.stream))) == ("HTTP/2", b"hello")  # type: ignore[arg-type]
    await response.aclose()
    whole = True
    for _ in range(3):
        assert await call(transport, server.request()) == b"hello"
    assert server.connections == 2
    with trio.fail_after(5):
        await gone[1].wait()
    assert not gone[2].is_set()
