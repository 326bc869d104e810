"""Which proxy a request goes through: the configuration's, or the environment's."""

import ipaddress
import re
from collections.abc import Mapping
from importlib.util import find_spec
from urllib.request import getproxies

import httpx

from callboard.actors.transport.config import TransportConfig
from callboard.actors.transport.policy import Origin

_SCHEMES = ("http", "https", "socks5", "socks5h")
_FOR = ("http", "https", "all")
"""Whose requests the environment names proxies for."""
_HOST = re.compile(rb"[\w.-]+|[\w.%]*:[\w.:%]*")
"""A name, an IPv4 address, or an IPv6 one with or without a zone."""


class Proxies:
    """The proxy of an origin.

    `found` is what `urllib.request.getproxies` gives: proxies by scheme (`http`, `https`, `all`) and `no`, the list of
    hosts that go without. As in curl and Go, loopback never goes through a proxy that only the environment names.
    """

    def __init__(self, configured: str | None, found: Mapping[str, str]) -> None:
        """Raises ValueError for a proxy that cannot be used; the message never holds its password."""
        self._configured = configured
        self._found = {scheme: _whole(url) if scheme in _FOR else url for scheme, url in found.items() if url}
        if configured:
            _check(configured)
            return
        for scheme in _FOR:
            try:
                _check(self._found.get(scheme, ""))
            except ValueError as error:
                name = f"{scheme.upper()}_PROXY"
                raise ValueError(f"{name} in the environment: {error}; `use_environment = false` ignores it") from None

    def __bool__(self) -> bool:
        return bool(self._configured or any(self._found.get(scheme) for scheme in _FOR))

    def proxy(self, origin: Origin) -> str | None:
        """The URL of the proxy for this origin; None to go directly."""
        if self._configured:
            return self._configured
        proxy = self._found.get(origin.scheme) or self._found.get("all")
        if not proxy or _is_loopback(origin.host):
            return None
        return None if bypassed(origin, self._found.get("no", "")) else proxy


def proxies_of(config: TransportConfig) -> Proxies:
    """The proxies that a configuration calls for; reads the environment if it says so."""
    return Proxies(config.proxy, getproxies() if config.use_environment else {})


def bypassed(origin: Origin, no_proxy: str) -> bool:
    """Whether NO_PROXY names the origin: `*`, a name with all below it, an address, a network; a port may follow."""
    for item in no_proxy.lower().split(","):
        entry = item.strip()
        name, _, port = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
        if entry == "*" or (port in ("", str(origin.port)) and _names(name, origin.host)):
            return True
    return False


def _whole(url: str) -> str:
    """As in curl, a proxy that the environment names without a scheme speaks HTTP."""
    return url if "://" in url else f"http://{url}"


def _check(url: str) -> None:
    scheme = url.partition("://")[0].lower()
    if url and scheme not in _SCHEMES:
        raise ValueError(f"a proxy's URL must begin with one of {', '.join(_SCHEMES)} and ://")
    if scheme.startswith("socks") and find_spec("socksio") is None:
        raise ValueError("a SOCKS proxy needs the package socksio: pip install 'callboard[socks]'")
    if url and not _leads_somewhere(url):
        raise ValueError(
            "a proxy's URL is scheme://user:password@host:port; user, password and port may be left out, "
            "and what is no letter or digit in a password is written as %XX"
        )


def _leads_somewhere(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):  # the other one of a character that is none
        return False
    port_fits = parsed.port is None or 1 <= parsed.port <= 65_535
    return port_fits and _HOST.fullmatch(parsed.raw_host) is not None


def _names(entry: str, host: str) -> bool:
    name = entry.removeprefix("*").removeprefix(".")
    if not name:
        return False
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return host == name or host.endswith(f".{name}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
