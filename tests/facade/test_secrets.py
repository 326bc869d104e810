"""What a provider says of the credential that it was sent."""

import json
from collections.abc import AsyncIterator
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


async def quoting(stream: trio.SocketStream) -> None:
    """Refuse the credential, and say which it was."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += await stream.receive_some()
    assert f"Bearer {KEY}".encode() in request
    body = json.dumps({"error": {"message": f"no account has {KEY}", "code": KEY}}).encode()
    head = f"HTTP/1.1 401 No\r\nx-request-id: {KEY}\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    await stream.send_all(head.encode() + body)


@asynccontextmanager
async def opened(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[callboard.Board]:
    monkeypatch.setenv("ALPHAS_KEY", KEY)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, quoting, 0, host="127.0.0.1"))
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
