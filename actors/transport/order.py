"""An httpx request as the bytes that HTTP/1.1 wants (RFC 9112)."""

import re
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator

import httpx
import msgspec

from callboard.actors.transport.content import content_of
from callboard.actors.transport.errors import RequestInvalid
from callboard.actors.transport.policy import IDEMPOTENT, Origin

_PORTS = {"http": 80, "https": 443}
SMALL = 64 * 1024
"""Bytes of a body that are worth copying to leave in one packet with the head."""

_FRAMING = (b"content-length", b"transfer-encoding")

_HEADER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [^\0\r\n]*\r\n")
_HEAD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\xff]+ HTTP/1\.1\r\n(?:" + _HEADER.pattern + rb")+\r\n")


class Order(msgspec.Struct, frozen=True, gc=False):
    """One request, ready to be sent; more than once if `rest` is not an iterator. Its repr keeps what is sent to
    itself.
    """

    origin: Origin
    method: str
    first: bytes
    """The head, with the body if that is small."""
    rest: memoryview | AsyncGenerator[bytes, None] | None
    """A large body, or one that is drawn from an iterator, framed."""
    repeatable: bool
    """Whether it can be sent twice, and does then what it does when sent once."""

    def __repr__(self) -> str:
        match self.rest:
            case None:
                rest = ""
            case memoryview():
                rest = f", {self.rest.nbytes:,} more bytes"
            case _:
                rest = ", and a body that is drawn"
        return f"Order({self.method} {self.origin}, {len(self.first):,} bytes{rest})"


def order_of(request: httpx.Request, accept_encoding: bytes) -> Order:
    """Put a request into bytes; `accept_encoding` is added where it says nothing about that.

    Raises RequestInvalid, naming the header but never its value.
    """
    headers = request.headers.raw
    names = {name.lower(): value for name, value in headers}
    if len(names) < len(headers) and sum(name.lower() in _FRAMING for name, _ in headers) > 1:
        raise RequestInvalid(f"{origin_of(request.url)}: two headers tell the body's length")
    if b"accept-encoding" not in names:
        headers = [*headers, (b"Accept-Encoding", accept_encoding)]
    head = _head(request, headers)
    body = content_of(request)
    if body is None:
        return _order(request, names, head, _framed(request, names))
    if names.get(b"content-length", b"0") != b"%d" % len(body) or b"transfer-encoding" in names:
        raise RequestInvalid(f"{origin_of(request.url)}: Content-Length is not the body's {len(body)} bytes")
    if len(body) <= SMALL:
        return _order(request, names, head + body, None)
    return _order(request, names, head, memoryview(body))


def _order(
    request: httpx.Request,
    names: dict[bytes, bytes],
    first: bytes,
    rest: memoryview | AsyncGenerator[bytes, None] | None,
) -> Order:
    idempotent = request.method in IDEMPOTENT or b"idempotency-key" in names
    repeatable = idempotent and not isinstance(rest, AsyncIterable)
    return Order(origin_of(request.url), request.method, first, rest, repeatable)


def origin_of(url: httpx.URL) -> Origin:
    """Whom a URL leads to. Raises RequestInvalid unless it is an http or https URL with a host."""
    scheme = url.scheme
    if scheme not in _PORTS or not url.host:
        raise RequestInvalid(f"{scheme or 'no scheme'}: only http and https URLs with a host can be called")
    return Origin(scheme, url.raw_host.decode("ascii"), url.port or _PORTS[scheme])


def _head(request: httpx.Request, headers: list[tuple[bytes, bytes]]) -> bytes:
    lines = [b"%b %b HTTP/1.1\r\n" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%b: %b\r\n" % header for header in headers]
    lines.append(b"\r\n")
    head = b"".join(lines)
    if _HEAD.fullmatch(head) is None or head.count(b"\n") != len(lines):
        raise RequestInvalid(f"{origin_of(request.url)}: {_blame(headers)} has a character that HTTP forbids")
    return head


def _blame(headers: list[tuple[bytes, bytes]]) -> str:
    for header in headers:
        if _HEADER.fullmatch(b"%b: %b\r\n" % header) is None:
            return f"the header {header[0]!r}"
    return "the method or the path"


async def _framed(request: httpx.Request, names: dict[bytes, bytes]) -> AsyncGenerator[bytes, None]:
    """A body that is drawn piece by piece: chunked, or held to its Content-Length."""
    if not isinstance(request.stream, AsyncIterable):
        raise RequestInvalid(f"{origin_of(request.url)}: a body that comes in pieces must be an async iterable")
    pieces = aiter(request.stream)
    declared = names.get(b"content-length")
    framed = _chunked(pieces) if declared is None else _sized(pieces, int(declared), origin_of(request.url))
    try:
        async for piece in framed:
            yield piece
    finally:
        await framed.aclose()
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def _chunked(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for piece in pieces:
        if piece:
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


async def _sized(pieces: AsyncIterator[bytes], left: int, origin: Origin) -> AsyncGenerator[bytes, None]:
    async for piece in pieces:
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        raise RequestInvalid(f"{origin}: the body is not as long as its Content-Length")
