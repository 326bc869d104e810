"""The transport's decisions, each a pure function of what is known."""

import ipaddress
from collections.abc import Sequence
from typing import Literal, NamedTuple

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that may be sent twice (RFC 9110, 9.2.2)."""


class Origin(NamedTuple):
    """Whom a connection leads to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def may_retry(*, sent: int, received: int, repeatable: bool) -> bool:
    """Whether a request that failed on a pooled connection may go out once more on a fresh one (RFC 9110, 9.2.2).

    Not once a byte of a reply has come. Once a byte of the request has left, the server may have acted on it, so it
    must be `repeatable`: an idempotent method or an Idempotency-Key, and a body that is still there to be sent.
    """
    return received == 0 and (sent == 0 or repeatable)


def may_reuse(*, complete: bool, spent: bool, sent_whole: bool, version: str, connection: bytes) -> bool:
    """Whether a connection may carry another request after this reply.

    Not while either side has bytes left to send, nor when more came than was asked for (`spent`); HTTP/1.0 servers
    are not trusted with it. `connection` is the reply's Connection header.
    """
    if not complete or spent or not sent_whole or version != "1.1":
        return False
    return not connection or b"close" not in [token.strip() for token in connection.lower().split(b",")]


def idle_seconds(configured: float, keep_alive: bytes) -> float:
    """How long a connection may idle: as configured, or a second less than the server's Keep-Alive header says."""
    for item in keep_alive.split(b",") if keep_alive else ():
        name, _, value = item.strip().partition(b"=")
        if name.lower() == b"timeout" and value.isdigit() and len(value) < 10:
            return min(configured, max(0.0, int(value) - 1.0))
    return configured


class Destinations:
    """Which hosts may be called: the rules of `plain_http` and `allowed_hosts`."""

    def __init__(self, plain_http: Literal["loopback", "anywhere"], allowed: Sequence[str] | None) -> None:
        self._plain_anywhere = plain_http == "anywhere"
        self._open = allowed is None
        self._names: set[str] = set()
        self._networks: list[_Network] = []
        for entry in allowed or ():
            self._add(entry)

    def judges(self, scheme: str) -> bool:
        """Whether any address could be refused for this scheme."""
        return not self._open or (scheme == "http" and not self._plain_anywhere)

    def refusal(self, origin: Origin, address: str) -> str | None:
        """Why this address may not be called for this origin; None when it may."""
        ip = _unmapped(address)
        if origin.scheme == "http" and not self._plain_anywhere and not ip.is_loopback:
            return "plain http goes only to loopback; use https, or set plain_http to 'anywhere'"
        if self._open or self._listed(ip):
            return None
        if not self._named(origin.host):
            return "the host is not among allowed_hosts"
        return None if ip.is_global else "its address is not public and not among allowed_hosts"

    def refusal_unresolved(self, origin: Origin) -> str | None:
        """As `refusal`, where a proxy resolves the name and only the name can be judged."""
        ip = _address(origin.host)
        if ip is not None:
            return self.refusal(origin, origin.host)
        if origin.scheme == "http" and not self._plain_anywhere:
            return "plain http goes through a proxy only when plain_http is 'anywhere'"
        return None if self._open or self._named(origin.host) else "the host is not among allowed_hosts"

    def _add(self, entry: str) -> None:
        try:
            self._networks.append(ipaddress.ip_network(entry))
        except ValueError:
            if "/" in entry or ":" in entry or not entry.removeprefix("*."):
                raise ValueError(f"allowed_hosts: {entry!r} is neither a name, an address nor a network") from None
            self._names.add(entry.lower())

    def _listed(self, ip: IpAddress) -> bool:
        return any(ip in network for network in self._networks)

    def _named(self, host: str) -> bool:
        _, _, parent = host.partition(".")
        while parent:
            if f"*.{parent}" in self._names:
                return True
            _, _, parent = parent.partition(".")
        return host in self._names


def _address(host: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _unmapped(address: str) -> IpAddress:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return mapped or ip
