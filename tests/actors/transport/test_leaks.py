"""Many calls to a server that hangs up at random: nothing is left. `bench/transport.py churn` makes 100,000 of them."""

import gc
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from callboard.actors.transport.body import read_body
from callboard.actors.transport.config import TransportConfig
from callboard.actors.transport.transport import Transport

Serve = Callable[..., Awaitable[Any]]
REPLY = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"64\r\n" + b"a" * 100 + b"\r\n0\r\n\r\n"


def descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("secure", [False, True])
async def test_random_disconnects_leave_no_descriptor_and_no_task(serve: Serve, tls: Any, secure: bool) -> None:
    dice = random.Random(7)

    async def handler(peer: Any) -> None:
        while await peer.request():
            cut = dice.choice((len(REPLY), len(REPLY), dice.randrange(len(REPLY))))
            await peer.send(REPLY[:cut])
            if cut < len(REPLY):
                if dice.random() < 0.5:
                    peer.reset()
                return

    server = await serve(handler, tls[1] if secure else None)
    before, outcomes = descriptors(), set()
    tasks = trio.lowlevel.current_statistics().tasks_living

    async def worker(transport: Transport) -> None:
        for _ in range(60):
            with trio.move_on_after(0.001 if dice.random() < 0.1 else 60) as scope:
                try:
                    response = await transport.handle_async_request(server.request())
                    outcomes.add(await read_body(response))
                except httpx.TransportError as error:
                    outcomes.add(type(error).__name__.encode())
            if scope.cancelled_caught:
                outcomes.add(b"cancelled")

    async with Transport(TransportConfig(max_connections=12), contexts=lambda *_: tls[0]) as transport:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(worker, transport)
        assert transport.statistics()[0::2][:2] == (0, 0)
        assert not transport._leases
    await trio.testing.wait_all_tasks_blocked(0.01)
    assert outcomes >= {b"a" * 100, b"Disconnected", b"cancelled"}
    assert descriptors() <= before
    assert trio.lowlevel.current_statistics().tasks_living == tasks
