"""The transport that a configuration calls for."""

from collections.abc import Callable

import httpx

from callboard.actors.transport.base import ProviderTransport
from callboard.actors.transport.config import TransportConfig
from callboard.actors.transport.foreign import HttpxTransport
from callboard.actors.transport.order import origin_of
from callboard.actors.transport.proxies import Proxies, proxies_of
from callboard.actors.transport.tls import ContextMaker, tls_context
from callboard.actors.transport.transport import Transport


def open_transport(
    config: TransportConfig | None = None,
    *,
    key_password: str | None = None,
    contexts: ContextMaker = tls_context,
) -> ProviderTransport:
    """A transport for one provider account; close it in the Trio run that uses it.

    Accounts share their TLS contexts, each some 20 ms to make, when all are given one `functools.cache(tls_context)`.

    Raises ValueError for a setting without sense: a proxy's URL, an `allowed_hosts` entry. The TLS files are read
    with the first https request, and the environment's proxies here and now.
    """
    config = config or TransportConfig()
    proxies = proxies_of(config)

    def through(proxy: str | None) -> ProviderTransport:
        return HttpxTransport(config, proxy=proxy, key_password=key_password, contexts=contexts)

    by_choice = config.engine == "httpx" or config.http2
    direct = through(None) if by_choice else Transport(config, key_password=key_password, contexts=contexts)
    return Routed(direct, proxies, through) if proxies else direct


class Routed(ProviderTransport):
    """Sends each request directly or through its proxy; a proxy's transport is made when first needed."""

    def __init__(
        self, direct: ProviderTransport, proxies: Proxies, through: Callable[[str], ProviderTransport]
    ) -> None:
        self._direct = direct
        self._proxies = proxies
        self._through = through
        self._made: dict[str, ProviderTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See Transport."""
        return await self._route(request.url).handle_async_request(request)

    async def warm_up(self, url: str, count: int) -> int:
        """See ProviderTransport."""
        return await self._route(httpx.URL(url)).warm_up(url, count)

    def sweep(self) -> None:
        """See ProviderTransport."""
        self._direct.sweep()

    def drop_idle(self) -> None:
        """See ProviderTransport."""
        self._direct.drop_idle()

    async def aclose(self) -> None:
        """Close every connection of every route."""
        await self._direct.aclose()
        for transport in self._made.values():
            await transport.aclose()

    def _route(self, url: httpx.URL) -> ProviderTransport:
        proxy = self._proxies.proxy(origin_of(url))
        if proxy is None:
            return self._direct
        if proxy not in self._made:
            self._made[proxy] = self._through(proxy)
        return self._made[proxy]
