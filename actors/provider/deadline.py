"""The provider's own time limits for one attempt, each with a name that its fault tells."""

import contextlib
import math
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx
import msgspec
import trio

from callboard.actors.transport.errors import Stage
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.settings import numbers
from callboard.runtime.clock import NANOSECONDS


class Timeouts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds. Running into one of them is the provider's fault; the caller's own deadline is not among them."""

    connect: float = 10.0
    first_byte: float = 60.0
    between_bytes: float = 60.0
    first_token: float = 60.0
    """Of a stream: until the first text, thinking or tool call. It begins anew with whatever shows that the model is at
    work, such as a search of the provider's own, but not with pings; so does the next one."""
    between_tokens: float = 60.0
    permit: float = 30.0
    """Waiting for the account's limits to leave room; the one among them that no provider is blamed for."""

    def __post_init__(self) -> None:
        numbers(self)
        for name in self.__struct_fields__:
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"`{name}` must be a number of seconds above 0")


class Limit(msgspec.Struct, frozen=True):
    """A number of seconds with a name, and when they end on Trio's clock."""

    name: str
    seconds: float
    at: float


_NO_LIMIT = Limit("", math.inf, math.inf)
_OPEN_ALREADY = contextlib.nullcontext()
_STAGES: dict[Stage, tuple[str, str | None]] = {
    Stage.POOL: ("pool", "permit"),
    Stage.CONNECT: ("connect", "connect"),
    Stage.WRITE: ("first byte", "first_byte"),
    Stage.FIRST_BYTE: ("first byte", "first_byte"),
    Stage.BETWEEN_BYTES: ("between bytes", "between_bytes"),
    Stage.TOTAL: ("", None),
}
"""What a fault calls each of the transport's stages, and which of the timeouts bounds it."""


class Alarm:
    """One cancel scope for one attempt; its deadline moves from limit to limit, and an operator may cut it.

    `latest` bounds it whatever the limits are, on Trio's clock: that is the asker's, and no fault of the provider's.

    It is a transport's `watch`: a transport of our own tells it what it waits for, and opens no scopes itself. Beside
    the transport's limits it holds that of the next token. `now` tells monotonic nanoseconds.

    A limit that has passed ends the attempt, though what it bounded has come in the same moment: no other takes its
    place, which would leave nothing to tell.
    """

    def __init__(self, timeouts: Timeouts, now: Callable[[], int], latest: float = math.inf) -> None:
        self.scope = trio.CancelScope(deadline=latest)
        self._now = now
        self._latest = latest
        self._timeouts = timeouts
        self._stage = _NO_LIMIT
        self._token = _NO_LIMIT
        self._ends = latest
        """When the earliest of these limits passes, on Trio's clock."""
        self._cut = False

    @property
    def sent(self) -> bool:
        """Whether it ended later than in the wait for a connection: the provider may have seen the request."""
        return self._stage.name not in (Stage.POOL, Stage.CONNECT)

    def set(self, name: str, seconds: float) -> None:
        """From now on this limit holds."""
        now = self._now() / NANOSECONDS
        if now < self._ends:
            self._stage = Limit(name, seconds, now + seconds)
            self._move()

    def token(self, name: str, seconds: float) -> None:
        """Until the next time this limit holds as well, whatever the transport does meanwhile."""
        now = self._now() / NANOSECONDS
        if now < self._ends:
            self._token = Limit(name, seconds, now + seconds)
            self._move()

    def pause(self) -> None:
        """No limit holds: it is not the provider that is waited for."""
        if self._now() / NANOSECONDS < self._ends:
            self._stage = self._token = _NO_LIMIT
            self._move()

    def cut(self) -> None:
        """End the attempt at once, by an operator's wish."""
        self._cut = True
        self.scope.cancel()

    def fault_caught(self) -> Fault | None:
        """What ended the block under `scope`; None when it ended by itself."""
        return self.fault_underway() if self.scope.cancelled_caught else None

    def fault_underway(self) -> Fault | None:
        """Why what runs under `scope` is being cancelled; None when it is not one of these limits, nor an operator."""
        if self._cut:
            return Fault(kind=FaultKind.UNAVAILABLE, message="an operator cut the attempts in flight")
        limit = self._token if self._token.at <= self._stage.at else self._stage
        if limit.at >= self._latest or trio.current_time() < limit.at:
            return None
        if limit.name == Stage.POOL:
            return no_connection()
        return timed_out(limit.name, limit.seconds)

    def enter(self, stage: Stage) -> None:
        """See transport.stopwatch.Watch."""
        name, field = _STAGES[stage]
        self.set(name, math.inf if field is None else getattr(self._timeouts, field))

    def open(self, stage: Stage) -> AbstractContextManager[object]:
        """See transport.stopwatch.Watch."""
        self.enter(stage)
        return _OPEN_ALREADY

    def error(self, where: object) -> httpx.TimeoutException:
        """See transport.stopwatch.Watch; the attempt's own scope ends the attempt, so nobody asks."""
        return httpx.TimeoutException(f"{where}: no {self._stage.name} within {self._stage.seconds:g} s")

    def _move(self) -> None:
        self.scope.deadline = self._ends = min(self._stage.at, self._token.at, self._latest)


def timed_out(name: str, seconds: float) -> Fault:
    """The provider took longer than the configured limit of this name."""
    return Fault(kind=FaultKind.TIMED_OUT, timeout=name, message=f"no {name} within {seconds:g} s")


def no_connection() -> Fault:
    """All that the account may have open stayed in use for as long as a permit is waited for."""
    return Fault(kind=FaultKind.RATE_LIMITED, timeout="permit", message="all connections stayed in use")
