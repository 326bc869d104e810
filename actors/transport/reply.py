"""Bytes as a reply: llhttp, by way of httptools, and the rules that it leaves to its user.

llhttp is strict by default, and stays so here: no bare LF, no folded headers, no Content-Length beside a
Transfer-Encoding. What it does not know is told it here: bounds, that 1xx replies precede the real one, that nothing
may follow it, how a body ends that has no length, and that only `chunked` may frame one.
"""

import httptools

from callboard.actors.transport.config import Bounds
from callboard.actors.transport.errors import Disconnected, MalformedReply, TooLarge
from callboard.actors.transport.policy import Origin

_BODILESS = (204, 304)
_VERSIONS = ("1.0", "1.1")
_NOTED = frozenset(
    {b"connection", b"content-encoding", b"content-length", b"keep-alive", b"location", b"transfer-encoding"}
)


class Stop(Exception):
    """Ends llhttp's work from inside one of its calls."""


class Reply:
    """One reply, growing. Made anew for each request, so that nothing is carried over.

    llhttp calls the `on_` methods from inside `feed`.
    """

    __slots__ = (
        "_begun",
        "_body",
        "_body_bytes",
        "_bounds",
        "_fault",
        "_framing_bytes",
        "_head_bytes",
        "_head_only",
        "_informational",
        "_llhttp",
        "_origin",
        "_over",
        "_until_close",
        "complete",
        "head_complete",
        "headers",
        "noted",
        "reason",
        "received",
        "spent",
        "status",
        "version",
    )

    def __init__(self, origin: Origin, bounds: Bounds, *, head_only: bool) -> None:
        self._origin = origin
        self._bounds = bounds
        self._head_only = head_only
        self._llhttp: httptools.HttpResponseParser | None = None
        """Made when something comes: until then a reply that is waited for is seven objects less."""
        self._over = False
        """Whether nothing more is to be read."""
        self._fault: TooLarge | MalformedReply | None = None
        self._begun = False
        self._informational = False
        self._until_close = False
        self._head_bytes = 0
        self._framing_bytes = 0
        self._body_bytes = 0
        self._body: list[bytes] | None = None
        self.status = 0
        self.reason = b""
        self.version = ""
        self.headers: list[tuple[bytes, bytes]] = []
        self.noted: dict[bytes, bytes] = {}
        """The headers that the transport itself goes by, under lower-case names, their values as llhttp saw them."""
        self.received = 0
        """Bytes fed."""
        self.head_complete = False
        self.complete = False
        self.spent = False
        """Whether the connection is of no further use: more came than the reply, or the peer has closed."""

    def feed(self, data: memoryview) -> None:
        """What came. Raises MalformedReply or TooLarge; what came before the fault may still be there to take."""
        if self._over:
            self.spent = True
            return
        if not self._begun:
            self._begin(data)
        if self._llhttp is None:
            self._llhttp = httptools.HttpResponseParser(self)
        self.received += len(data)
        before = self._body_bytes
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserError as error:
            self._failed(error)
        if self._body_bytes == before:
            self._framing_bytes += len(data)
            if self._framing_bytes > self._bounds.header and not self.complete:
                raise self._too_large("header", self._bounds.header)
        else:
            self._framing_bytes = 0
        if self.complete:
            self.abandon()

    def end(self) -> None:
        """The peer has closed. Raises Disconnected if the reply is not whole."""
        self.spent = True
        self.abandon()
        if self._until_close:
            self.complete = True
        if not self.complete:
            when = "before its reply was whole" if self.received else "without a reply"
            raise Disconnected(f"{self._origin}: the server disconnected {when}")

    def abandon(self) -> None:
        """Nothing more is read: let go of the parser, which refers back to this object."""
        self._over = True
        self._llhttp = None

    @property
    def holds(self) -> bool:
        """Whether there is any of the body to take."""
        return bool(self._body)

    def take(self) -> bytes:
        """The body's bytes since the last time."""
        body = self._body
        if not body:
            return b""
        self._body = None
        return body[0] if len(body) == 1 else b"".join(body)

    def on_message_begin(self) -> None:
        if self.complete:
            raise Stop

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._bounds.header:
            self._stop(self._too_large("header", self._bounds.header))
        if self.head_complete:
            return
        self.headers.append((name, value.rstrip(b" \t")))
        lower = name.lower()
        if lower in _NOTED:
            earlier = self.noted.get(lower)
            self.noted[lower] = value if earlier is None else earlier + b", " + value

    def on_headers_complete(self) -> None:
        assert self._llhttp is not None
        self.status = self._llhttp.get_status_code()
        self.version = self._llhttp.get_http_version()
        self._check()
        self._informational = self.status < 200
        if not self._informational:
            framed = b"content-length" in self.noted or b"transfer-encoding" in self.noted
            self._until_close = not framed and self.status not in _BODILESS
            self.head_complete = True
            self.complete = self._head_only

    def on_body(self, data: bytes) -> None:
        if self.complete:
            raise Stop
        self._body_bytes += len(data)
        if self._body_bytes > self._bounds.body:
            self._stop(self._too_large("body", self._bounds.body))
        if self._body is None:
            self._body = [data]
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._informational:
            self.headers, self.noted, self.reason = [], {}, b""
        else:
            self.complete = True

    def _begin(self, data: memoryview) -> None:
        """llhttp knows RTSP and ICE as well; HTTP alone begins with an H."""
        first = bytes(data).lstrip(b"\r\n")[:1]
        self._begun = bool(first)
        if first not in (b"", b"H"):
            raise MalformedReply(f"{self._origin}: not an HTTP/1.1 reply")

    def _check(self) -> None:
        if self.version not in _VERSIONS:
            self._stop(MalformedReply(f"{self._origin}: the reply is HTTP/{self.version}, not HTTP/1.1"))
        if not 100 <= self.status < 600 or self.status == 101:
            self._stop(MalformedReply(f"{self._origin}: status {self.status} does not answer any request"))
        if self.noted.get(b"transfer-encoding", b"chunked").rstrip(b" ").lower() != b"chunked":
            self._stop(MalformedReply(f"{self._origin}: the Transfer-Encoding is not chunked alone"))
        if int(self.noted.get(b"content-length", b"0")) > self._bounds.body and not self._head_only:
            self._stop(self._too_large("body", self._bounds.body))

    def _stop(self, fault: TooLarge | MalformedReply) -> None:
        self._fault = fault
        raise Stop

    def _failed(self, error: httptools.HttpParserError) -> None:
        if self._fault is not None:
            raise self._fault from None
        if not self.complete:
            raise MalformedReply(f"{self._origin}: not an HTTP/1.1 reply: {error}") from None
        self.spent = True

    def _too_large(self, bound: str, limit: int) -> TooLarge:
        return TooLarge(f"{self._origin}: the reply's {bound} is larger than {limit:,} bytes (bound {bound})")
