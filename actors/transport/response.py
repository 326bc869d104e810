"""A reply whose head is there, whichever connection it came by; as an httpx response too."""

from typing import Any

import httpx
import msgspec

from callboard.actors.transport.body import Body, Source
from callboard.actors.transport.coding import unfolding
from callboard.actors.transport.errors import Redirected
from callboard.actors.transport.policy import Origin
from callboard.actors.transport.stopwatch import Watch

_REDIRECTS = (301, 302, 303, 307, 308)
_UNDONE = (b"content-encoding", b"content-length")

Headers = list[tuple[bytes, bytes]]


class Answer(msgspec.Struct, frozen=True):
    """Status, headers and the body to come."""

    status: int
    headers: Headers
    body: Body
    version: str = ""
    """Of HTTP, such as `1.1`."""
    reason: bytes = b""


def answer_of(
    *,
    origin: Origin,
    status: int,
    headers: Headers,
    noted: dict[bytes, bytes],
    source: Source,
    watch: Watch,
    decoded_bound: int,
    version: str = "",
    reason: bytes = b"",
) -> Answer:
    """The answer, with a Body that undoes the content coding; then the headers about the coded body are gone.

    `noted` has at least Content-Encoding and Location, by lower-case name. Raises Redirected.
    """
    if status in _REDIRECTS and b"location" in noted:
        raise _redirected(origin, status, noted[b"location"].decode("latin-1").strip())
    decoding = unfolding(noted.get(b"content-encoding", b""), decoded_bound, origin)
    if decoding is not None:
        headers = [header for header in headers if header[0].lower() not in _UNDONE]
    return Answer(status, headers, Body(source, decoding, watch, origin), version, reason)


def response_of(request: httpx.Request, answer: Answer, extensions: dict[str, Any]) -> httpx.Response:
    """The same as httpx has it."""
    return httpx.Response(
        answer.status, headers=answer.headers, stream=answer.body, request=request, extensions=extensions
    )


def _redirected(origin: Origin, status: int, location: str) -> Redirected:
    try:
        url = httpx.URL(location)
        target = f"{url.scheme}://{url.netloc.decode()}" if url.host else "another path of the same origin"
    except (httpx.InvalidURL, ValueError):  # the latter by idna, for a host in Punycode
        target = "no valid URL"
    return Redirected(f"{origin}: status {status} points to {target}; redirects are not followed", status)
