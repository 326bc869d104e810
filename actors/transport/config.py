"""What may be set about a transport."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from callboard.messages.settings import numbers


class Timeouts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds. Each is named in its error; none can be left out.

    A request's own `extensions["timeout"]` goes before these. It is httpx's dict, where `read` stands for both
    `first_byte` and `between_bytes`; the two and `total` may be given as further members, which httpx ignores.
    """

    pool: float = 30.0
    """Waiting for one of `max_connections`."""
    connect: float = 10.0
    """Name lookup, TCP and TLS together."""
    write: float = 60.0
    """Without the server taking a single byte."""
    first_byte: float = 60.0
    """From the request's last byte to the reply's first."""
    between_bytes: float = 60.0
    """From one piece of the reply to the next. The reader's own pauses do not count."""
    total: float = 600.0
    """From the request to the reply's last byte, the reader's pauses included."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not getattr(self, name) > 0:
                raise ValueError(f"timeout {name} must be more than 0 seconds")

    def overridden(self, given: Mapping[str, Any] | None) -> "Timeouts":
        """These with what a request's `timeout` extension says in their place; None there leaves the default."""
        if not given:
            return self
        read = given.get("read")
        return Timeouts(
            pool=given.get("pool") or self.pool,
            connect=given.get("connect") or self.connect,
            write=given.get("write") or self.write,
            first_byte=given.get("first_byte") or read or self.first_byte,
            between_bytes=given.get("between_bytes") or read or self.between_bytes,
            total=given.get("total") or self.total,
        )


class Bounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one reply may weigh, in bytes. The bounds on lines and events are the readers' in `wires`."""

    header: int = 64 * 1024
    """All heads of one reply together, informational ones included; also any run of trailers and chunk framing."""
    body: int = 64 * 1024 * 1024
    """As it travels, before its content coding is undone."""
    decoded: int = 256 * 1024 * 1024
    """After its content coding is undone."""

    def __post_init__(self) -> None:
        numbers(self)
        for name in self.__struct_fields__:
            if getattr(self, name) < 1:
                raise ValueError(f"bound {name} must be at least 1 byte")


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to trust and what to show. Certificates and host names are always verified."""

    roots: Literal["certifi", "system", "none"] = "certifi"
    """`none` trusts `ca_file` alone."""
    ca_file: str | None = None
    """PEM file of further authorities."""
    client_cert: str | None = None
    """PEM file shown to servers that ask for one."""
    client_key: str | None = None
    """PEM file of its key, where it is not in `client_cert`."""
    min_version: Literal["TLSv1.2", "TLSv1.3"] = "TLSv1.2"

    def __post_init__(self) -> None:
        if self.roots == "none" and not self.ca_file:
            raise ValueError("tls roots 'none' needs a ca_file: there would be nobody to trust")
        if self.client_key and not self.client_cert:
            raise ValueError("tls client_key needs its client_cert")


class TransportConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provider account's transport."""

    engine: Literal["callboard", "httpx"] = "callboard"
    """`httpx` uses httpx's own connections, as proxies and HTTP/2 always do."""
    http2: bool = False
    """Through httpx, and only if the `h2` package is there."""
    proxy: str | None = None
    """`http://`, `https://` or `socks5://` URL for every request; may hold a user and a password."""
    use_environment: bool = True
    """Whether HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY count where `proxy` is not set."""
    plain_http: Literal["loopback", "anywhere"] = "loopback"
    """Where http without TLS may go. `anywhere` sends credentials and conversations in clear."""
    allowed_hosts: tuple[str, ...] | None = None
    """Names (`api.example.com`, `*.example.com`), addresses and networks (`10.0.0.0/8`) that may be called.

    Checked against the addresses that a name resolves to: a listed name may only lead to public addresses and to
    those that are listed themselves. None allows all.
    """
    max_connections: int = 500
    """Open at once, idle ones included."""
    max_idle: int = 100
    """Kept open with nothing to do."""
    keep_alive: float = 60.0
    """Seconds that an idle connection is kept; less where the server's Keep-Alive header says so."""
    eyeballs_delay: float = 0.25
    """Seconds before the next address is tried beside one that has not answered (RFC 8305)."""
    timeouts: Timeouts = Timeouts()
    bounds: Bounds = Bounds()
    tls: Tls = Tls()

    def __post_init__(self) -> None:
        numbers(self)
        if self.max_connections < 1 or self.max_idle < 0:
            raise ValueError("max_connections must be at least 1 and max_idle at least 0")
        if self.keep_alive < 0 or not self.eyeballs_delay > 0:
            raise ValueError("keep_alive must be at least 0 seconds and eyeballs_delay more than 0")

    def __repr__(self) -> str:
        via = ", through a proxy" if self.proxy else ""
        return f"TransportConfig({self.engine}, {self.max_connections} connections{via})"
