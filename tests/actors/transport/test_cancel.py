"""Cancelling: the socket is closed at once, and nothing is left, wherever it strikes."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from callboard.actors.transport.body import Body, read_body
from callboard.actors.transport.config import TransportConfig
from callboard.actors.transport.link import Link
from callboard.actors.transport.transport import Transport

Serve = Callable[..., Awaitable[Any]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"


class Nth(trio.abc.Instrument):
    """Cancels a scope when a task has been rescheduled for the n-th time."""

    def __init__(self, task: trio.lowlevel.Task, scope: trio.CancelScope, n: int) -> None:
        self.task, self.scope, self.left = task, scope, n

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is self.task:
            self.left -= 1
            if self.left == 0:
                self.scope.cancel()


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("path", ["/silent", "/body", "/upload"])
async def test_the_connection_is_closed_in_the_next_scheduler_pass(
    serve: Serve, tls: Any, path: str, secure: bool
) -> None:
    context, server_context = tls

    async def handler(peer: Any) -> None:
        if path == "/upload":
            await peer.stream.receive_some(1)
            await full.wait()
        else:
            await peer.request()
        if path == "/body":
            await peer.send(HEAD + b"hello")
        await peer.gone()
        gone.set()

    full, gone = trio.Event(), trio.Event()
    server = await serve(handler, server_context if secure else None)
    content = b"x" * 20_000_000 if path == "/upload" else b"hi"
    async with Transport(contexts=lambda *_: context) as transport, trio.open_nursery() as nursery:

        async def caller() -> None:
            await read_body(await transport.handle_async_request(server.request(path=path, content=content)))

        nursery.start_soon(caller)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert transport.statistics().busy == 1
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            for _ in range(2 if path != "/upload" else 4):  # an upload has tasks of its own to end first
                await trio.lowlevel.checkpoint()
            assert transport.statistics()[:3] == (0, 0, 0)
            full.set()
            await gone.wait()


async def test_a_waiter_for_a_connection_that_is_cancelled_takes_no_connection_with_it(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        while await peer.request():
            await go.wait()
            await peer.send(HEAD + b"hello you")

    go = trio.Event()
    server = await serve(handler)
    async with Transport(TransportConfig(max_connections=1)) as transport, trio.open_nursery() as nursery:

        async def caller() -> None:
            assert await read_body(await transport.handle_async_request(server.request())) == b"hello you"

        nursery.start_soon(caller)
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0.01) as scope:
            await caller()
        assert scope.cancelled_caught
        nursery.start_soon(caller)
        await trio.testing.wait_all_tasks_blocked()
        assert transport.statistics()[:3] == (1, 0, 1)
        go.set()
    assert server.connections == 1


async def test_a_waiter_cancelled_in_the_pass_that_gave_it_the_connection_gives_it_back(serve: Serve) -> None:
    async def handler(peer: Any) -> None:
        while await peer.request():
            await go.wait()
            await peer.send(HEAD + b"hello you")

    go = trio.Event()
    server = await serve(handler)
    async with Transport(TransportConfig(max_connections=1)) as transport:
        response = None
        async with trio.open_nursery() as nursery:

            async def first() -> None:
                nonlocal response
                response = await transport.handle_async_request(server.request())
                await read_body(response)
                scope.cancel()

            scope = trio.CancelScope()

            async def second() -> None:
                with scope:
                    await transport.handle_async_request(server.request())

            nursery.start_soon(first)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(second)
            await trio.testing.wait_all_tasks_blocked()
            go.set()
        assert scope.cancelled_caught
        assert transport.statistics().busy == 0
        assert transport.statistics().waiting == 0


async def test_a_call_that_is_cancelled_already_sends_nothing(hello: Any) -> None:
    async with Transport() as transport:
        await read_body(await transport.handle_async_request(hello.request()))
        with trio.CancelScope() as scope:
            scope.cancel()
            await transport.handle_async_request(hello.request())
        assert scope.cancelled_caught
        await trio.testing.wait_all_tasks_blocked()
        assert len(hello.requests) == 1


async def scenario(transport: Transport, server: Any) -> None:
    """Every kind of wait: dial, head, body in pieces, a large upload, a second request on the same connection."""
    response = await transport.handle_async_request(server.request())
    assert isinstance(response.stream, Body)
    try:
        assert b"".join([piece async for piece in response.stream]) == b"hello you"
    finally:
        await response.aclose()
    response = await transport.handle_async_request(server.request(content=b"x" * 8_000_000))
    await read_body(response)


@pytest.mark.parametrize("secure", [False, True])
async def test_cancelled_at_any_checkpoint_nothing_is_left(
    serve: Serve, tls: Any, secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, server_context = tls
    links: list[Link] = []
    created = Link.__init__

    def remembered(link: Link, *args: Any) -> None:
        created(link, *args)
        links.append(link)

    monkeypatch.setattr(Link, "__init__", remembered)

    async def handler(peer: Any) -> None:
        while await peer.request():
            await peer.send(HEAD + b"hello")
            await trio.testing.wait_all_tasks_blocked()
            await peer.send(b" you")

    server = await serve(handler, server_context if secure else None)
    for n in range(1, 500):
        async with Transport(contexts=lambda *_: context) as transport:
            with trio.CancelScope() as scope:
                probe = Nth(trio.lowlevel.current_task(), scope, n)
                trio.lowlevel.add_instrument(probe)
                try:
                    await scenario(transport, server)
                finally:
                    trio.lowlevel.remove_instrument(probe)
            statistics = transport.statistics()
            assert (statistics.busy, statistics.waiting) == (0, 0)
            assert sum(not link.closed for link in links) == statistics.idle
            if not scope.cancelled_caught:
                break
        assert all(link.closed for link in links)
        links.clear()
    assert 5 < n < 499, n
