"""One HTTP exchange on httpx's interface: sending, bounded reading, and what its failures mean."""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager

import httpx
import trio

from callboard.actors.provider.account import Account
from callboard.actors.provider.deadline import Timeouts, timed_out
from callboard.actors.transport.body import Body
from callboard.actors.transport.content import Content
from callboard.actors.transport.errors import DestinationRefused, Disconnected, RequestInvalid, TooLarge
from callboard.actors.transport.stopwatch import Watch
from callboard.actors.wires.wire import Encoded, malformed
from callboard.messages.faults import Fault, FaultKind

MAX_BODY = 64 * 1024 * 1024
"""Bytes of a plain reply after decompression."""

MOST_URLS = 1_000
"""Parsed URLs that an account keeps; a caller may name any model, and some providers have the model in the path."""
NO_TOTAL = 1e9
"""Seconds."""
LINGER = 0.05
"""Seconds for the end of a body whose content is complete: usually there already, and the connection is kept."""


class Endpoint:
    """An account's base URL and headers, ready to make requests of."""

    def __init__(self, account: Account) -> None:
        self._base = account.base_url.rstrip("/")
        self._urls: dict[str, httpx.URL] = {}
        self._headers = {
            "host": httpx.URL(self._base).netloc.decode("ascii"),
            "user-agent": "callboard",
            **account.wire.headers(account.key),
            **account.headers,
        }
        self._extensions = {"timeout": _timeouts(account.timeouts)}

    def request(self, encoded: Encoded, attempt: str, watch: Watch | None = None) -> httpx.Request:
        """The request, with the attempt's id as `x-client-request-id`, by which both sides' logs can be compared.

        A transport of our own lets `watch` keep the time.
        """
        return httpx.Request(
            encoded.method,
            self._url(encoded.path),
            headers={
                **self._headers,
                **encoded.headers,
                "content-length": str(len(encoded.body)),
                "x-client-request-id": attempt,
            },
            stream=Content(encoded.body),
            extensions=self._extensions if watch is None else {**self._extensions, "watch": watch},
        )

    def _url(self, path: str) -> httpx.URL:
        """Parsing a URL costs as much as sending it; an account has few of them."""
        url = self._urls.get(path)
        if url is None:
            url = httpx.URL(self._base + path)
            if len(self._urls) < MOST_URLS:
                self._urls[path] = url
        return url


async def read(response: httpx.Response) -> bytes:
    """The whole body. Raises WireFault when it is too large."""
    if isinstance(response.stream, Body):
        return await _bounded(response.stream)
    async with body(response) as chunks:
        return await _bounded(chunks)


async def _bounded(chunks: AsyncIterable[bytes]) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in chunks:
        size += len(piece)
        if size > MAX_BODY:
            raise malformed(f"the reply is larger than {MAX_BODY} bytes")
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@asynccontextmanager
async def body(response: httpx.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    """The body's bytes as they come, decompressed; what is not there soon after the block has ended is cut off.

    httpx reads through generators within generators, which give their connection back when they are exhausted, and
    close it properly only when something is raised inside: hence the last, cancelled read.
    """
    chunks = response.aiter_bytes()
    try:
        yield chunks
    finally:
        with trio.move_on_after(LINGER):
            async for _ in chunks:
                pass


def never_sent(error: httpx.HTTPError) -> bool:
    """Whether the provider cannot have seen the request."""
    return isinstance(
        error,
        httpx.ConnectError
        | httpx.ConnectTimeout
        | httpx.PoolTimeout
        | httpx.UnsupportedProtocol
        | RequestInvalid
        | DestinationRefused,
    )


def fault_of(error: httpx.HTTPError, timeouts: Timeouts, *, replying: bool) -> Fault:
    """What a transport's failure means; `replying`: whether the reply's head had come."""
    match error:
        case httpx.PoolTimeout():
            return Fault(kind=FaultKind.RATE_LIMITED, timeout="permit", message="all connections stayed in use")
        case httpx.ConnectTimeout():
            return timed_out("connect", timeouts.connect)
        case httpx.TimeoutException() if replying:
            return timed_out("between bytes", timeouts.between_bytes)
        case httpx.TimeoutException():
            return timed_out("first byte", timeouts.first_byte)
        case httpx.DecodingError():
            return _malformed("the reply's compression is broken")
        case httpx.TooManyRedirects():
            return _malformed("the provider redirects; set base_url to where it points")
        case TooLarge():
            return _malformed("the reply is larger than the transport's bounds")
        case httpx.LocalProtocolError():
            return Fault(kind=FaultKind.INTERNAL, message=f"the request cannot be sent: {error}")
        case _ if replying:
            return Fault(kind=FaultKind.INTERRUPTED, message=f"the reply was cut ({type(error).__name__})")
        case httpx.RemoteProtocolError() if not isinstance(error, Disconnected) and "disconnected" not in str(error):
            return _malformed("the reply is not HTTP")
        case _:
            return Fault(kind=FaultKind.CONNECTION, message=f"no connection ({type(error).__name__})")


def _malformed(message: str) -> Fault:
    return Fault(kind=FaultKind.MALFORMED_REPLY, message=message)


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
