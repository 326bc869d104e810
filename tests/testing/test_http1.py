"""The connection, through a provider and a bare socket: what well-behaved clients never send."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from callboard.testing import Behaviour, Outcome, SimulatedProvider
from callboard.testing.http1 import HttpConnection

BODY = json.dumps({"model": "sim-small", "messages": [{"role": "user", "content": "hello"}]}).encode()


def post(body: bytes = BODY, *headers: str) -> bytes:
    lines = ["POST /v1/chat/completions HTTP/1.1", "host: x", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def connect(provider: SimulatedProvider) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", int(provider.origin.rpartition(":")[2]))


async def talk(provider: SimulatedProvider, sent: bytes) -> bytes:
    """Everything that comes back until the provider closes."""
    async with await connect(provider) as stream:
        await stream.send_all(sent)
        return b"".join([data async for data in stream])


async def reply(stream: trio.SocketStream) -> tuple[bytes, Any]:
    """One reply with a Content-Length: its status line and JSON."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += await stream.receive_some()
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += await stream.receive_some()
    return head.split(b"\r\n")[0], json.loads(body)


@pytest.fixture
async def provider() -> AsyncIterator[SimulatedProvider]:
    async with SimulatedProvider("alpha", max_body=10_000) as served:
        yield served


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01 hello TLS\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nnot hexadecimal\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    ],
    ids=repr,
)
async def test_rubbish_gets_a_400_and_the_connection_closes(provider: SimulatedProvider, rubbish: bytes) -> None:
    answer = await talk(provider, rubbish)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answer.lower()
    assert provider.log == ()


async def test_a_head_without_end_is_bounded(provider: SimulatedProvider) -> None:
    answer = await talk(provider, b"GET / HTTP/1.1\r\nhost: " + b"x" * 70_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("size", [20_000, 4_000_000])
async def test_a_body_that_is_too_large_gets_a_413_that_can_be_read(provider: SimulatedProvider, size: int) -> None:
    answer = await talk(provider, post(b"x" * size))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert provider.log == ()


async def test_a_body_of_the_largest_size_is_read(provider: SimulatedProvider) -> None:
    async with await connect(provider) as stream:
        await stream.send_all(post(b" " * (10_000 - len(BODY)) + BODY))
        assert (await reply(stream))[0] == b"HTTP/1.1 200 "


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE", "PUT", "BREW"])
async def test_any_other_method_is_a_404_on_a_connection_that_lives_on(
    provider: SimulatedProvider, method: str
) -> None:
    async with await connect(provider) as stream:
        await stream.send_all(f"{method} /v1/models HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        await provider.wait_until(lambda p: p.statistics().requests == 1 and p.statistics().in_flight == 0)
        answer = await stream.receive_some()
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert answer.endswith(b"\r\n\r\n") is (method == "HEAD")
        await stream.send_all(post())
        assert (await reply(stream))[0] == b"HTTP/1.1 200 "


async def test_requests_sent_ahead_are_answered_in_order(
    provider: SimulatedProvider, autojump_clock: trio.testing.MockClock
) -> None:
    provider.behaviour = Behaviour(latency=(1.0, 1.0))
    async with await connect(provider) as stream:
        await stream.send_all(post() + b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert (await reply(stream))[1]["object"] == "chat.completion"
        assert (await reply(stream))[1]["object"] == "list"
    assert provider.statistics().most_in_flight == 1


async def test_a_request_in_single_bytes_is_read(provider: SimulatedProvider) -> None:
    async with await connect(provider) as stream:
        for byte in post():
            await stream.send_all(bytes([byte]))
        assert (await reply(stream))[0] == b"HTTP/1.1 200 "


async def test_a_client_that_asks_before_sending_its_body_is_told_to_go_on(provider: SimulatedProvider) -> None:
    whole = post(BODY, "expect: 100-continue")
    async with await connect(provider) as stream:
        await stream.send_all(whole[: -len(BODY)])
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 100 ")
        await stream.send_all(BODY)
        assert (await reply(stream))[0] == b"HTTP/1.1 200 "


@pytest.mark.parametrize("asks", [b"HTTP/1.0\r\n\r\n", b"HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"])
async def test_a_connection_is_closed_after_the_reply_when_the_client_asks(
    provider: SimulatedProvider, asks: bytes
) -> None:
    assert (await talk(provider, b"GET /v1/models " + asks)).startswith(b"HTTP/1.1 200 ")
    await provider.wait_until(lambda p: p.connections == 0)


@pytest.mark.parametrize("sent", [b"", b"POST /v1/chat", post()[:-5]], ids=["nothing", "half a head", "half a body"])
async def test_a_client_that_leaves_before_its_request_is_whole_leaves_no_trace(
    provider: SimulatedProvider, sent: bytes
) -> None:
    stream = await connect(provider)
    await stream.send_all(sent)
    await provider.wait_until(lambda p: p.connections == 1)
    await stream.aclose()
    await provider.wait_until(lambda p: p.connections == 0)
    assert provider.log == ()


async def test_a_client_that_floods_the_connection_while_it_waits_is_cut_off(provider: SimulatedProvider) -> None:
    provider.behaviour = Behaviour(hang_rate=1.0)
    async with await connect(provider) as stream:
        with pytest.raises(trio.BrokenResourceError):
            for _ in range(200):
                await stream.send_all(post() * 100)
    assert provider.log[0].outcome is Outcome.CLIENT_GONE


async def test_short_writes_are_many_and_add_up_to_the_same_reply(provider: SimulatedProvider) -> None:
    async def pieces(write_bytes: int | None) -> list[bytes]:
        provider.behaviour = Behaviour(write_bytes=write_bytes)
        async with await connect(provider) as stream:
            await stream.send_all(post(BODY, "connection: close"))
            return [bytes(data) async for data in stream]

    def choices(got: list[bytes]) -> Any:
        return json.loads(b"".join(got).partition(b"\r\n\r\n")[2])["choices"]

    whole, short = await pieces(None), await pieces(1)
    assert choices(short) == choices(whole)
    assert len(whole) < 5
    assert len(short) > 100


async def test_resetting_a_connection_that_the_provider_has_closed_says_so() -> None:
    ours, theirs = trio.socket.socketpair()
    stream = trio.SocketStream(ours)
    ours.close()
    theirs.close()
    with pytest.raises(trio.ClosedResourceError):
        HttpConnection(stream, max_body=10).reset()


async def test_a_client_that_does_not_read_holds_up_nobody_else(provider: SimulatedProvider) -> None:
    provider.behaviour = Behaviour(tokens=(30_000, 30_000))
    async with await connect(provider) as deaf, await connect(provider) as other:
        stream = BODY[:-1] + b', "stream": true}'
        await deaf.send_all(post(stream))
        await provider.wait_until(lambda p: p.statistics().in_flight == 1)
        await other.send_all(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await reply(other))[0] == b"HTTP/1.1 200 "
        assert [served.outcome for served in provider.log] == [Outcome.OPEN, Outcome.COMPLETE]
    await provider.wait_until(lambda p: p.connections == 0)
    assert [served.outcome for served in provider.log] == [Outcome.CLIENT_GONE, Outcome.COMPLETE]


async def test_a_client_that_has_its_reply_finds_it_in_the_log(provider: SimulatedProvider) -> None:
    async with await connect(provider) as stream:
        for number in range(50):
            await stream.send_all(post())
            await reply(stream)
            assert provider.log[number].outcome is Outcome.COMPLETE
            assert provider.statistics().in_flight == 0


async def test_a_client_that_never_closes_after_a_rejection_is_left(
    provider: SimulatedProvider, autojump_clock: trio.testing.MockClock
) -> None:
    async with await connect(provider) as stream:
        await stream.send_all(b"rubbish\r\n\r\n")
        await provider.wait_until(lambda p: p.connections == 0)
