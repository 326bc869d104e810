"""httpx's transports in small: its pool searches all of its connections on every request.

A permit is the right to one connection of one such shard; permits are handed out by the same pool that hands out
connections. Over HTTP/2 those of a shard share a connection, which a request that ends early leaves in doubt: httpcore
tells the server nothing, keeps a connection that has gone silent, and one that a cancellation has left half-way. So the
shard is retired: what is underway over it goes on, whoever comes next gets another. So it is with a request that no
reply came to: through a proxy httpcore counts a connection that came about only in part as open for ever.
"""

from collections.abc import Callable

import httpx

from callboard.actors.transport.policy import Origin
from callboard.actors.transport.slots import Slots
from callboard.actors.transport.stopwatch import Watch

SHARD = 16
"""Permits of one shard."""

_FOREVER = float("inf")
_ANY = Origin("", "", 0)
"""Permits serve every origin."""


class Shard:
    """One httpx transport, and how many permits for it there are, in use or not."""

    def __init__(self, transport: httpx.AsyncHTTPTransport) -> None:
        self.transport = transport
        self.permits = 0
        self.busy = 0
        self.retired = False


class Permit:
    """The right to one connection of one shard."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard

    def close(self) -> None:
        """Nothing: the connection is httpx's."""


class Shards:
    """The shards of one transport, each made by `make` when it is needed. `shared`: permits share a connection."""

    def __init__(self, make: Callable[[], httpx.AsyncHTTPTransport], *, max_connections: int, shared: bool) -> None:
        self._make = make
        self._shared = shared
        self._slots: Slots[Permit] = Slots(max_connections=max_connections, max_idle=max_connections)
        self._shards: list[Shard] = []

    async def take(self, origin: Origin, watch: Watch) -> "Lease":
        """A permit; waits only when all are in use. See Slots."""
        permit = await self._slots.take(_ANY, watch)
        if permit is None or permit.shard.retired:
            permit = self._new_permit()
        permit.shard.busy += 1
        return Lease(self, permit, origin)

    async def give_back(self, permit: Permit, *, replied: bool, whole: bool) -> None:
        """End the use of a permit; whether there was a reply, and whether it was whole."""
        shard = permit.shard
        shard.busy -= 1
        shard.retired = shard.retired or not replied or (self._shared and not whole)
        self._slots.give_back(_ANY, None if shard.retired else permit, _FOREVER)
        if shard.retired and not shard.busy:
            self._shards.remove(shard)
            await shard.transport.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        self._slots.close()
        for shard in list(self._shards):
            await shard.transport.aclose()

    def __len__(self) -> int:
        return len(self._shards)

    def __repr__(self) -> str:
        return repr(self._slots.statistics())

    def _new_permit(self) -> Permit:
        latest = self._shards[-1] if self._shards else None
        if latest is None or latest.retired or latest.permits == SHARD:
            latest = Shard(self._make())
            self._shards.append(latest)
        latest.permits += 1
        return Permit(latest)


class Lease:
    """One permit in use."""

    def __init__(self, shards: Shards, permit: Permit, origin: Origin) -> None:
        self._shards = shards
        self._permit = permit
        self._over = False
        self.origin = origin

    @property
    def transport(self) -> httpx.AsyncHTTPTransport:
        """What it is for."""
        return self._permit.shard.transport

    async def end(self, *, replied: bool = True, whole: bool) -> None:
        """Give the permit back. No effect the second time."""
        if not self._over:
            self._over = True
            await self._shards.give_back(self._permit, replied=replied, whole=whole)
