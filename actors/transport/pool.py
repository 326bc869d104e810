"""Which connection serves which request. Decides only: opens nothing, closes nothing, waits for nothing.

A *slot* is the right to have one connection open. A request takes a slot, perhaps with an idle connection in it, and
gives it back, perhaps with a connection to keep. What is to be closed is handed to the caller. Every step is O(1),
however many connections there are; what expires is dropped by whoever comes next.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

import msgspec

C = TypeVar("C", bound=Hashable)
W = TypeVar("W", bound=Hashable)


class Taken(msgspec.Struct, Generic[C], frozen=True):
    """What a request gets: a slot with an idle connection, a bare slot, or neither (`slot` is false): it must wait."""

    slot: bool
    connection: C | None
    close: tuple[C, ...]


class Given(msgspec.Struct, Generic[C, W], frozen=True):
    """What becomes of a slot: it goes to `waiter`, with `connection` or bare, or is kept if there is no waiter."""

    waiter: W | None
    connection: C | None
    close: tuple[C, ...]


class PoolStatistics(NamedTuple):
    """Slots in use by requests, connections idle, requests waiting."""

    busy: int
    idle: int
    waiting: int


class Pool(Generic[C, W]):
    """Slots, idle connections by origin, and waiters in the order of their coming."""

    def __init__(self, *, max_connections: int, max_idle: int) -> None:
        self._max = max_connections
        self._max_idle = max_idle
        self._busy = 0
        self._stacks: dict[Hashable, dict[C, int]] = {}
        self._oldest: OrderedDict[C, Hashable] = OrderedDict()
        self._waiters: OrderedDict[W, Hashable] = OrderedDict()

    def take(self, origin: Hashable, now: int) -> Taken[C]:
        """A slot for a request to `origin`: the connection used last, if one idles; else a bare one, if one is free.

        `now` is in monotonic nanoseconds, as all times here.
        """
        close = self.expire(now)
        stack = self._stacks.get(origin)
        while stack:
            connection, until = stack.popitem()
            del self._oldest[connection]
            if until > now:
                self._busy += 1
                return Taken(True, connection, close)
            close += (connection,)
        if self._busy + len(self._oldest) >= self._max:
            if not self._oldest:
                return Taken(False, None, close)
            close += (self._drop_oldest(),)
        self._busy += 1
        return Taken(True, None, close)

    def take_bare(self, now: int) -> Taken[C]:
        """A slot without a connection, if one is free and nobody waits: for warming up."""
        close = self.expire(now)
        if self._busy + len(self._oldest) >= self._max:
            return Taken(False, None, close)
        self._busy += 1
        return Taken(True, None, close)

    def give_back(self, origin: Hashable, connection: C | None, until: int) -> Given[C, W]:
        """End a request's use of its slot. `connection`, if still good, may idle until the time `until`."""
        if self._waiters:
            waiter, wanted = self._waiters.popitem(last=False)
            if connection is None or wanted == origin:
                return Given(waiter, connection, ())
            return Given(waiter, None, (connection,))
        self._busy -= 1
        if connection is None:
            return Given(None, None, ())
        if self._max_idle == 0:
            return Given(None, None, (connection,))
        close = (self._drop_oldest(),) if len(self._oldest) >= self._max_idle else ()
        self._stacks.setdefault(origin, {})[connection] = until
        self._oldest[connection] = origin
        return Given(None, None, close)

    def wait(self, origin: Hashable, waiter: W) -> None:
        """Queue a request for which `take` had no slot. A later `give_back` names it, once."""
        self._waiters[waiter] = origin

    def forget(self, waiter: W) -> None:
        """A waiter has gone away."""
        del self._waiters[waiter]

    def expire(self, now: int) -> tuple[C, ...]:
        """Drop what has idled too long, the longest idle first."""
        close: tuple[C, ...] = ()
        while self._oldest:
            connection, origin = next(iter(self._oldest.items()))
            if self._stacks[origin][connection] > now:
                break
            close += (self._drop_oldest(),)
        return close

    def drop_idle(self) -> tuple[C, ...]:
        """Drop every idle connection."""
        close = tuple(self._oldest)
        self._oldest.clear()
        self._stacks.clear()
        return close

    def clear(self) -> tuple[tuple[C, ...], tuple[W, ...]]:
        """Drop every idle connection and every waiter: these two."""
        waiters = tuple(self._waiters)
        self._waiters.clear()
        return self.drop_idle(), waiters

    def statistics(self) -> PoolStatistics:
        """The counts, now."""
        return PoolStatistics(self._busy, len(self._oldest), len(self._waiters))

    def __repr__(self) -> str:
        return f"Pool({self._busy} busy, {len(self._oldest)} idle, {len(self._waiters)} waiting)"

    def _drop_oldest(self) -> C:
        connection, origin = self._oldest.popitem(last=False)
        stack = self._stacks[origin]
        del stack[connection]
        if not stack:
            del self._stacks[origin]
        return connection
