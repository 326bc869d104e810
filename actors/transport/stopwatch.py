"""A request's deadlines: one for the stage that it is in, one for the whole."""

from contextlib import AbstractContextManager
from typing import Protocol

import httpx
import trio

from callboard.actors.transport.config import Timeouts
from callboard.actors.transport.errors import (
    BetweenBytesTimeout,
    ConnectTimeout,
    FirstByteTimeout,
    PoolTimeout,
    Stage,
    TotalTimeout,
    WriteTimeout,
)

_ERRORS: dict[Stage, tuple[type[httpx.TimeoutException], str]] = {
    Stage.POOL: (PoolTimeout, "no connection became free"),
    Stage.CONNECT: (ConnectTimeout, "no connection was made"),
    Stage.WRITE: (WriteTimeout, "the server took no byte of the request"),
    Stage.FIRST_BYTE: (FirstByteTimeout, "no byte of a reply came"),
    Stage.BETWEEN_BYTES: (BetweenBytesTimeout, "the reply stopped in its middle"),
    Stage.TOTAL: (TotalTimeout, "the reply was not whole"),
}


class Watch(Protocol):
    """Whoever keeps a request's time: a Stopwatch, or the caller himself by way of the `watch` extension.

    A caller who keeps the time opens one scope around request and body; here it is only told which stage has begun.
    """

    def enter(self, stage: Stage) -> None:
        """Begin to wait for `stage`; entering it anew starts it anew."""
        ...

    def open(self, stage: Stage) -> AbstractContextManager[object]:
        """To wait in: ends with `stage`, or does nothing where a scope is open already."""
        ...

    def error(self, where: object) -> httpx.TimeoutException:
        """What to raise once the block was cut."""
        ...


class Stopwatch:
    """Tells when to give up, and why.

    Moving the deadline of an open scope is much cheaper than opening a scope for each wait, so a stage is entered by
    moving it. A scope must not stay open while the reader holds the reply; each wait of the body opens its own.
    """

    __slots__ = ("_scope", "_stage", "_stage_at", "_timeouts", "_total_at")

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._scope: trio.CancelScope | None = None
        self._stage = Stage.TOTAL
        self._stage_at = self._total_at = trio.current_time() + timeouts.total

    def enter(self, stage: Stage) -> None:
        """Begin to wait for `stage`; entering it anew starts it anew.

        A stage that has ended the wait stays the one that did, though what it waited for has come in the same moment.
        """
        if self._scope is not None and self._scope.cancel_called:
            return
        self._stage = stage
        self._stage_at = trio.current_time() + self._limit(stage)
        if self._scope is not None:
            self._scope.deadline = min(self._stage_at, self._total_at)

    def open(self, stage: Stage) -> trio.CancelScope:
        """A scope, not yet entered, that ends with `stage`; later stages move it."""
        self._scope = None
        self.enter(stage)
        self._scope = trio.CancelScope(deadline=min(self._stage_at, self._total_at))
        return self._scope

    def error(self, where: object) -> httpx.TimeoutException:
        """What to raise once the scope was cancelled by its deadline."""
        stage = Stage.TOTAL if self._total_at <= self._stage_at else self._stage
        kind, what = _ERRORS[stage]
        return kind(f"{where}: {what} within {self._limit(stage):g} s ({stage} timeout)")

    def _limit(self, stage: Stage) -> float:
        limit: float = getattr(self._timeouts, stage.name.lower())
        return limit
