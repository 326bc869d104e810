"""The configuration's `tls` as an ssl.SSLContext."""

import ssl
from collections.abc import Callable
from typing import TypeAlias

import certifi

from callboard.actors.transport.config import Tls

ContextMaker: TypeAlias = Callable[[Tls, str | None], ssl.SSLContext]
"""From the settings and the key's password. `functools.cache(tls_context)` shares contexts among accounts."""

_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def tls_context(tls: Tls, key_password: str | None = None) -> ssl.SSLContext:
    """A client context that verifies certificates and host names. Takes some 20 ms.

    `key_password` opens an encrypted client key. Raises ValueError naming the setting and the file.
    """
    try:
        context = ssl.create_default_context(cafile=_roots(tls))
        if tls.ca_file and tls.roots != "none":
            context.load_verify_locations(cafile=tls.ca_file)
    except OSError as error:
        raise ValueError(f"tls ca_file {tls.ca_file!r} cannot be used: {_reason(error)}") from error
    context.minimum_version = _VERSIONS[tls.min_version]
    context.set_alpn_protocols(["http/1.1"])
    if tls.client_cert:
        _show(context, tls.client_cert, tls.client_key, key_password)
    return context


def _roots(tls: Tls) -> str | None:
    match tls.roots:
        case "certifi":
            return certifi.where()
        case "none":
            return tls.ca_file
        case "system":
            return None


def _show(context: ssl.SSLContext, cert: str, key: str | None, password: str | None) -> None:
    try:
        # An empty password makes an encrypted key an error; None would ask at the terminal.
        context.load_cert_chain(cert, key, password or "")
    except OSError as error:
        raise ValueError(f"tls client_cert {cert!r} or its key cannot be used: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
