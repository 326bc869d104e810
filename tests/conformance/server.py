"""A loopback server that answers with recorded bodies, cut at random places and compressed as they once were."""

import gzip
import importlib
import random
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus

import h11
import trio
from tests.conformance.corpus import Record

CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda body: bytes(importlib.import_module("brotli").compress(body)),
    "zstd": lambda body: bytes(importlib.import_module("backports.zstd").compress(body)),
    "identity": bytes,
}
FRAMING = {"transfer-encoding", "content-length", "connection", "keep-alive"}
"""Headers of the recorded connection, not of the reply."""


class ReplayServer:
    """Answers each request with the record that `find` finds by the request's target and body."""

    def __init__(self, find: Callable[[str, bytes], Record], coding: str | None = None) -> None:
        self.url = ""
        self.asked: list[tuple[str, str]] = []
        """Record and target of each request so far."""
        self._find = find
        self._coding = coding

    async def serve(self, stream: trio.SocketStream) -> None:
        """One connection, request after request."""
        http = h11.Connection(h11.SERVER)
        async with stream:
            while (request := await self._request(http, stream)) is not None:
                record = self._find(*request)
                self.asked.append((record["id"], request[0]))
                try:
                    await self._reply(http, stream, record)
                except trio.BrokenResourceError:
                    return  # the client has heard enough
                if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
                    return
                http.start_next_cycle()

    async def _request(self, http: h11.Connection, stream: trio.SocketStream) -> tuple[str, bytes] | None:
        target, body = "", bytearray()
        while True:
            event = http.next_event()
            match event:
                case h11.Request():
                    target = event.target.decode()
                case h11.Data():
                    body += event.data
                case h11.EndOfMessage():
                    return target, bytes(body)
                case h11.ConnectionClosed():
                    return None
                case _:
                    try:
                        http.receive_data(await stream.receive_some(65_536))
                    except trio.BrokenResourceError:
                        return None

    async def _reply(self, http: h11.Connection, stream: trio.SocketStream, record: Record) -> None:
        response = record["response"]
        headers = [(name, value) for name, value in response["headers"].items() if name.lower() not in FRAMING]
        recorded = next((value for name, value in headers if name.lower() == "content-encoding"), "identity")
        coding = self._coding or recorded
        headers = [(name, value) for name, value in headers if name.lower() != "content-encoding"]
        headers += [("content-encoding", coding)] if coding != "identity" else []
        body = CODINGS[coding](response["body"].encode())
        if "transfer-encoding" not in map(str.lower, response["headers"]):
            headers.append(("content-length", str(len(body))))
        status = response["status"]
        head = h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase)
        await stream.send_all(http.send(head) or b"")
        for piece in pieces(body, record["id"]):
            await stream.send_all(http.send(h11.Data(data=piece)) or b"")
            await trio.sleep(0)  # the client reads before the next piece is there
        await stream.send_all(http.send(h11.EndOfMessage()) or b"")


def pieces(body: bytes, seed: object) -> Iterable[bytes]:
    """The body cut at random places: the same seed, the same places."""
    chance = random.Random(str(seed))
    count = min(len(body), 1 + chance.randrange(40))
    places = sorted(chance.randrange(len(body) + 1) for _ in range(count))
    return (body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True) if start < end)


@asynccontextmanager
async def serving(find: Callable[[str, bytes], Record], coding: str | None = None) -> AsyncIterator[ReplayServer]:
    """The server, on a port of its own while the block runs. `coding` compresses every reply in this one way."""
    server = ReplayServer(find, coding)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    server.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, server.serve, [listener])
        yield server
        nursery.cancel_scope.cancel()
