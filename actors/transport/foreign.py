"""httpx's own transport behind the same promises: for proxies, for HTTP/2, or by choice."""

import functools
import ssl
from importlib.util import find_spec
from typing import Any

import httpx

from callboard.actors.transport.base import ProviderTransport
from callboard.actors.transport.coding import accept_encoding
from callboard.actors.transport.config import TransportConfig
from callboard.actors.transport.content import Content, content_of
from callboard.actors.transport.dial import look_up, permitted, tls_reason
from callboard.actors.transport.errors import DestinationRefused, Disconnected, NothingLeft, Stage, TlsFailed, TooLarge
from callboard.actors.transport.names import Names
from callboard.actors.transport.order import origin_of
from callboard.actors.transport.policy import Destinations, Origin
from callboard.actors.transport.response import answer_of, response_of
from callboard.actors.transport.shards import SHARD, Lease, Shards
from callboard.actors.transport.shortage import shortage
from callboard.actors.transport.stopwatch import Stopwatch, Watch
from callboard.actors.transport.tls import ContextMaker, tls_context

_NO_TIMES = {"connect": None, "read": None, "write": None, "pool": None}

_TOLD = ("http_version", "reason_phrase")

_STAGES = {
    "connect_tcp.started": Stage.CONNECT,
    "start_tls.started": Stage.CONNECT,
    "send_request_headers.started": Stage.WRITE,
    "receive_response_headers.started": Stage.FIRST_BYTE,
}
"""What httpcore tells its `trace` of, less the kind of connection in front."""


class Trace:
    """What httpcore tells of one request. A proxy that is asked for a tunnel is not the server yet."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.tunnelling = False
        self.connected = False
        """Whether the request itself has begun to leave."""

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        """Enter the stage that begins."""
        stage = _STAGES.get(event.partition(".")[2])
        if stage is None:
            return
        self.tunnelling = "request" in info and info["request"].method == b"CONNECT"
        if not self.tunnelling:
            self.connected = self.connected or stage is Stage.WRITE
            self._watch.enter(stage)


class Rest:
    """What is left of an httpx response; holds its permit until it is closed. See body.Source."""

    def __init__(self, stream: httpx.AsyncByteStream, lease: Lease, bound: int) -> None:
        self._stream = stream
        self._pieces = aiter(stream)
        self._lease = lease
        self._left = bound
        self._bound = bound
        self._got = b""
        self.ended = False

    def take(self) -> bytes:
        """See body.Source."""
        got, self._got = self._got, b""
        return got

    async def receive(self) -> None:
        """See body.Source. After a failure httpcore has closed the connection by itself."""
        try:
            self._got = await anext(self._pieces)
        except StopAsyncIteration:
            self.ended = True
            await self.aclose()
            return
        except httpx.HTTPError:
            raise
        except Exception as error:
            raise broken(error, self._lease.origin) from error
        self._left -= len(self._got)
        if self._left < 0:
            raise TooLarge(f"{self._lease.origin}: the reply's body is larger than {self._bound:,} bytes (bound body)")

    async def aclose(self) -> None:
        """See body.Source. Here the network may be waited for: the connection is httpx's own."""
        try:
            await self._stream.aclose()
        finally:
            await self._lease.end(whole=self.ended)


class HttpxTransport(ProviderTransport):
    """httpx's connections with this package's timeouts, bounds, errors, content codings and rules of where to go.

    Where a proxy resolves the names, only the names can be checked against `allowed_hosts`.
    """

    def __init__(
        self,
        config: TransportConfig,
        *,
        proxy: str | None = None,
        key_password: str | None = None,
        contexts: ContextMaker = tls_context,
    ) -> None:
        """As Transport; ValueError also where `http2` is wanted and its package is missing."""
        if config.http2 and find_spec("h2") is None:
            raise ValueError("http2 needs the package h2: pip install 'callboard[http2]'")
        self._config = config
        self._proxy = proxy
        self._key_password = key_password
        # httpcore tells a context which protocols to offer, so one that offers HTTP/2 is not shared
        self._contexts = tls_context if config.http2 else contexts
        self._names = Names()
        self._destinations = Destinations(config.plain_http, config.allowed_hosts)
        self._shards = Shards(self._new_shard, max_connections=config.max_connections, shared=config.http2)
        self._accept = accept_encoding().decode()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See Transport. Errors of the connection are httpx's own, but for NothingLeft and TlsFailed."""
        origin = origin_of(request.url)
        timeouts = self._config.timeouts.overridden(request.extensions.get("timeout"))
        watch: Watch = request.extensions.get("watch") or Stopwatch(timeouts)
        with watch.open(Stage.CONNECT):
            await self._check(origin)
            return await self._serve(request, origin, watch)
        raise watch.error(origin)

    async def warm_up(self, url: str, count: int) -> int:
        """See ProviderTransport: nothing can be opened ahead here."""
        return 0

    def sweep(self) -> None:
        """See ProviderTransport: httpx sweeps by itself, with each request."""

    def drop_idle(self) -> None:
        """See ProviderTransport: httpx holds its idle connections itself; they go when they have idled too long."""

    async def aclose(self) -> None:
        """Close every connection."""
        await self._shards.aclose()

    def __repr__(self) -> str:
        via = " through a proxy" if self._proxy else ""
        return f"HttpxTransport({self._shards}{via})"

    async def _check(self, origin: Origin) -> None:
        if self._proxy is None and self._destinations.judges(origin.scheme):
            permitted(origin, await look_up(origin, self._names), self._destinations)
        elif self._proxy is not None and (refusal := self._destinations.refusal_unresolved(origin)):
            raise DestinationRefused(f"{origin}: refused: {refusal}")

    async def _serve(self, request: httpx.Request, origin: Origin, watch: Watch) -> httpx.Response:
        lease = await self._shards.take(origin, watch)
        trace = Trace(watch)
        try:
            response = await lease.transport.handle_async_request(self._outgoing(request, trace, watch))
            assert isinstance(response.stream, httpx.AsyncByteStream)
            rest = Rest(response.stream, lease, self._config.bounds.body)
        except BaseException as error:
            await lease.end(replied=False, whole=False)
            told = told_apart(error, origin, tunnelling=trace.tunnelling, http2=self._config.http2)
            if told is None and self._proxy is not None and not trace.connected and _broke_off(error):
                told = httpx.ProxyError("no valid reply")
            if told is None:
                raise
            raise told from error
        try:
            if response.status_code == 407 and origin.scheme == "http" and (self._proxy or "").startswith("http"):
                raise httpx.ProxyError(f"407 {response.reason_phrase}")  # as httpcore says it of one asked for a tunnel
            return self._response(request, origin, response, rest, watch)
        except BaseException:
            await rest.aclose()
            raise

    def _response(
        self, request: httpx.Request, origin: Origin, response: httpx.Response, rest: Rest, watch: Watch
    ) -> httpx.Response:
        answer = answer_of(
            origin=origin,
            status=response.status_code,
            headers=response.headers.raw,
            noted={name.lower(): value for name, value in response.headers.raw},
            source=rest,
            watch=watch,
            decoded_bound=self._config.bounds.decoded,
        )
        told = {name: response.extensions[name] for name in _TOLD if name in response.extensions}
        return response_of(request, answer, told)

    def _outgoing(self, request: httpx.Request, trace: Trace, watch: Watch) -> httpx.Request:
        headers = httpx.Headers(request.headers)
        headers.setdefault("Accept-Encoding", self._accept)
        extensions = {**request.extensions, "timeout": _NO_TIMES, "trace": trace}
        content = content_of(request)
        stream = request.stream if content is None else Content(content, lambda: watch.enter(Stage.WRITE))
        return httpx.Request(request.method, request.url, headers=headers, stream=stream, extensions=extensions)

    def _new_shard(self) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(
            max_connections=SHARD,
            max_keepalive_connections=SHARD,
            keepalive_expiry=self._config.keep_alive,
        )
        return httpx.AsyncHTTPTransport(
            verify=self._context,
            trust_env=False,
            http2=self._config.http2,
            limits=limits,
            proxy=self._proxy,
        )

    @functools.cached_property
    def _context(self) -> ssl.SSLContext:
        return self._contexts(self._config.tls, self._key_password)


def told_apart(error: BaseException, origin: Origin, *, tunnelling: bool, http2: bool) -> httpx.TransportError | None:
    """What an error is to be told as; None where that is itself.

    `tunnelling`: whether it was a proxy that was being asked; `http2`: whose packages raise errors of their own.
    """
    match error:
        case httpx.ConnectError() if (missing := shortage(error)) is not None:
            return NothingLeft(f"{origin}: {missing}")
        case httpx.ConnectError() if (failure := _tls_failure(error)) is not None:
            return TlsFailed(f"{origin}: {tls_reason(failure)}")
        case httpx.NetworkError() | httpx.RemoteProtocolError() if tunnelling:
            return httpx.ProxyError("no valid reply to CONNECT")
        case Exception() if http2 and not isinstance(error, httpx.HTTPError):
            return broken(error, origin)
        case _:
            return None


def _broke_off(error: BaseException) -> bool:
    """Whether the other side ended it, or talked rubbish: httpcore lets through what its SOCKS package raises."""
    known = isinstance(error, httpx.HTTPError)
    return isinstance(error, httpx.ReadError | httpx.WriteError) if known else isinstance(error, Exception)


def broken(error: Exception, origin: Origin) -> Disconnected:
    """What is none of httpx's errors: the state of the connection is not known."""
    return Disconnected(f"{origin}: the connection broke ({type(error).__name__})")


def _tls_failure(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__  # httpcore raises `from None` what had a cause
    return error
