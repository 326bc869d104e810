"""An account's way to its provider: our own transport spoken to directly, or any other by httpx's interface."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import httpx
import trio

from callboard.actors.provider.account import Account
from callboard.actors.provider.deadline import Timeouts
from callboard.actors.transport.content import Content
from callboard.actors.transport.errors import Stage
from callboard.actors.transport.letterhead import Letterhead
from callboard.actors.transport.response import Answer
from callboard.actors.transport.stopwatch import Watch
from callboard.actors.transport.transport import Transport
from callboard.actors.wires.wire import Encoded, malformed

MAX_BODY = 64 * 1024 * 1024
"""Bytes of a plain reply after decompression."""
MOST_PATHS = 1_000
"""Paths that an account keeps ready; a caller may name any model, and some providers have the model in the path."""
NO_TOTAL = 1e9
"""Seconds."""
LINGER = 0.05
"""Seconds for the end of a body whose content is complete: usually there already, and the connection is kept."""


class Received(ABC):
    """A reply whose head is there. Read it, then close it."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""

    @abstractmethod
    async def read(self) -> bytes:
        """The whole body, decompressed. Raises WireFault when it is too large."""

    @abstractmethod
    def chunks(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The body's bytes as they come. What is not there soon after the block has ended is cut off, and how the body
        ends then is no concern of a reader who has all that it wants.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of the connection."""


class Line(ABC):
    """Sends an account's requests. Each carries its number as `x-client-request-id`, by which both sides' logs can be
    compared.
    """

    times_itself = False
    """Whether the transport tells `watch` what it waits for, whenever it does."""

    @abstractmethod
    async def send(self, encoded: Encoded, number: str, watch: Watch | None = None) -> Received:
        """Returns when the reply's head is there. Raises an httpx.HTTPError."""


def line_to(account: Account, transport: httpx.AsyncBaseTransport) -> Line:
    """The way to the account's provider by this transport."""
    return OwnLine(account, transport) if isinstance(transport, Transport) else HttpxLine(account, transport)


class OwnLine(Line):
    """Spares httpx's objects: a request is a letterhead and a body, a reply what the transport has read."""

    times_itself = True

    def __init__(self, account: Account, transport: Transport) -> None:
        self._base = account.base_url.rstrip("/")
        self._headers = _own_headers(account)
        self._timeouts = _timeouts(account.timeouts)
        self._transport = transport
        self._letterheads: dict[tuple[object, ...], Letterhead] = {}

    async def send(self, encoded: Encoded, number: str, watch: Watch | None = None) -> Received:
        """See Line."""
        order = self._letterhead(encoded).order(encoded.body, number)
        if watch is not None:
            watch.enter(Stage.FIRST_BYTE)
            return ReceivedAnswer(await self._transport.send(order, watch))
        stopwatch = self._transport.stopwatch(self._timeouts)
        with stopwatch.open(Stage.FIRST_BYTE):
            return ReceivedAnswer(await self._transport.send(order, stopwatch))
        raise stopwatch.error(order.origin)

    def _letterhead(self, encoded: Encoded) -> Letterhead:
        """Checking a head costs as much as sending it; an account has few of them."""
        key = (encoded.method, encoded.path, *encoded.headers.items())
        letterhead = self._letterheads.get(key)
        if letterhead is None:
            url = httpx.URL(self._base + encoded.path)
            letterhead = self._transport.letterhead(encoded.method, url, {**self._headers, **encoded.headers})
            if len(self._letterheads) < MOST_PATHS:
                self._letterheads[key] = letterhead
        return letterhead


class ReceivedAnswer(Received):
    """A reply of our own transport."""

    def __init__(self, answer: Answer) -> None:
        self._body = answer.body
        self.status = answer.status
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}

    async def read(self) -> bytes:
        """See Received."""
        whole = self._body.whole()
        if whole is None:
            return await _bounded(self._body)
        _check(len(whole))
        return whole

    @asynccontextmanager
    async def chunks(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """See Received."""
        yield self._body
        with suppress(httpx.HTTPError), trio.move_on_after(LINGER):
            async for _ in self._body:
                pass

    def aclose(self) -> Coroutine[Any, Any, None]:
        """See Received."""
        return self._body.aclose()


class HttpxLine(Line):
    """Any transport that httpx could use."""

    def __init__(self, account: Account, transport: httpx.AsyncBaseTransport) -> None:
        self._base = account.base_url.rstrip("/")
        self._headers = _own_headers(account)
        self._extensions = {"timeout": _timeouts(account.timeouts)}
        self._transport = transport

    async def send(self, encoded: Encoded, number: str, watch: Watch | None = None) -> Received:
        """See Line; `watch` goes along as an extension."""
        return ReceivedResponse(await self._transport.handle_async_request(self._request(encoded, number, watch)))

    def _request(self, encoded: Encoded, number: str, watch: Watch | None) -> httpx.Request:
        return httpx.Request(
            encoded.method,
            self._base + encoded.path,
            headers={
                **self._headers,
                **encoded.headers,
                "content-length": str(len(encoded.body)),
                "x-client-request-id": number,
            },
            stream=Content(encoded.body),
            extensions=self._extensions if watch is None else {**self._extensions, "watch": watch},
        )


class ReceivedResponse(Received):
    """A reply of another transport."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers = response.headers

    async def read(self) -> bytes:
        """See Received."""
        async with self.chunks() as chunks:
            return await _bounded(chunks)

    @asynccontextmanager
    async def chunks(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """See Received.

        httpx reads through generators within generators, which give their connection back when they are exhausted, and
        close it properly only when something is raised inside: hence the last, cancelled read.
        """
        chunks = self._response.aiter_bytes()
        try:
            yield chunks
        finally:
            with suppress(httpx.HTTPError), trio.move_on_after(LINGER):
                async for _ in chunks:
                    pass

    async def aclose(self) -> None:
        """See Received."""
        await self._response.aclose()


async def read_refusal(response: Received, patience: float) -> bytes:
    """What of a refusal's body can be read within so many seconds: its status tells what it means, too."""
    body = bytearray()
    with suppress(httpx.HTTPError), trio.move_on_after(patience):
        async with response.chunks() as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > MAX_BODY:
                    break
    return bytes(body)


async def _bounded(chunks: AsyncIterable[bytes]) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in chunks:
        size += len(piece)
        _check(size)
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _check(size: int) -> None:
    if size > MAX_BODY:
        raise malformed(f"the reply is larger than {MAX_BODY} bytes")


def _own_headers(account: Account) -> dict[str, str]:
    return {
        "host": httpx.URL(account.base_url).netloc.decode("ascii"),
        "user-agent": "callboard",
        **account.wire.headers(account.key),
        **account.headers,
    }


def _timeouts(timeouts: Timeouts) -> dict[str, float]:
    """httpx's own four, and the members that callboard's transport tells apart. The caller's deadline is the total."""
    return {
        "connect": timeouts.connect,
        "read": max(timeouts.first_byte, timeouts.between_bytes),
        "write": timeouts.first_byte,
        "pool": timeouts.permit,
        "first_byte": timeouts.first_byte,
        "between_bytes": timeouts.between_bytes,
        "total": NO_TOTAL,
    }
