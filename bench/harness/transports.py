"""The transport with the OpenAI wire and no other actor, and the least that could do the same: h11 by hand."""

import gc
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import h11
import httpx
import msgspec
import trio

from callboard.actors.transport.body import Body, read_body
from callboard.actors.transport.config import TransportConfig
from callboard.actors.transport.content import Content
from callboard.actors.transport.tls import tls_context
from callboard.actors.transport.transport import Transport
from callboard.actors.wires.openai import OpenAIChat
from callboard.bench.harness.client import LONGEST
from callboard.bench.harness.upstream import CHUNKS, MODEL, PROMPT
from callboard.messages.chat import user
from callboard.messages.request import Request

ASK = Request(model=f"openai/{MODEL}", messages=(user(PROMPT),))
BODY = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": PROMPT}]}).encode()
STREAMED = json.dumps({"model": MODEL, "stream": True, "messages": []}).encode()
TIMES = {"timeout": {"connect": 10.0, "write": 60.0, "pool": 30.0, "first_byte": 60.0, "between_bytes": 60.0}}
WIDE = TransportConfig(max_connections=10_000, max_idle=10_000)

Call = Callable[[], Awaitable[int]]
"""One call; gives the number of units done: 1, or the chunks with text of a stream."""
Opening = Callable[[], AbstractAsyncContextManager[Call]]


def cpu(
    opening: Opening, calls: int, at_once: int, *, warm: int = 3, warmed: Callable[[], object] = lambda: None
) -> float:
    """CPU microseconds a unit, after `warm` calls on each connection; `warmed` is called between."""
    return trio.run(_cpu, opening, calls, at_once, warm, warmed)


async def _cpu(opening: Opening, calls: int, at_once: int, warm: int, warmed: Callable[[], object]) -> float:
    with trio.fail_after(LONGEST):
        async with opening() as call:
            await many(call, warm * at_once, at_once)
            warmed()
            gc.collect()
            started = time.process_time()
            units = await many(call, calls, at_once)
            return (time.process_time() - started) / units * 1e6


async def many(call: Call, calls: int, at_once: int) -> int:
    """Workers that call one after another; units done."""
    units = 0

    async def worker() -> None:
        nonlocal units
        for _ in range(calls // at_once):
            done = await call()
            units += done

    async with trio.open_nursery() as nursery:
        for _ in range(at_once):
            nursery.start_soon(worker)
    return units


@asynccontextmanager
async def transport(url: str, *, streamed: bool = False, context: ssl.SSLContext | None = None) -> AsyncIterator[Call]:
    """The transport and the wire; requests and replies are written and read in full."""
    wire, place = OpenAIChat(), httpx.URL(f"{url}/chat/completions")
    contexts = tls_context if context is None else (lambda *_: context)
    async with Transport(WIDE, contexts=contexts) as http:

        async def call() -> int:
            encoded = wire.encode(ASK, MODEL, stream=streamed)
            headers = {"host": place.netloc.decode(), "content-length": str(len(encoded.body)), **encoded.headers}
            headers.update(wire.headers("x"))
            request = httpx.Request("POST", place, headers=headers, stream=Content(encoded.body), extensions=TIMES)
            response = await http.handle_async_request(request)
            if not streamed:
                wire.decode(await read_body(response))
                return 1
            decoder, count = wire.decoder(), 0
            assert isinstance(response.stream, Body)
            async for piece in response.stream:
                count += len(decoder.feed(piece))
            return _all_of(count)

        yield call


@asynccontextmanager
async def by_hand(url: str, *, streamed: bool = False) -> AsyncIterator[Call]:
    """h11 over Trio's sockets: a connection a worker, and no features at all."""
    idle: list[_Exchange] = []
    port = httpx.URL(url).port or 80

    async def call() -> int:
        exchange = idle.pop() if idle else _Exchange(await trio.open_tcp_stream("127.0.0.1", port))
        count = await exchange.call(STREAMED if streamed else BODY, streamed=streamed)
        idle.append(exchange)
        return _all_of(count) if streamed else 1

    yield call
    for exchange in idle:
        await exchange.stream.aclose()


def _all_of(count: int) -> int:
    """The chunks with text, once so many have come; h11 by hand does not tell those from what ends a stream."""
    assert count >= CHUNKS, f"{count} chunks came of {CHUNKS}"
    return CHUNKS


class _Exchange:
    """One connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._connection = h11.Connection(h11.CLIENT)
        self._decoder = msgspec.json.Decoder()

    async def call(self, body: bytes, *, streamed: bool) -> int:
        """One request and its reply; chunks read."""
        await self.stream.send_all(self._request(body))
        got: list[bytes] = []
        count, tail = 0, b""
        while not isinstance(event := self._connection.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                self._connection.receive_data(await self.stream.receive_some(65536))
            elif isinstance(event, h11.Data) and streamed:
                *events, tail = (tail + bytes(event.data)).split(b"\n\n")
                count += self._chunks(events)
            elif isinstance(event, h11.Data):
                got.append(bytes(event.data))
        if not streamed:
            self._decoder.decode(b"".join(got))
        self._connection.start_next_cycle()
        return count

    def _request(self, body: bytes) -> bytes:
        head = [("Host", "127.0.0.1"), ("Content-Type", "application/json"), ("Authorization", "Bearer x")]
        request = h11.Request(
            method="POST", target="/v1/chat/completions", headers=[*head, ("Content-Length", str(len(body)))]
        )
        data = (self._connection.send(request) or b"") + (self._connection.send(h11.Data(data=body)) or b"")
        self._connection.send(h11.EndOfMessage())
        return data

    def _chunks(self, events: list[bytes]) -> int:
        read = [self._decoder.decode(one[6:]) for one in events if one != b"data: [DONE]"]
        return len(read)
