"""The pool's decisions, carried out: tasks are parked and woken, connections closed."""

from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

import outcome
import trio

from callboard.actors.transport.errors import Stage, TransportClosed
from callboard.actors.transport.policy import Origin
from callboard.actors.transport.pool import Pool, PoolStatistics
from callboard.actors.transport.stopwatch import Watch
from callboard.runtime.clock import Clock, ns


class Closeable(Hashable, Protocol):
    """A connection, as far as the pool goes."""

    def close(self) -> None:
        """At once."""
        ...


C = TypeVar("C", bound=Closeable)


class Slots(Generic[C]):
    """The pool with its waiters: parks and wakes tasks, and closes what the pool drops."""

    def __init__(self, *, max_connections: int, max_idle: int) -> None:
        self._now = Clock().now
        self._pool: Pool[C, trio.lowlevel.Task] = Pool(max_connections=max_connections, max_idle=max_idle)
        self.closed = False

    async def take(self, origin: Origin, watch: Watch) -> C | None:
        """A slot, with an idle connection in it if there is one. Waits only when all slots are in use."""
        if self.closed:
            raise TransportClosed(f"{origin}: the transport is closed")
        taken = self._pool.take(origin, self._now())
        _close(taken.close)
        return taken.connection if taken.slot else await self._wait(origin, watch)

    def take_bare(self) -> bool:
        """A slot without a connection; false when none is free."""
        taken = self._pool.take_bare(self._now())
        _close(taken.close)
        return taken.slot

    def give_back(self, origin: Origin, connection: C | None, idle: float = 0.0) -> None:
        """End the use of a slot. A connection that is still good may idle for `idle` seconds."""
        given = self._pool.give_back(origin, connection, self._now() + ns(idle))
        _close(given.close)
        if given.waiter is not None:
            trio.lowlevel.reschedule(given.waiter, outcome.Value(given.connection))

    def sweep(self) -> None:
        """Close what has idled too long."""
        _close(self._pool.expire(self._now()))

    def drop_idle(self) -> None:
        """Close what idles."""
        _close(self._pool.drop_idle())

    def close(self) -> None:
        """Close what idles; whoever waits for a slot gets TransportClosed."""
        self.closed = True
        idle, waiters = self._pool.clear()
        _close(idle)
        for waiter in waiters:
            trio.lowlevel.reschedule(waiter, outcome.Error(TransportClosed("the transport was closed")))

    def statistics(self) -> PoolStatistics:
        """The counts, now."""
        return self._pool.statistics()

    @trio.lowlevel.enable_ki_protection
    async def _wait(self, origin: Origin, watch: Watch) -> C | None:
        watch.enter(Stage.POOL)
        task = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._pool.forget(task)
            return trio.lowlevel.Abort.SUCCEEDED

        self._pool.wait(origin, task)
        connection: C | None = await trio.lowlevel.wait_task_rescheduled(abort)
        watch.enter(Stage.FIRST_BYTE)
        return connection


def _close(connections: tuple[Closeable, ...]) -> None:
    for connection in connections:
        connection.close()
