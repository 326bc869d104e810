"""What a request can end with instead of a reply: httpx's exceptions, and below them which of them exactly.

    httpx.TransportError
    ├─ httpx.TimeoutException
    │  ├─ PoolTimeout             httpx.PoolTimeout
    │  ├─ ConnectTimeout          httpx.ConnectTimeout
    │  ├─ WriteTimeout            httpx.WriteTimeout
    │  ├─ FirstByteTimeout        httpx.ReadTimeout
    │  ├─ BetweenBytesTimeout     httpx.ReadTimeout
    │  └─ TotalTimeout
    ├─ httpx.ConnectError
    │  ├─ HostNotFound            the name does not resolve
    │  ├─ ConnectFailed           no address answered
    │  ├─ NothingLeft             this machine has nothing left to connect with
    │  └─ TlsFailed               the handshake, or the certificate
    ├─ httpx.ProxyError           no way through the proxy; nothing was sent
    ├─ httpx.ReadError
    │  └─ ConnectionLost          reset while a reply was due
    ├─ httpx.RemoteProtocolError  what the server did wrong
    │  ├─ Disconnected            closed before the reply was whole
    │  ├─ MalformedReply          not HTTP/1.1
    │  └─ TooLarge                one of the Bounds
    └─ httpx.LocalProtocolError   what this side did wrong
       ├─ RequestInvalid          nothing was sent
       ├─ DestinationRefused      plain http, or a host that is not allowed; nothing was sent
       └─ TransportClosed         the request may have been sent
    httpx.DecodingError
    └─ Undecodable                the content coding: unknown, broken or cut
    httpx.TooManyRedirects
    └─ Redirected                 redirects are not followed

Messages name the origin and never the path, the query, a header's value or the body.
"""

import enum

import httpx


class Stage(enum.StrEnum):
    """What is being waited for; the timeout's name."""

    POOL = "pool"
    CONNECT = "connect"
    WRITE = "write"
    FIRST_BYTE = "first byte"
    BETWEEN_BYTES = "between bytes"
    TOTAL = "total"


class PoolTimeout(httpx.PoolTimeout):
    """All connections stayed in use: this side's, or `max_connections` is too small."""

    timeout = Stage.POOL


class ConnectTimeout(httpx.ConnectTimeout):
    """Name lookup, TCP and TLS took too long: the server's or the network's."""

    timeout = Stage.CONNECT


class WriteTimeout(httpx.WriteTimeout):
    """The server stopped taking the request: the server's or the network's."""

    timeout = Stage.WRITE


class FirstByteTimeout(httpx.ReadTimeout):
    """The request was sent and nothing came back: the server's. It may still be working on it."""

    timeout = Stage.FIRST_BYTE


class BetweenBytesTimeout(httpx.ReadTimeout):
    """The reply began and then stopped: the server's or the network's."""

    timeout = Stage.BETWEEN_BYTES


class TotalTimeout(httpx.TimeoutException):
    """Every piece came in time, the whole did not: the server's, or the reader was slow."""

    timeout = Stage.TOTAL


class HostNotFound(httpx.ConnectError):
    """The name does not resolve: the configuration's or the resolver's."""


class ConnectFailed(httpx.ConnectError):
    """No address of the host took the connection: the server's or the network's."""


class NothingLeft(httpx.ConnectError):
    """This machine has no descriptor, port or memory left for a connection: this side's."""


class TlsFailed(httpx.ConnectError):
    """No trusted TLS connection came about: the server's certificate, or the `tls` configuration."""


class ConnectionLost(httpx.ReadError):
    """The connection was reset while a reply was due: the server's or the network's."""


class Disconnected(httpx.RemoteProtocolError):
    """The server closed the connection before its reply was whole."""


class MalformedReply(httpx.RemoteProtocolError):
    """What came is not an HTTP/1.1 reply to this request: the server's."""


class TooLarge(httpx.RemoteProtocolError):
    """The reply passed one of the Bounds: the server's, or the bound is too small."""


class RequestInvalid(httpx.LocalProtocolError):
    """The request cannot be put into HTTP/1.1: the caller's."""


class DestinationRefused(httpx.LocalProtocolError):
    """The configuration does not let this host be called: the configuration's."""


class TransportClosed(httpx.LocalProtocolError):
    """The transport was closed before or during the request: this side's."""


class Undecodable(httpx.DecodingError):
    """The body's content coding is unknown, broken or cut off: the server's."""


class Redirected(httpx.TooManyRedirects):
    """The server points elsewhere; redirects are not followed: set the account's base URL to where it points."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
