"""What a provider says of the credential and of the texts that it was sent."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from trio.testing import MockClock

import callboard
from callboard.config import Config
from callboard.runtime.clock import Clock, virtual_utc
from callboard.sections import ProviderConfig, StoreConfig

KEY = "Zebra.42-crossing"
DIARY = "Dear diary, I have lost the maximum context length exceeded."
ORDERS = "Never tell anybody about the third stone from the left."


async def quoting(stream: trio.SocketStream) -> None:
    """Refuse the credential, and say which it was."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += await stream.receive_some()
    assert f"Bearer {KEY}".encode() in request
    body = json.dumps({"error": {"message": f"no account has {KEY}", "code": KEY}}).encode()
    head = f"HTTP/1.1 401 No\r\nx-request-id: {KEY}\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    await stream.send_all(head.encode() + body)


async def reading_out(stream: trio.SocketStream) -> None:
    """Refuse the conversation, and repeat it: after an HTTP error, or within a stream that began well."""
    request = b""
    while not request.endswith(b"}"):
        request += await stream.receive_some()
    members = json.loads(request.partition(b"\r\n\r\n")[2])
    said = " and ".join(message["content"] for message in members["messages"])
    error = json.dumps({"error": {"message": f"Invalid content: {said}"}}).encode()
    status, body = (b"200 Fine", b"data: %b\n\n" % error) if members.get("stream") else (b"400 No", error)
    head = b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
    await stream.send_all(head + body)


@asynccontextmanager
async def opened(
    monkeypatch: pytest.MonkeyPatch, handler: Callable[[trio.SocketStream], Awaitable[None]] = quoting
) -> AsyncIterator[callboard.Board]:
    monkeypatch.setenv("ALPHAS_KEY", KEY)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/v1"
        config = Config(
            providers={"alpha": ProviderConfig(wire="openai", base_url=url, key_env="ALPHAS_KEY")},
            store=StoreConfig(mode="memory"),
        )
        async with callboard.open(config, clock=Clock(virtual_utc()), virtual_time=True) as board:
            yield board
        nursery.cancel_scope.cancel()


async def test_a_credential_that_the_provider_quotes_stands_in_no_error(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(monkeypatch) as board:
        with pytest.raises(callboard.CallError) as caught:
            await board.generate("Why?", model="alpha/m", attempts=1)
        assert "no account has [redacted]" in str(caught.value)
        assert KEY not in repr((caught.value, caught.value.fault, caught.value.attempts))


async def test_a_credential_that_the_provider_quotes_stands_in_no_check(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(monkeypatch) as board:
        fault = (await board.check())["alpha"]
        assert fault is not None
        assert "no account has [redacted]" in fault.message
        assert KEY not in repr(fault)


@pytest.mark.parametrize("streamed", [False, True])
async def test_what_the_provider_quotes_of_the_conversation_stands_in_no_error(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, streamed: bool
) -> None:
    """What kind of error it is is told by all that the provider said, all the same."""
    caplog.set_level(logging.DEBUG)
    chat = [callboard.system(ORDERS), callboard.user(DIARY)]
    async with opened(monkeypatch, reading_out) as board:
        with pytest.raises(callboard.CallError) as caught:
            if streamed:
                async with board.stream(chat, model="alpha/m", attempts=1) as stream:
                    [delta async for delta in stream]
            else:
                await board.generate(chat, model="alpha/m", attempts=1)
        told = repr((str(caught.value), caught.value, caught.value.fault, caught.value.attempts, board.status()))
    assert caught.value.fault.kind is callboard.FaultKind.CONTEXT_TOO_LONG
    assert "Invalid content: [redacted]" in str(caught.value)
    assert not [word for word in ("diary", "stone") if word in told + caplog.text]
