"""What the requests of one account to one path have in common, put into bytes and checked once."""

from collections.abc import Mapping

import httpx

from callboard.actors.transport.content import Content
from callboard.actors.transport.order import SMALL, Order, order_of
from callboard.actors.transport.policy import Origin

_EACH_TIME = ("content-length", "x-client-request-id")


class Letterhead:
    """All of a head but the body's length and the request's number."""

    def __init__(self, method: str, url: httpx.URL, headers: Mapping[str, str], accept_encoding: bytes) -> None:
        """Raises RequestInvalid, naming the header but never its value."""
        common = {name: value for name, value in headers.items() if name.lower() not in _EACH_TIME}
        request = httpx.Request(method, url, headers={**common, "content-length": "0"}, stream=Content(b""))
        sample = order_of(request, accept_encoding)
        self._method = method
        self._origin: Origin = sample.origin
        self._repeatable = sample.repeatable
        self._head = sample.first.removesuffix(b"\r\n").replace(b"\r\ncontent-length: 0\r\n", b"\r\n")

    def order(self, body: bytes, number: str) -> Order:
        """The request; `number` is its `x-client-request-id`, of letters, digits and hyphens."""
        head = b"%bcontent-length: %d\r\nx-client-request-id: %b\r\n\r\n" % (self._head, len(body), number.encode())
        small = len(body) <= SMALL
        return Order(
            origin=self._origin,
            method=self._method,
            first=head + body if small else head,
            rest=None if small else memoryview(body),
            repeatable=self._repeatable,
        )
