"""Which of httpx's transports serves whom, and when one is retired."""

from collections.abc import Callable

import httpx
import pytest
import trio

from callboard.actors.transport.config import Timeouts
from callboard.actors.transport.policy import Origin
from callboard.actors.transport.shards import SHARD, Lease, Shards
from callboard.actors.transport.stopwatch import Stopwatch

ORIGIN = Origin("https", "api.example.com", 443)


class Fake(httpx.AsyncHTTPTransport):
    """Only remembers whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    async def aclose(self) -> None:
        self.closed = True


Make = Callable[..., Shards]


@pytest.fixture
def make() -> Make:
    """`make(shared=..., most=...)`"""

    def start(*, shared: bool = True, most: int = 2 * SHARD) -> Shards:
        return Shards(Fake, max_connections=most, shared=shared)

    return start


async def take(shards: Shards, count: int) -> list[Lease]:
    return [await shards.take(ORIGIN, Stopwatch(Timeouts())) for _ in range(count)]


async def test_a_shard_has_so_many_permits_and_a_permit_is_used_again(make: Make) -> None:
    shards = make(shared=False)
    leases = await take(shards, SHARD + 1)
    assert len({lease.transport for lease in leases}) == len(shards) == 2
    for lease in leases:
        await lease.end(whole=False)
        await lease.end(whole=False)
    assert repr(shards) == f"PoolStatistics(busy=0, idle={SHARD + 1}, waiting=0)"
    again = await take(shards, SHARD + 1)
    assert {lease.transport for lease in again} == {lease.transport for lease in leases}


async def test_a_shared_connection_that_was_left_takes_nobody_new_and_is_closed_by_the_last(make: Make) -> None:
    shards = make()
    idle, left, stays = await take(shards, 3)
    await idle.end(whole=True)
    await left.end(whole=False)
    (after,) = await take(shards, 1)
    old, new = stays.transport, after.transport
    assert isinstance(old, Fake)
    assert isinstance(new, Fake)
    assert new is not old
    assert (old.closed, len(shards)) == (False, 2)
    await stays.end(whole=True)
    assert (old.closed, new.closed, len(shards)) == (True, False, 1)
    assert repr(shards) == "PoolStatistics(busy=1, idle=0, waiting=0)"


async def test_a_request_without_a_reply_retires_its_shard_also_where_connections_are_not_shared(make: Make) -> None:
    shards = make(shared=False)
    lost, stays = await take(shards, 2)
    await lost.end(replied=False, whole=False)
    (after,) = await take(shards, 1)
    assert after.transport is not stays.transport
    await stays.end(whole=True)
    assert (len(shards), repr(shards)) == (1, "PoolStatistics(busy=1, idle=0, waiting=0)")


async def test_whoever_waits_gets_no_permit_of_what_was_left(make: Make) -> None:
    shards, got = make(most=1), []
    (left,) = await take(shards, 1)

    async def wait() -> None:
        got.extend(await take(shards, 1))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        await left.end(whole=False)
    assert got[0].transport is not left.transport


async def test_closing_closes_every_shard(make: Make) -> None:
    shards = make()
    transports = {lease.transport for lease in await take(shards, SHARD + 1)}
    await shards.aclose()
    assert all(isinstance(transport, Fake) and transport.closed for transport in transports)
