"""From an origin to a connected link: addresses, the rules of where to go, happy eyeballs, TLS."""

import os
import socket
import ssl
from collections.abc import Sequence
from itertools import chain, zip_longest

import trio

from callboard.actors.transport.errors import ConnectFailed, DestinationRefused, HostNotFound, NothingLeft, TlsFailed
from callboard.actors.transport.link import Link
from callboard.actors.transport.names import Address, Names
from callboard.actors.transport.policy import Destinations, Origin
from callboard.actors.transport.shortage import shortage


async def dial(
    origin: Origin, names: Names, destinations: Destinations, delay: float, context: ssl.SSLContext | None
) -> Link:
    """Connect. `delay` is the head start of each address in seconds; `context` is needed for https.

    Raises HostNotFound, DestinationRefused, ConnectFailed, NothingLeft or TlsFailed.
    """
    addresses = permitted(origin, await look_up(origin, names), destinations)
    try:
        sock = await race(addresses, delay)
    except OSError as error:
        raise _short(origin, error) or ConnectFailed(f"{origin}: {_reason(error)}") from error
    try:
        return Link(sock if context is None else await handshake(sock, context, origin.host))
    except (OSError, ValueError) as error:
        sock.close()
        raise TlsFailed(f"{origin}: {tls_reason(error)}") from error


async def look_up(origin: Origin, names: Names) -> list[Address]:
    """The addresses of a host, families in turn.

    Raises HostNotFound or NothingLeft.
    """
    try:
        return interleave(await names.find(origin.host, origin.port))
    except (OSError, UnicodeError) as error:
        unknown = HostNotFound(f"{origin}: the name does not resolve: {_reason(error)}")
        raise _short(origin, error) or unknown from error


def interleave(addresses: Sequence[Address]) -> list[Address]:
    """The resolver's order, but families taking turns (RFC 8305, 4)."""
    first = [address for address in addresses if address.family == addresses[0].family]
    second = [address for address in addresses if address.family != addresses[0].family]
    return [address for address in chain(*zip_longest(first, second)) if address is not None]


def permitted(origin: Origin, addresses: Sequence[Address], destinations: Destinations) -> list[Address]:
    """Those that may be called. Raises DestinationRefused when none may."""
    refusal: str | None = None
    kept = []
    for address in addresses:
        refused = destinations.refusal(origin, address.sockaddr[0])
        refusal = refusal or refused
        if refused is None:
            kept.append(address)
    if not kept:
        raise DestinationRefused(f"{origin}: refused: {refusal}")
    return kept


async def race(addresses: Sequence[Address], delay: float) -> socket.socket:
    """The first connection to come about, each address starting `delay` seconds after the one before (RFC 8305, 5).

    Raises the last OSError when all fail: one that tells of the other side, if any does.
    """
    if len(addresses) == 1:
        return await _connect(addresses[0])
    winners: list[socket.socket] = []
    errors: list[OSError] = []

    @trio.lowlevel.enable_ki_protection
    async def attempt(address: Address, failed: trio.Event) -> None:
        try:
            winners.append(await _connect(address))
            nursery.cancel_scope.cancel()
        except OSError as error:
            errors.append(error)
            failed.set()

    try:
        async with trio.open_nursery() as nursery:
            for address in addresses:
                failed = trio.Event()
                nursery.start_soon(attempt, address, failed)
                with trio.move_on_after(delay):
                    await failed.wait()
    except BaseException:
        _close(winners)
        raise
    _close(winners[1:])
    if not winners:
        raise next((error for error in reversed(errors) if shortage(error) is None), errors[-1])
    return winners[0]


async def handshake(sock: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """TLS over a connected socket, which is used up. A reply that ends without TLS's own end is an error later on."""
    tls = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False)
    try:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(tls)
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(tls)
            else:
                return tls
    except BaseException:
        tls.close()
        raise


def tls_reason(error: Exception) -> str:
    """Why no TLS connection came about."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    reason = error.reason if isinstance(error, ssl.SSLError) else None
    return f"the TLS handshake failed: {reason or _reason(error)}"


async def _connect(address: Address) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            sock.connect(address.sockaddr)
        except BlockingIOError:
            await trio.lowlevel.wait_writable(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code)) from None
    except BaseException:
        sock.close()
        raise
    return sock


def _close(socks: Sequence[socket.socket]) -> None:
    for sock in socks:
        sock.close()


def _short(origin: Origin, error: Exception) -> NothingLeft | None:
    missing = shortage(error)
    return None if missing is None else NothingLeft(f"{origin}: {missing}")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
