"""Whether a base URL and headers make sense, and keep the key to themselves. No sentence here quotes a value."""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from callboard.errors import ConfigError

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PORTS = {"https": 443, "http": 80}
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?")


def check_url(url: str, where: str, *, allow_http: bool) -> None:
    """Raises ConfigError. Plain http is for this machine alone, unless it is allowed."""
    parts = _split(url, where)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{where}: expected http(s)://host")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{where}: expected no user and password in it; put the credential into key_env")
    if parts.query or parts.fragment:
        raise ConfigError(f"{where}: expected nothing after the path, no ? and no #")
    if parts.scheme == "http" and not allow_http and not is_loopback(parts.hostname):
        raise ConfigError(
            f"{where}: plain http to {parts.hostname} would send the key in clear; "
            "expected https, or allow_http = true beside it"
        )


def check_headers(headers: Mapping[str, str], where: str) -> None:
    """Raises ConfigError for names and values that HTTP cannot hold."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ConfigError(f"{where}: {name!r} is no name of a header")
        if not _HEADER_VALUE.fullmatch(value):
            raise ConfigError(f"{where}.{name}: expected printable ASCII without spaces around it")


def normal(url: str) -> str:
    """One that has been checked as all write it: without capitals in its host, its usual port, a slash at its end."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    netloc = f"[{host}]" if ":" in host else host
    if parts.port not in (None, _PORTS[parts.scheme]):
        netloc = f"{netloc}:{parts.port}"
    return f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Whether it is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str, where: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # which is only read when it is asked for
    except ValueError:
        raise ConfigError(f"{where}: expected http(s)://host, got what is no URL") from None
    return parts
