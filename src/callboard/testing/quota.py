"""The provider's own rate limits: token buckets that refill continuously, as pure values."""

from typing import Literal, TypeAlias

import msgspec

from callboard.messages.limits import RateLimits, Window
from callboard.testing.behaviour import Behaviour

LimitName: TypeAlias = Literal["requests", "tokens"]

_MINUTE = 60_000_000_000
_SLACK = 1e-6  # a client that waits exactly as long as it was told must not fail on a rounding error


class Bucket(msgspec.Struct, frozen=True):
    """What was left at a time."""

    level: float
    at: int
    """Monotonic nanoseconds."""


class Buckets(msgspec.Struct, frozen=True):
    """The buckets of one set of limits; None where there is no limit, or it was never asked."""

    requests: Bucket | None = None
    tokens: Bucket | None = None


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What the limits say to one request."""

    limits: RateLimits | None = None
    """As told in the reply's headers; None where there is no limit."""
    refused: LimitName | None = None
    """The limit that refuses; None when the request passes."""
    retry_after: float | None = None
    """Seconds until the request would pass; None when it passes, or never will."""


def admit(buckets: Buckets, behaviour: Behaviour, tokens: int, now: int) -> tuple[Buckets, Admission]:
    """Take one request and `tokens` from the buckets if both hold enough, else nothing from either.

    `now` is monotonic nanoseconds.
    """
    asked: dict[LimitName, _Limit | None] = {
        "requests": _look(buckets.requests, behaviour.requests_per_minute, behaviour.burst, 1, now),
        "tokens": _look(buckets.tokens, behaviour.tokens_per_minute, None, tokens, now),
    }
    short = {name: limit for name, limit in asked.items() if limit and not limit.passes}
    left = asked if short else {name: limit.spent() if limit else None for name, limit in asked.items()}
    requests, words = left["requests"], left["tokens"]
    admission = Admission(
        limits=_told(requests, words),
        refused=next(iter(short), None),
        retry_after=_longest([limit.wait for limit in short.values()]),
    )
    return Buckets(_bucket(requests, now), _bucket(words, now)), admission


class _Limit(msgspec.Struct, frozen=True):
    """One bucket at this moment, asked for `cost`."""

    per_minute: int
    capacity: float
    level: float
    cost: float

    @property
    def passes(self) -> bool:
        return self.level >= self.cost - _SLACK

    @property
    def wait(self) -> float | None:
        return None if self.cost > self.capacity else (self.cost - self.level) * 60 / self.per_minute

    @property
    def window(self) -> Window:
        resets_in = (self.capacity - self.level) * 60 / self.per_minute
        return Window(limit=self.per_minute, remaining=int(self.level), resets_in=resets_in)

    def spent(self) -> "_Limit":
        return msgspec.structs.replace(self, level=max(0.0, self.level - self.cost))


def _look(bucket: Bucket | None, per_minute: int | None, burst: int | None, cost: float, now: int) -> _Limit | None:
    if per_minute is None:
        return None
    capacity = float(burst or per_minute)
    if bucket is None:
        return _Limit(per_minute, capacity, capacity, cost)
    gained = (now - bucket.at) * per_minute / _MINUTE
    return _Limit(per_minute, capacity, min(capacity, bucket.level + gained), cost)


def _bucket(limit: _Limit | None, now: int) -> Bucket | None:
    return None if limit is None else Bucket(limit.level, now)


def _told(requests: _Limit | None, tokens: _Limit | None) -> RateLimits | None:
    if requests is None and tokens is None:
        return None
    return RateLimits(requests=requests.window if requests else None, tokens=tokens.window if tokens else None)


def _longest(waits: list[float | None]) -> float | None:
    known = [wait for wait in waits if wait is not None]
    return max(known) if known and len(known) == len(waits) else None
