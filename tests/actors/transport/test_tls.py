"""TLS: verified always, configured by files."""

import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from callboard.actors.transport.body import read_body
from callboard.actors.transport.config import Tls, TransportConfig
from callboard.actors.transport.errors import Disconnected, TlsFailed
from callboard.actors.transport.tls import tls_context
from callboard.actors.transport.transport import Transport

Serve = Callable[..., Awaitable[Any]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


async def hello(peer: Any) -> None:
    while await peer.request():
        await peer.send(OK)


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
    return context


async def call(tls: Tls, server: Any, times: int = 1, key_password: str | None = None) -> bytes:
    body = b""
    async with Transport(TransportConfig(tls=tls), key_password=key_password) as transport:
        for _ in range(times):
            body = await read_body(await transport.handle_async_request(server.request()))
        assert transport.statistics()[:2] == (0, 1)
    return body


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("roots", ["certifi", "system", "none"])
async def test_a_custom_authority_is_trusted_and_its_connections_are_kept(
    serve: Serve, authority: trustme.CA, ca_file: str, roots: Any, version: ssl.TLSVersion
) -> None:
    context = server_context(authority)
    context.minimum_version = context.maximum_version = version
    server = await serve(hello, context)
    assert await call(Tls(roots=roots, ca_file=ca_file), server, times=4) == b"hello"
    assert server.connections == 1


@pytest.mark.parametrize("roots", ["certifi", "system"])
async def test_a_certificate_of_nobody_known_is_refused(serve: Serve, authority: trustme.CA, roots: Any) -> None:
    server = await serve(hello, server_context(authority))
    with pytest.raises(TlsFailed, match="not trusted") as caught:
        await call(Tls(roots=roots), server)
    assert isinstance(caught.value, httpx.ConnectError)


async def test_a_certificate_for_another_name_is_refused(serve: Serve, authority: trustme.CA, ca_file: str) -> None:
    server = await serve(hello, server_context(authority, "other.example.com"))
    with pytest.raises(TlsFailed, match="not trusted"):
        await call(Tls(ca_file=ca_file), server)


async def test_the_minimum_version_is_kept(serve: Serve, authority: trustme.CA, ca_file: str) -> None:
    context = server_context(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = await serve(hello, context)
    with pytest.raises(TlsFailed, match="handshake failed"):
        await call(Tls(ca_file=ca_file, min_version="TLSv1.3"), server)
    assert await call(Tls(ca_file=ca_file), server) == b"hello"


async def test_a_server_that_speaks_no_tls_is_a_failed_handshake(serve: Serve, ca_file: str) -> None:
    async def handler(peer: Any) -> None:
        await peer.stream.receive_some(1)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    server = await serve(handler)
    server.url = server.url.replace("http:", "https:")
    with pytest.raises(TlsFailed, match="handshake failed"):
        await call(Tls(ca_file=ca_file), server)


async def test_a_connection_that_closes_in_the_handshake_is_a_failed_handshake(serve: Serve, ca_file: str) -> None:
    async def handler(peer: Any) -> None:
        await peer.stream.receive_some(1)

    server = await serve(handler)
    server.url = server.url.replace("http:", "https:")
    with pytest.raises(TlsFailed):
        await call(Tls(ca_file=ca_file), server)


@pytest.mark.parametrize("password", [None, "let me in"])
async def test_a_client_certificate_is_shown(
    serve: Serve, authority: trustme.CA, ca_file: str, tmp_path: Path, password: str | None
) -> None:
    mine = authority.issue_cert("me@example.com")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    mine.cert_chain_pems[0].write_to_path(cert)
    key.write_bytes(encrypted(mine.private_key_pem.bytes(), password) if password else mine.private_key_pem.bytes())
    context = server_context(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # so that a refusal comes within the handshake
    authority.configure_trust(context)
    server = await serve(hello, context)
    shown = Tls(ca_file=ca_file, client_cert=str(cert), client_key=str(key))
    assert await call(shown, server, key_password=password) == b"hello"
    if password:
        with pytest.raises(ValueError, match="client_cert"):
            await call(shown, server)
    with pytest.raises(TlsFailed):
        await call(Tls(ca_file=ca_file), server)


def encrypted(pem: bytes, password: str) -> bytes:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(pem, None)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode()),
    )


async def test_a_body_that_ends_without_tlss_own_end_may_be_cut_and_is_an_error(
    serve: Serve, authority: trustme.CA, ca_file: str
) -> None:
    async def cut(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        await peer.stream.transport_stream.aclose()

    async def ended(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")

    async with Transport(TransportConfig(tls=Tls(ca_file=ca_file))) as transport:
        for handler, whole in ((ended, True), (cut, False)):
            server = await serve(handler, server_context(authority))
            response = await transport.handle_async_request(server.request())
            if whole:
                assert await read_body(response) == b"hello"
            else:
                with pytest.raises(Disconnected, match="cut without the end"):
                    await read_body(response)


async def test_a_reply_larger_than_one_tls_record_comes_whole(serve: Serve, tls: Any) -> None:
    client, server_tls = tls
    body = bytes(range(256)) * 4000

    async def handler(peer: Any) -> None:
        while await peer.request():
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    server = await serve(handler, server_tls)
    async with Transport(contexts=lambda *_: client) as transport:
        for _ in range(3):
            response = await transport.handle_async_request(server.request(content=b"y" * 50_000))
            assert await read_body(response) == body
        assert server.connections == 1


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ({"roots": "none"}, "ca_file"),
        ({"client_key": "k.pem"}, "client_cert"),
    ],
)
def test_settings_without_sense_are_refused_at_once(setting: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Tls(**setting)


@pytest.mark.parametrize("setting", [{"ca_file": "missing.pem"}, {"ca_file": __file__}, {"client_cert": "missing.pem"}])
def test_files_that_cannot_be_used_are_named(setting: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(setting.values())).rpartition("/")[2]):
        tls_context(Tls(**setting))
