"""HTTP/1.1 straight to the provider: pool, links and exchanges together."""

import functools
import ssl
from collections.abc import Mapping
from typing import NamedTuple

import httpx
import trio

from callboard.actors.transport.base import ProviderTransport
from callboard.actors.transport.coding import accept_encoding
from callboard.actors.transport.config import TransportConfig
from callboard.actors.transport.dial import dial
from callboard.actors.transport.errors import Stage, TransportClosed
from callboard.actors.transport.exchange import Exchange
from callboard.actors.transport.lease import Lease
from callboard.actors.transport.letterhead import Letterhead
from callboard.actors.transport.link import Link
from callboard.actors.transport.names import Names
from callboard.actors.transport.order import Order, order_of, origin_of
from callboard.actors.transport.policy import Destinations, Origin, may_retry
from callboard.actors.transport.reply import Reply
from callboard.actors.transport.response import Answer, answer_of, response_of
from callboard.actors.transport.slots import Slots
from callboard.actors.transport.stopwatch import Stopwatch, Watch
from callboard.actors.transport.tls import ContextMaker, tls_context

_BUFFER = 64 * 1024


class TransportStatistics(NamedTuple):
    """What a transport holds now, and what it has done since it was made."""

    busy: int
    """Connections in use."""
    idle: int
    waiting: int
    """Requests that wait for a connection."""
    opened: int
    reused: int
    """Requests that went out on a connection that was there."""
    retried: int
    """Requests that met a stale connection and went out again on a fresh one."""


class Transport(ProviderTransport):
    """One provider account's connections. Belongs to one Trio run; close it there.

    `handle_async_request` gives a reply whose stream is a Body: already decoded, so `content-encoding` and
    `content-length` are gone where there was a coding. Raises the tree in `errors`. Redirects are not followed.
    """

    def __init__(
        self,
        config: TransportConfig | None = None,
        *,
        key_password: str | None = None,
        contexts: ContextMaker = tls_context,
    ) -> None:
        """`key_password` opens an encrypted `tls.client_key`. Raises ValueError for an `allowed_hosts` of no sense.

        `contexts` is asked for a TLS context once, with the first https request.
        """
        self._config = config or TransportConfig()
        self._key_password = key_password
        self._contexts = contexts
        self._names = Names()
        self._destinations = Destinations(self._config.plain_http, self._config.allowed_hosts)
        self._slots: Slots[Link] = Slots(max_connections=self._config.max_connections, max_idle=self._config.max_idle)
        self._leases: set[Lease] = set()
        self._accept = accept_encoding()
        self._buffer = memoryview(bytearray(_BUFFER))
        self._opened = self._reused = self._retried = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; return when the reply's head is there.

        Times are the configuration's, or those of the request's `timeout` extension (see config.Timeouts), or kept by
        the caller, whose `watch` extension is a stopwatch.Watch.
        """
        order = order_of(request, self._accept)
        watch: Watch = request.extensions.get("watch") or self.stopwatch(request.extensions.get("timeout"))
        with watch.open(Stage.FIRST_BYTE):
            answer = await self.send(order, watch)
            told = {"http_version": b"HTTP/" + answer.version.encode(), "reason_phrase": answer.reason}
            return response_of(request, answer, told)
        raise watch.error(order.origin)

    async def send(self, order: Order, watch: Watch) -> Answer:
        """As `handle_async_request`, without httpx's objects; the caller has begun to wait for the first byte."""
        idle = await self._slots.take(order.origin, watch)
        lease = Lease(self._slots, self._leases, order.origin, self._config.keep_alive)
        try:
            exchange: Exchange | None = None
            if idle is not None and idle.quiet():
                self._reused += 1
                lease.link = idle
                exchange = self._begin(order, lease, watch)
                try:
                    await exchange.run()
                except httpx.TransportError:
                    if not may_retry(sent=exchange.sent, received=exchange.reply.received, repeatable=order.repeatable):
                        raise
                    self._retried += 1
                    exchange = None
            elif idle is not None:
                idle.close()
            return self._answer(exchange or await self._afresh(order, lease, watch), watch)
        except BaseException:
            lease.discard()
            raise

    def letterhead(self, method: str, url: httpx.URL, headers: Mapping[str, str]) -> Letterhead:
        """For requests that differ in body and number alone. Raises RequestInvalid."""
        return Letterhead(method, url, headers, self._accept)

    def stopwatch(self, timeouts: Mapping[str, float | None] | None) -> Stopwatch:
        """Keeps the configuration's times, or these (seconds; see config.Timeouts)."""
        return Stopwatch(self._config.timeouts.overridden(timeouts))

    async def warm_up(self, url: str, count: int) -> int:
        """See ProviderTransport."""
        origin = origin_of(httpx.URL(url))
        links: list[Link] = []
        errors: list[httpx.TransportError] = []
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                if self._slots.take_bare():
                    nursery.start_soon(self._warm, origin, links, errors)
        if errors and not links:
            raise errors[0]
        return len(links)

    def sweep(self) -> None:
        """See ProviderTransport."""
        self._slots.sweep()

    def drop_idle(self) -> None:
        """See ProviderTransport."""
        self._slots.drop_idle()

    def statistics(self) -> TransportStatistics:
        """The counts, now."""
        return TransportStatistics(*self._slots.statistics(), self._opened, self._reused, self._retried)

    async def aclose(self) -> None:
        """Close every connection at once. Requests and bodies in hand end with TransportClosed."""
        self._slots.close()
        for lease in list(self._leases):
            lease.cut()
        await trio.lowlevel.checkpoint()

    def __repr__(self) -> str:
        return f"Transport({self.statistics()})"

    async def _afresh(self, order: Order, lease: Lease, watch: Watch) -> Exchange:
        watch.enter(Stage.CONNECT)
        lease.link = await self._dial(order.origin)
        watch.enter(Stage.FIRST_BYTE)
        exchange = self._begin(order, lease, watch)
        await exchange.run()
        return exchange

    def _begin(self, order: Order, lease: Lease, watch: Watch) -> Exchange:
        reply = Reply(order.origin, self._config.bounds, head_only=order.method == "HEAD")
        return Exchange(lease, order, reply, watch, self._buffer)

    async def _dial(self, origin: Origin) -> Link:
        context = self._context if origin.scheme == "https" else None
        link = await dial(origin, self._names, self._destinations, self._config.eyeballs_delay, context)
        if self._slots.closed:
            link.close()
            raise TransportClosed(f"{origin}: the transport was closed while it connected")
        self._opened += 1
        return link

    @trio.lowlevel.enable_ki_protection
    async def _warm(self, origin: Origin, links: list[Link], errors: list[httpx.TransportError]) -> None:
        lease = Lease(self._slots, self._leases, origin, self._config.keep_alive)
        watch = Stopwatch(self._config.timeouts)
        try:
            with watch.open(Stage.CONNECT):
                lease.link = await self._dial(origin)
                links.append(lease.link)
                lease.release(b"")
                return
            raise watch.error(origin)
        except httpx.TransportError as error:
            errors.append(error)
        finally:
            lease.discard()

    def _answer(self, exchange: Exchange, watch: Watch) -> Answer:
        reply = exchange.reply
        return answer_of(
            origin=exchange.origin,
            status=reply.status,
            headers=reply.headers,
            noted=reply.noted,
            source=exchange,
            watch=watch,
            decoded_bound=self._config.bounds.decoded,
            version=reply.version,
            reason=reply.reason,
        )

    @functools.cached_property
    def _context(self) -> ssl.SSLContext:
        return self._contexts(self._config.tls, self._key_password)
