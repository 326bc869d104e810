"""Name lookup, where it may go, and happy eyeballs."""

import errno
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock

from callboard.actors.transport import dial
from callboard.actors.transport.body import read_body
from callboard.actors.transport.config import TransportConfig
from callboard.actors.transport.dial import interleave, race
from callboard.actors.transport.errors import DestinationRefused, TlsFailed
from callboard.actors.transport.names import Address, Names
from callboard.actors.transport.transport import Transport

V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`resolve(*addresses)`: every name resolves to these."""

    def start(*found: str) -> None:
        async def find(_: Names, host: str, port: int) -> list[Address]:
            return [Address(V6, (one, port, 0, 0)) if ":" in one else Address(V4, (one, port)) for one in found]

        monkeypatch.setattr(Names, "find", find)

    return start


def addresses(*families: int) -> list[Address]:
    return [Address(family, (f"address-{index}", 80)) for index, family in enumerate(families)]


def test_families_take_turns_beginning_with_the_resolvers_first() -> None:
    a, b, c, d, e = addresses(V6, V6, V6, V4, V4)
    assert interleave([a, b, c, d, e]) == [a, d, b, e, c]
    assert interleave([d, a]) == [d, a]
    assert interleave([a]) == [a]


class Outcomes:
    """What connecting to each address does: an error at once, or success after so many seconds or an event."""

    def __init__(self) -> None:
        self.table: dict[str, float | OSError | trio.Event] = {}
        self.made: list[socket.socket] = []

    async def connect(self, address: Address) -> socket.socket:
        sock = socket.socket()
        self.made.append(sock)
        try:
            result = self.table[address.sockaddr[0]]
            if isinstance(result, OSError):
                await trio.lowlevel.checkpoint()
                raise result
            if isinstance(result, trio.Event):
                await result.wait()
            else:
                await trio.sleep(result)
        except BaseException:
            sock.close()
            raise
        return sock


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> Outcomes:
    planned = Outcomes()
    monkeypatch.setattr(dial, "_connect", planned.connect)
    return planned


@pytest.mark.parametrize(
    ("plan", "winner", "seconds"),
    [
        ([100.0, 0.1], 1, 0.35),
        ([0.1, 100.0], 0, 0.1),
        ([OSError("refused"), 0.1], 1, 0.1),
        ([100.0, OSError("refused"), 0.1], 2, 0.35),
        ([0.3, 0.2, 0.2], 0, 0.3),
    ],
)
async def test_an_address_that_hangs_or_fails_costs_no_more_than_its_head_start(
    outcomes: Outcomes, plan: list[Any], winner: int, seconds: float, autojump_clock: MockClock
) -> None:
    outcomes.table.update({f"address-{index}": result for index, result in enumerate(plan)})
    started = trio.current_time()
    sock = await race(addresses(*[V4] * len(plan)), 0.25)
    assert trio.current_time() - started == pytest.approx(seconds)
    assert sock is outcomes.made[winner]
    sock.close()


async def test_when_all_fail_the_last_reason_is_told(outcomes: Outcomes) -> None:
    outcomes.table.update({"address-0": OSError("first"), "address-1": OSError("last")})
    with pytest.raises(OSError, match="last"):
        await race(addresses(V4, V6), 0.25)


async def test_when_all_fail_a_reason_of_the_other_side_goes_before_one_of_this_machine(outcomes: Outcomes) -> None:
    outcomes.table.update({"address-0": OSError("refused"), "address-1": OSError(errno.EADDRNOTAVAIL, "no IPv6")})
    with pytest.raises(OSError, match="refused"):
        await race(addresses(V4, V6), 0.25)


@pytest.mark.parametrize("stays", [True, False])
async def test_of_all_the_sockets_of_a_race_at_most_the_winners_stays_open(outcomes: Outcomes, stays: bool) -> None:
    """Two connect in the same scheduler pass; the caller stays, or is cancelled in that pass."""
    connected = trio.Event()
    outcomes.table.update({"address-0": connected, "address-1": connected, "address-2": trio.Event()})
    won: list[socket.socket] = []

    async def caller() -> None:
        with scope:
            won.append(await race(addresses(V4, V6, V4), 0.001))

    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(caller)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert len(outcomes.made) == 3
        connected.set()
        if not stays:
            scope.cancel()
    assert len(won) == stays
    assert [made for made in outcomes.made if made.fileno() != -1] == won
    for sock in won:
        sock.close()


async def test_a_handshake_that_cannot_even_begin_leaves_no_socket(
    hello: Any,
) -> None:
    class Refusing:
        def wrap_socket(self, sock: socket.socket, **_: Any) -> None:
            socks.append(sock)
            raise ValueError("server_hostname cannot be an empty string")

    socks: list[socket.socket] = []
    async with Transport(contexts=lambda *_: Refusing()) as transport:  # type: ignore[arg-type]
        with pytest.raises(TlsFailed, match="cannot be an empty string"):
            await transport.handle_async_request(httpx.Request("GET", f"https://127.0.0.1:{hello.port}/"))
    assert [sock.fileno() for sock in socks] == [-1]


async def test_the_real_sockets_of_a_race_reach_the_one_that_listens(hello: Any, resolve: Callable[..., None]) -> None:
    resolve("127.0.0.2", "127.0.0.1")
    async with Transport() as transport:
        request = httpx.Request("GET", f"http://models.example:{hello.port}/")
        assert await read_body(await transport.handle_async_request(request)) == b"hello"
        assert b"Host: models.example" in hello.requests[0]


@pytest.mark.parametrize(
    ("url", "config", "addresses"),
    [
        ("http://api.example.com/", TransportConfig(), ["93.184.216.34"]),
        ("http://api.example.com/", TransportConfig(), ["10.0.0.1"]),
        ("https://other.example.com/", TransportConfig(allowed_hosts=("api.example.com",)), ["93.184.216.34"]),
        ("https://api.example.com/", TransportConfig(allowed_hosts=("api.example.com",)), ["127.0.0.1", "::1"]),
        ("https://127.0.0.1/", TransportConfig(allowed_hosts=("10.0.0.0/8",)), ["127.0.0.1"]),
    ],
)
async def test_a_refused_destination_is_never_dialled(
    url: str,
    config: TransportConfig,
    addresses: list[str],
    resolve: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def dialled(*_: Any) -> socket.socket:
        raise AssertionError("dialled")

    monkeypatch.setattr(dial, "race", dialled)
    resolve(*addresses)
    async with Transport(config) as transport:
        with pytest.raises(DestinationRefused, match="refused") as caught:
            await transport.handle_async_request(httpx.Request("GET", url))
        assert isinstance(caught.value, httpx.LocalProtocolError)
        assert transport.statistics().busy == 0


async def test_of_several_addresses_only_the_permitted_are_dialled(
    hello: Any, resolve: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled: list[str] = []
    real = dial._connect

    async def connect(address: Address) -> socket.socket:
        dialled.append(address.sockaddr[0])
        return await real(address)

    monkeypatch.setattr(dial, "_connect", connect)
    resolve("10.9.8.7", "169.254.169.254", "127.0.0.1")
    async with Transport(TransportConfig(allowed_hosts=("127.0.0.0/8",))) as transport:
        request = httpx.Request("GET", f"http://models.example:{hello.port}/")
        assert await read_body(await transport.handle_async_request(request)) == b"hello"
    assert dialled == ["127.0.0.1"]
