"""A loopback server that does exactly what a test tells it, on real sockets."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import trio
import trustme

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Peer:
    """The server's end of one connection."""

    def __init__(self, stream: Any, number: int) -> None:
        self.stream = stream
        self.number = number
        self.buffer = bytearray()

    async def request(self) -> bytes:
        """The next whole request; empty when the client has closed."""
        while b"\r\n\r\n" not in self.buffer:
            if not await self._more():
                return b""
        head, _, _ = self.buffer.partition(b"\r\n\r\n")
        whole = len(head) + 4 + _length(head)
        while len(self.buffer) < whole:
            if not await self._more():
                return b""
        request = bytes(self.buffer[:whole])
        del self.buffer[:whole]
        return request

    async def _more(self) -> bool:
        try:
            data = await self.stream.receive_some(65536)
        except trio.BrokenResourceError:
            return False
        self.buffer += data
        return bool(data)

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def gone(self) -> None:
        """Return once the client has closed."""
        while await self.request():
            pass

    def reset(self) -> None:
        """Close with a RST."""
        stream = getattr(self.stream, "transport_stream", self.stream)
        stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        stream.socket.close()

    async def take_slowly(self, size: int) -> None:
        """Read so many bytes of a request, up to 3 MB every two seconds."""
        while size > 0:
            await trio.sleep(2)
            for _ in range(30):
                size -= len(await self.stream.receive_some(100_000)) if size > 0 else 0


def _length(head: bytes | bytearray) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


class Server:
    """Where to call, and what has been seen there."""

    def __init__(self, scheme: str, port: int) -> None:
        self.port = port
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.connections = 0
        self.requests: list[bytes] = []

    def request(self, method: str = "POST", path: str = "/", **more: Any) -> httpx.Request:
        if method == "POST":
            more.setdefault("content", b"hi")
        return httpx.Request(method, self.url + path, **more)


Handler = Callable[[Peer], Awaitable[None]]


@pytest.fixture
async def serve(nursery: trio.Nursery) -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    """`await serve(handler)`: a server whose every connection is served by `handler(peer)`, then closed."""

    async def start(handler: Handler, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Server:
        listener = (await trio.open_tcp_listeners(0, host=host))[0]
        server = Server("https" if context else "http", listener.socket.getsockname()[1])

        async def serve_one(stream: trio.SocketStream) -> None:
            server.connections += 1
            wrapped: Any = stream
            if context is not None:
                wrapped = trio.SSLStream(stream, context, server_side=True)
            try:
                await handler(Peer(wrapped, server.connections))
                await wrapped.aclose()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                await stream.aclose()

        await nursery.start(trio.serve_listeners, serve_one, [listener])
        return server

    yield start


@pytest.fixture
async def hello(serve: Callable[..., Awaitable[Server]]) -> Server:
    """Answers every request with `hello`, and remembers what was asked."""
    box: list[Server] = []

    async def handler(peer: Peer) -> None:
        while request := await peer.request():
            box[0].requests.append(request)
            await peer.send(OK)

    box.append(await serve(handler))
    return box[0]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Signs the certificates of the loopback servers."""
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A client's and a server's TLS contexts that trust each other."""
    client = ssl.create_default_context()
    authority.configure_trust(client)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(server)
    return client, server
