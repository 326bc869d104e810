"""A provider without sockets does what the one with sockets does."""

from typing import Any, NamedTuple

import httpx
import msgspec
import pytest
import trio

from callboard.actors.transport.base import ProviderTransport
from callboard.actors.transport.body import read_body
from callboard.actors.transport.config import Timeouts, TransportConfig
from callboard.actors.transport.opening import open_transport
from callboard.testing import Behaviour, Outcome, Served, SimulatedProvider
from callboard.testing.direct import DirectProvider

TIMES: dict[str, float] = {"connect": 5.0, "first_byte": 10.0, "between_bytes": 4.0, "total": 1e6}
CONFIG = TransportConfig(timeouts=Timeouts(connect=5.0, first_byte=10.0, between_bytes=4.0))
PACE = Behaviour(latency=(1, 2), first_token=(0.5, 1), between_tokens=(0.1, 0.4))

FAULTS: dict[str, dict[str, Any]] = {
    "none": {},
    "error": {"error_rate": 1},
    "overload": {"overload_rate": 1},
    "rate limit": {"rate_limit_rate": 1},
    "quota": {"quota_rate": 1},
    "reset": {"reset_rate": 1},
    "hang": {"hang_rate": 1},
    "drip too slow": {"drip_rate": 1, "drip_interval": 6.0},
    "malformed": {"malformed_rate": 1},
    "half a body": {"half_body_rate": 1},
    "cut": {"cut_rate": 1},
    "truncated": {"truncate_rate": 1},
    "error in a stream": {"stream_error_rate": 1},
    "slow": {"latency": (20, 20)},
    "slow first token": {"slow_first_token_rate": 1, "slow_first_token": 9.0},
    "small writes": {"write_bytes": 7},
    "chunked": {"chunked": True},
}


class Seen(NamedTuple):
    """What client and server saw of one request, less the times."""

    fault: str | None
    status: int | None
    body: bytes
    served: Served


def body(stream: bool, question: str = "Why?", tokens: int = 12) -> bytes:
    asked = {"model": "sim-small", "messages": [{"role": "user", "content": question}], "max_tokens": tokens}
    return msgspec.json.encode({**asked, "stream": stream})


def request(url: str, stream: bool, **more: Any) -> httpx.Request:
    return httpx.Request(
        "POST", f"{url}/chat/completions", content=body(stream, **more), extensions={"timeout": dict(TIMES)}
    )


async def seen(
    provider: SimulatedProvider | DirectProvider, transport: httpx.AsyncBaseTransport, stream: bool, **more: Any
) -> Seen:
    fault, status, pieces = None, None, []
    try:
        response = await transport.handle_async_request(request(provider.url, stream, **more))
        status = response.status_code
        async for piece in response.aiter_raw():
            pieces.append(piece)
        await response.aclose()
    except httpx.TransportError as error:
        fault = type(error).__name__
    if isinstance(provider, SimulatedProvider):
        await provider.wait_until(lambda one: one.log[-1].outcome is not Outcome.OPEN)
    served = msgspec.structs.replace(provider.log[-1], started=0, ended=0)
    return Seen(fault, status, b"".join(pieces), served)


def real() -> ProviderTransport:
    return open_transport(CONFIG)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_both_do_the_same(autojump_clock: object, fault: str, stream: bool) -> None:
    told = {"behaviour": msgspec.structs.replace(PACE, **FAULTS[fault]), "seed": 5, "utc": lambda: 10**18}
    direct = DirectProvider("alpha", **told)  # type: ignore[arg-type]
    async with SimulatedProvider("alpha", **told) as served:  # type: ignore[arg-type]
        transport = real()
        expected = [await seen(served, transport, stream, question=word) for word in ("Why?", "How?")]
        await transport.aclose()
    found = [await seen(direct, direct.transport(), stream, question=word) for word in ("Why?", "How?")]
    assert found == expected


async def test_a_dead_one_refuses_and_loses_what_it_had_in_hand(autojump_clock: object) -> None:
    provider = DirectProvider(behaviour=Behaviour(latency=(10, 10)))
    transport = provider.transport()
    lost: list[BaseException] = []

    async def ask() -> None:
        try:
            await transport.handle_async_request(request(provider.url, False))
        except httpx.TransportError as error:
            lost.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.sleep(1)
        provider.die()
    assert isinstance(lost[0], httpx.ReadError)
    assert provider.log[0].outcome is Outcome.STOPPED
    with pytest.raises(httpx.ConnectError):
        await transport.handle_async_request(request(provider.url, False))
    provider.revive()
    assert (await transport.handle_async_request(request(provider.url, False))).status_code == 200
    assert provider.refused == 1


async def test_one_that_cannot_be_reached_takes_the_time_to_connect(autojump_clock: object) -> None:
    provider = DirectProvider()
    provider.reachable = False
    began = trio.current_time()
    with pytest.raises(httpx.ConnectTimeout):
        await provider.transport().handle_async_request(request(provider.url, False))
    assert trio.current_time() - began == pytest.approx(TIMES["connect"])
    assert provider.log == ()


async def test_a_stream_is_billed_up_to_when_its_reader_left_however_slow_he_was(autojump_clock: object) -> None:
    provider = DirectProvider(behaviour=Behaviour(between_tokens=(1, 1), tokens=(20, 20)))
    response = await provider.transport().handle_async_request(request(provider.url, True, tokens=20))
    assert isinstance(response.stream, httpx.AsyncByteStream)
    await anext(aiter(response.stream))
    await trio.sleep(5.5)
    await response.aclose()
    assert provider.log[0].outcome is Outcome.CLIENT_GONE
    assert provider.log[0].usage.output == 6
    assert provider.in_flight == 0


async def test_a_slow_reader_finds_what_came_meanwhile_in_one_piece(autojump_clock: object) -> None:
    provider = DirectProvider(behaviour=Behaviour(between_tokens=(1, 1), tokens=(8, 8)))
    response = await provider.transport().handle_async_request(request(provider.url, True))
    await trio.sleep(100)
    began = trio.current_time()
    assert await read_body(response)
    assert trio.current_time() == began
    assert provider.log[0].outcome is Outcome.COMPLETE


async def test_a_client_cancelled_before_the_reply_counts_as_gone(autojump_clock: object) -> None:
    provider = DirectProvider(behaviour=Behaviour(latency=(10, 10)))
    with trio.move_on_after(1):
        await provider.transport().handle_async_request(request(provider.url, False))
    assert provider.log[0].outcome is Outcome.CLIENT_GONE
    assert (provider.in_flight, provider.most_in_flight) == (0, 1)
