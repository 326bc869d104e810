import functools
import ssl
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Any

import httpx
import pytest

from callboard.actors.transport import foreign
from callboard.actors.transport.body import read_body
from callboard.actors.transport.config import Tls, TransportConfig
from callboard.actors.transport.foreign import HttpxTransport
from callboard.actors.transport.opening import Routed, open_transport
from callboard.actors.transport.transport import Transport

Serve = Callable[..., Awaitable[Any]]


needs_h2 = pytest.mark.skipif(find_spec("h2") is None, reason="the package h2 is not installed")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (None, Transport),
        (TransportConfig(engine="httpx"), HttpxTransport),
        pytest.param(TransportConfig(http2=True), HttpxTransport, marks=needs_h2),
        (TransportConfig(proxy="http://proxy:3128"), Routed),
    ],
)
async def test_the_configuration_chooses_the_transport(config: TransportConfig | None, kind: type) -> None:
    transport = open_transport(config)
    assert type(transport) is kind
    await transport.aclose()


def test_http2_without_its_package_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="h2"):
        open_transport(TransportConfig(http2=True))


async def test_httpx_stays_selectable(hello: Any) -> None:
    for engine in ("callboard", "httpx"):
        async with open_transport(TransportConfig(engine=engine)) as transport:
            assert await read_body(await transport.handle_async_request(hello.request())) == b"hello"


async def test_each_origin_goes_its_own_way(hello: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async def proxy(peer: Any) -> None:
        while request := await peer.request():
            assert request.startswith(b"POST http://models.example/ ")
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied")

    server = await serve(proxy)
    monkeypatch.setenv("ALL_PROXY", server.url)
    async with open_transport(TransportConfig(plain_http="anywhere")) as transport:
        assert await transport.warm_up(hello.url, 2) == 2
        assert await transport.warm_up("http://models.example", 2) == 0
        assert await read_body(await transport.handle_async_request(hello.request())) == b"hello"
        for _ in range(2):
            request = httpx.Request("POST", "http://models.example/", content=b"x")
            assert await read_body(await transport.handle_async_request(request)) == b"proxied"
        transport.sweep()
    assert (hello.connections, server.connections) == (2, 1)


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ({"max_connections": 0}, "max_connections"),
        ({"max_idle": -1}, "max_idle"),
        ({"keep_alive": -1.0}, "keep_alive"),
        ({"eyeballs_delay": 0.0}, "eyeballs_delay"),
    ],
)
def test_settings_without_sense_are_refused(setting: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        TransportConfig(**setting)


async def test_accounts_can_share_their_tls_context(serve: Serve, tls: Any) -> None:
    asked: list[Tls] = []

    @functools.cache
    def made(settings: Tls, password: str | None) -> ssl.SSLContext:
        asked.append(settings)
        return tls[0]  # type: ignore[no-any-return]

    async def handler(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server = await serve(handler, tls[1])
    for engine in ("callboard", "httpx", "callboard"):
        async with open_transport(TransportConfig(engine=engine), contexts=made) as transport:
            await read_body(await transport.handle_async_request(server.request()))
    assert asked == [Tls()]


def test_an_allowed_host_without_sense_is_refused_when_opening() -> None:
    with pytest.raises(ValueError, match="allowed_hosts"):
        open_transport(TransportConfig(allowed_hosts=("https://api.example.com",)))
