"""Every timeout, on real sockets and in virtual time: the server is silent, so the clock jumps."""

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock

from callboard.actors.transport import dial
from callboard.actors.transport.body import Body, read_body
from callboard.actors.transport.config import Timeouts, TransportConfig
from callboard.actors.transport.errors import (
    BetweenBytesTimeout,
    ConnectTimeout,
    FirstByteTimeout,
    PoolTimeout,
    Stage,
    TotalTimeout,
    WriteTimeout,
)
from callboard.actors.transport.stopwatch import Stopwatch
from callboard.actors.transport.transport import Transport

Serve = Callable[..., Awaitable[Any]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


def config(**timeouts: float) -> TransportConfig:
    return TransportConfig(timeouts=Timeouts(**timeouts))


async def quiet(peer: Any) -> None:
    await peer.gone()


async def test_a_server_that_never_answers_meets_the_first_byte_timeout(
    serve: Serve, autojump_clock: MockClock
) -> None:
    server = await serve(quiet)
    async with Transport(config(first_byte=7)) as transport:
        started = trio.current_time()
        with pytest.raises(FirstByteTimeout, match=r"within 7 s \(first byte timeout\)") as caught:
            await transport.handle_async_request(server.request())
        assert trio.current_time() - started == pytest.approx(7)
        assert isinstance(caught.value, httpx.ReadTimeout)
        assert caught.value.timeout is Stage.FIRST_BYTE
        assert str(caught.value.timeout) == "first byte"
        assert transport.statistics()[:3] == (0, 0, 0)


async def test_a_head_that_stops_in_its_middle_meets_the_between_bytes_timeout(
    serve: Serve, autojump_clock: MockClock
) -> None:
    async def handler(peer: Any) -> None:
        await peer.request()
        await trio.sleep(50)
        await peer.send(b"HTTP/1.1 200 OK\r\n")
        await peer.gone()

    server = await serve(handler)
    async with Transport(config(first_byte=60, between_bytes=5)) as transport:
        started = trio.current_time()
        with pytest.raises(BetweenBytesTimeout, match="within 5 s"):
            await transport.handle_async_request(server.request())
        assert trio.current_time() - started == pytest.approx(55)


@pytest.mark.parametrize("whole", [True, False])
async def test_a_body_that_stops_meets_the_between_bytes_timeout_however_it_is_read(
    serve: Serve, autojump_clock: MockClock, whole: bool
) -> None:
    async def handler(peer: Any) -> None:
        await peer.request()
        await peer.send(HEAD + b"a")
        for _ in range(3):
            await trio.sleep(4)
            await peer.send(b"b")
        await peer.gone()

    server = await serve(handler)
    async with Transport(config(between_bytes=5)) as transport:
        response = await transport.handle_async_request(server.request())
        started = trio.current_time()
        with pytest.raises(BetweenBytesTimeout) as caught:
            if whole:
                await read_body(response)
            else:
                async for _ in response.stream:  # type: ignore[union-attr]
                    pass
        assert trio.current_time() - started == pytest.approx(17)
        assert caught.value.timeout == "between bytes"
        assert transport.statistics()[:3] == (0, 0, 0)
        assert isinstance(response.stream, Body)
        with pytest.raises(httpx.StreamClosed):
            await anext(response.stream)


async def test_a_body_that_drips_for_ever_meets_the_total_timeout(serve: Serve, autojump_clock: MockClock) -> None:
    async def handler(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await trio.sleep(1)
            await peer.send(b"a")

    server = await serve(handler)
    async with Transport(config(between_bytes=5, total=20)) as transport:
        started = trio.current_time()
        response = await transport.handle_async_request(server.request())
        with pytest.raises(TotalTimeout, match="within 20 s") as caught:
            await read_body(response)
        assert trio.current_time() - started == pytest.approx(20)
        assert caught.value.timeout == "total"


async def test_a_reader_may_pause_longer_than_between_bytes(serve: Serve, autojump_clock: MockClock) -> None:
    async def handler(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        await trio.sleep(31)
        await peer.send(b"b")

    server = await serve(handler)
    async with Transport(config(between_bytes=5)) as transport:
        response = await transport.handle_async_request(server.request())
        assert isinstance(response.stream, Body)
        assert await anext(response.stream) == b"a"
        await trio.sleep(30)
        assert await anext(response.stream) == b"b"


async def test_a_server_that_takes_nothing_meets_the_write_timeout(serve: Serve, autojump_clock: MockClock) -> None:
    async def handler(peer: Any) -> None:
        await peer.stream.receive_some(1)
        await trio.sleep_forever()

    server = await serve(handler)
    async with Transport(config(write=3)) as transport:
        with pytest.raises(WriteTimeout, match="within 3 s") as caught:
            await transport.handle_async_request(server.request(content=b"x" * 50_000_000))
        assert caught.value.timeout == "write"
        assert transport.statistics()[:3] == (0, 0, 0)


async def test_a_slow_upload_that_moves_on_is_not_timed_out(serve: Serve, autojump_clock: MockClock) -> None:
    async def handler(peer: Any) -> None:
        await peer.take_slowly(20_000_000)
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await trio.sleep_forever()

    server = await serve(handler)
    async with Transport(config(write=5, first_byte=60)) as transport:
        started = trio.current_time()
        response = await transport.handle_async_request(server.request(content=b"x" * 20_000_000))
        assert response.status_code == 200
        assert trio.current_time() - started > 2 * 5


async def test_after_a_large_upload_the_server_has_the_first_byte_timeout_to_think(
    serve: Serve, autojump_clock: MockClock
) -> None:
    async def handler(peer: Any) -> None:
        await peer.request()
        await trio.sleep(20)
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server = await serve(handler)
    async with Transport(config(write=3, first_byte=25)) as transport:
        await transport.handle_async_request(server.request(content=b"x" * 20_000_000))
    async with Transport(config(write=100, first_byte=15)) as transport:
        with pytest.raises(FirstByteTimeout):
            await transport.handle_async_request(server.request(content=b"x" * 20_000_000))


async def test_an_address_that_does_not_answer_meets_the_connect_timeout(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(addresses: Any, delay: float) -> socket.socket:
        await trio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr(dial, "race", never)
    async with Transport(config(connect=4)) as transport:
        started = trio.current_time()
        with pytest.raises(ConnectTimeout, match="within 4 s") as caught:
            await transport.handle_async_request(httpx.Request("GET", "http://127.0.0.1:1/"))
        assert trio.current_time() - started == pytest.approx(4)
        assert caught.value.timeout == "connect"
        assert transport.statistics()[:3] == (0, 0, 0)


async def test_a_tls_handshake_that_stops_meets_the_connect_timeout(serve: Serve, autojump_clock: MockClock) -> None:
    server = await serve(quiet)
    async with Transport(config(connect=4)) as transport:
        with pytest.raises(ConnectTimeout):
            await transport.handle_async_request(httpx.Request("GET", server.url.replace("http:", "https:")))
        assert transport.statistics()[:3] == (0, 0, 0)


async def test_a_full_pool_meets_the_pool_timeout(serve: Serve, autojump_clock: MockClock) -> None:
    server = await serve(quiet)
    async with trio.open_nursery() as nursery:
        async with Transport(TransportConfig(max_connections=1, timeouts=Timeouts(pool=2, first_byte=50))) as transport:

            async def held() -> None:
                with pytest.raises(FirstByteTimeout):
                    await transport.handle_async_request(server.request())

            nursery.start_soon(held)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(PoolTimeout, match="within 2 s") as caught:
                await transport.handle_async_request(server.request())
            assert caught.value.timeout == "pool"
            assert transport.statistics()[:3] == (1, 0, 0)
            await trio.sleep(60)


async def test_whoever_waited_for_a_connection_then_waits_for_its_first_byte(
    serve: Serve, autojump_clock: MockClock
) -> None:
    async def once(peer: Any) -> None:
        await peer.request()
        await trio.sleep(5)
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        await peer.gone()

    server = await serve(once)
    timeouts = Timeouts(pool=20, first_byte=7)
    async with Transport(TransportConfig(timeouts=timeouts, max_connections=1)) as transport:
        async with trio.open_nursery() as nursery:

            async def second() -> None:
                await trio.sleep(1)
                with pytest.raises(FirstByteTimeout):
                    await transport.handle_async_request(server.request())
                assert trio.current_time() - started == pytest.approx(12)

            started = trio.current_time()
            nursery.start_soon(second)
            assert await read_body(await transport.handle_async_request(server.request())) == b"hello"


async def test_a_requests_own_timeouts_go_before_the_configurations(serve: Serve, autojump_clock: MockClock) -> None:
    server = await serve(quiet)
    async with Transport(config(first_byte=7)) as transport:
        for given, seconds in [
            ({"first_byte": 2}, 2),
            ({"read": 3}, 3),
            ({"read": 3, "first_byte": 2}, 2),
            ({"total": 1.5}, 1.5),
            ({"read": None, "connect": 1}, 7),
        ]:
            started = trio.current_time()
            with pytest.raises(httpx.TimeoutException):
                await transport.handle_async_request(server.request(extensions={"timeout": given}))
            assert trio.current_time() - started == pytest.approx(seconds)


async def test_a_callers_own_deadline_is_no_timeout_of_the_transport(serve: Serve, autojump_clock: MockClock) -> None:
    server = await serve(quiet)
    async with Transport(config(first_byte=7)) as transport:
        with trio.move_on_after(1) as scope:
            await transport.handle_async_request(server.request())
        assert scope.cancelled_caught
        assert transport.statistics()[:3] == (0, 0, 0)


@pytest.mark.parametrize("name", Timeouts.__struct_fields__)
def test_no_timeout_can_be_switched_off(name: str) -> None:
    for nonsense in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=name):
            Timeouts(**{name: nonsense})


async def test_a_stage_that_ends_as_what_it_waits_for_comes_is_named(mock_clock: MockClock) -> None:
    near, far = socket.socketpair()

    async def come_late() -> None:
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(3)
        far.send(b"?")

    watch = Stopwatch(Timeouts(connect=2))
    with near, far:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(come_late)
            with watch.open(Stage.CONNECT) as scope:
                await trio.lowlevel.wait_readable(near)
                watch.enter(Stage.WRITE)
                await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert isinstance(watch.error("somewhere"), ConnectTimeout)
