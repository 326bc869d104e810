"""What befalls the providers: episodes of one fault each, drawn from the seed. Pure."""

import enum
import random
from collections.abc import Callable, Iterator, Mapping

import msgspec

from callboard.simulation.spec import Spec
from callboard.testing.behaviour import Behaviour

GAP = 5 * 3600.0
"""Seconds from the end of one episode to the next, on average."""


class Trouble(enum.StrEnum):
    """What an episode does."""

    REFUSES = "refuses connections"
    UNREACHABLE = "cannot be reached"
    UNAUTHORIZED = "refuses the credential"
    ERRORS = "server errors"
    OVERLOAD = "overload"
    RATE_LIMITS = "rate limits"
    QUOTA = "quota"
    RESETS = "resets"
    HANGS = "hangs"
    DRIPS = "drips"
    MALFORMED = "malformed replies"
    CUTS = "cut replies"
    SLOW_REPLIES = "slow replies"
    SLOW_FIRST_TOKENS = "slow first tokens"
    SLOW_TOKENS = "slow tokens"


WEIGHTS: Mapping[Trouble, int] = {
    Trouble.REFUSES: 3,
    Trouble.UNREACHABLE: 2,
    Trouble.UNAUTHORIZED: 1,
    Trouble.ERRORS: 3,
    Trouble.OVERLOAD: 2,
    Trouble.RATE_LIMITS: 2,
    Trouble.QUOTA: 4,
    Trouble.RESETS: 1,
    Trouble.HANGS: 2,
    Trouble.DRIPS: 1,
    Trouble.MALFORMED: 1,
    Trouble.CUTS: 2,
    Trouble.SLOW_REPLIES: 2,
    Trouble.SLOW_FIRST_TOKENS: 1,
    Trouble.SLOW_TOKENS: 2,
}
"""How often each comes, compared with the others."""


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One provider's trouble, from when to when (seconds since the simulation began)."""

    provider: str
    trouble: Trouble
    start: float
    end: float
    rate: float
    """The share of the requests that it befalls, where that can be said."""


def episodes(spec: Spec, provider: str) -> Iterator[Episode]:
    """One provider's, in order, never two at a time; the last twentieth of the time is free of them."""
    draw = random.Random(f"{spec.seed}/faults/{provider}")
    last = spec.seconds * 0.95
    at = draw.expovariate(1 / GAP)
    while at < last:
        trouble = draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        length = min(60 * 2 ** draw.uniform(0, 8), last - at)
        yield Episode(provider=provider, trouble=trouble, start=at, end=at + length, rate=draw.uniform(0.4, 1.0))
        at += length + draw.expovariate(1 / GAP)


def troubled(usual: Behaviour, episode: Episode) -> Behaviour:
    """How the provider behaves while it lasts. What is no matter of behaviour leaves it as it is."""
    change = _CHANGES.get(episode.trouble)
    if change is None:
        return usual
    rates = {name: 0.0 for name in usual.__struct_fields__ if name.endswith("_rate") and name not in _NO_FAULT}
    return msgspec.structs.replace(usual, **{**rates, **change(episode.rate)})


_NO_FAULT = {"slow_first_token_rate"}

_CHANGES: Mapping[Trouble, Callable[[float], dict[str, object]]] = {
    Trouble.ERRORS: lambda rate: {"error_rate": rate},
    Trouble.OVERLOAD: lambda rate: {"overload_rate": rate, "retry_after": 20.0},
    Trouble.RATE_LIMITS: lambda rate: {"rate_limit_rate": rate, "retry_after": 8.0},
    Trouble.QUOTA: lambda rate: {"quota_rate": rate},
    Trouble.RESETS: lambda rate: {"reset_rate": rate},
    Trouble.HANGS: lambda rate: {"hang_rate": rate},
    Trouble.DRIPS: lambda rate: {"drip_rate": rate, "drip_interval": 2.0 if rate < 0.6 else 25.0},
    Trouble.MALFORMED: lambda rate: {"malformed_rate": rate / 2, "half_body_rate": rate / 2},
    Trouble.CUTS: lambda rate: {"cut_rate": rate / 3, "truncate_rate": rate / 3, "stream_error_rate": rate / 3},
    Trouble.SLOW_REPLIES: lambda rate: {"latency": (15.0, 15.0 + 20.0 * rate)},
    Trouble.SLOW_FIRST_TOKENS: lambda rate: {"slow_first_token_rate": rate},
    Trouble.SLOW_TOKENS: lambda rate: {"between_tokens": (0.5, 5.0 + 10.0 * rate)},
}
