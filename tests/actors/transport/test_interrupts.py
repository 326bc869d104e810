"""Ctrl-C is raised in no task that the transport has started."""

import socket
from typing import Any

from tests.interruptible import interruptible

from callboard.actors.transport.body import read_body
from callboard.actors.transport.dial import race
from callboard.actors.transport.names import Address
from callboard.actors.transport.transport import Transport

NOBODY = ("no caller's own task",)


async def test_none_that_connects_to_one_of_several_addresses(hello: Any) -> None:
    hosts = [Address(socket.AF_INET, (host, hello.port)) for host in ("127.0.0.2", "127.0.0.1")]
    with interruptible(NOBODY) as found:
        (await race(hosts, 0.01)).close()
    assert found == set()


async def test_none_that_opens_connections_ahead(hello: Any) -> None:
    async with Transport() as transport:
        with interruptible(NOBODY) as found:
            assert await transport.warm_up(hello.url, 2) == 2
    assert found == set()


async def test_none_that_sends_what_the_socket_has_not_taken_at_once(hello: Any) -> None:
    async with Transport() as transport:
        with interruptible(NOBODY) as found:
            assert await read_body(await transport.handle_async_request(hello.request(content=bytes(20_000_000))))
    assert found == set()
