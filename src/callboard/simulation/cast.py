"""The five providers, and the configuration of the runtime that calls them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from callboard.actors.budgets.spec import EACH, BudgetSpec
from callboard.actors.prices.book import Price
from callboard.actors.provider.deadline import Timeouts
from callboard.config import Config
from callboard.sections import CallConfig, CircuitConfig, LimitConfig, ProviderConfig, StoreConfig
from callboard.testing.behaviour import Behaviour

SMALL, LARGE = "sim-small", "sim-large"

TIMEOUTS = Timeouts(connect=5, first_byte=20, between_bytes=20, first_token=15, between_tokens=10, permit=30)
CIRCUIT = CircuitConfig()
CALL = CallConfig(timeout=300, attempts=4)

PACE = Behaviour(
    latency=(0.2, 1.5),
    first_token=(0.1, 0.8),
    between_tokens=(0.02, 0.2),
    slow_first_token_rate=0.002,
    slow_first_token=30.0,
    tokens=(4, 24),
    error_rate=0.004,
    overload_rate=0.002,
    rate_limit_rate=0.002,
    reset_rate=0.002,
    hang_rate=0.001,
    drip_rate=0.001,
    drip_interval=2.0,
    malformed_rate=0.002,
    half_body_rate=0.002,
    cut_rate=0.004,
    truncate_rate=0.002,
    stream_error_rate=0.002,
    retry_after=2.0,
)
"""A provider on an ordinary day: nothing is ever quite without faults."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One provider's part in the play."""

    shape: Literal["openai", "anthropic"]
    behaviour: Behaviour
    limits: LimitConfig
    """What the runtime believes that it may ask."""
    prices: dict[str, Price]


def _limited(**limits: int) -> Behaviour:
    return msgspec.structs.replace(PACE, **limits)


def _price(input_: str, output: str, cached: str | None = None) -> Price:
    read = None if cached is None else Decimal(cached)
    return Price(input=Decimal(input_), output=Decimal(output), cached_read=read)


CAST: Mapping[str, Part] = {
    "alpha": Part(
        shape="openai",
        behaviour=_limited(requests_per_minute=20),
        limits=LimitConfig(requests_per_minute=20, tokens_per_minute=1_500),
        prices={SMALL: _price("0.15", "0.60"), LARGE: _price("2.50", "10.00")},
    ),
    "beta": Part(
        shape="anthropic",
        behaviour=msgspec.structs.replace(PACE, concurrency=4, cached_share=0.5),
        limits=LimitConfig(concurrency=4),
        prices={SMALL: _price("0.80", "4.00", "0.08"), LARGE: _price("3.00", "15.00", "0.30")},
    ),
    "gamma": Part(
        shape="openai",
        behaviour=_limited(requests_per_minute=12),
        limits=LimitConfig(),
        prices={SMALL: _price("0.10", "0.40"), LARGE: _price("1.10", "4.40")},
    ),
    "delta": Part(
        shape="anthropic",
        behaviour=msgspec.structs.replace(PACE, retry_form="date"),
        limits=LimitConfig(requests_per_minute=30, tokens_per_minute=3_000, concurrency=6),
        prices={SMALL: _price("1.00", "5.00"), LARGE: _price("15.00", "75.00")},
    ),
    "epsilon": Part(
        shape="openai",
        behaviour=msgspec.structs.replace(PACE, latency=(0.5, 4.0), retry_form="milliseconds"),
        limits=LimitConfig(),
        prices={SMALL: _price("0", "0"), LARGE: _price("0.05", "0.07")},
    ),
}
"""alpha and beta enforce the limits that the runtime was told; gamma enforces some that it was not told."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "smart": (f"alpha/{LARGE}", f"beta/{LARGE}", f"delta/{LARGE}"),
    "fast": (f"gamma/{SMALL}", f"epsilon/{SMALL}", f"alpha/{SMALL}"),
    "cheap": (f"epsilon/{LARGE}", f"gamma/{LARGE}"),
    "any": tuple(f"{name}/{SMALL}" for name in CAST),
}


BUDGETS: Mapping[str, BudgetSpec] = {
    "each user's day": BudgetSpec(limit=Decimal("0.012"), per="day", user=EACH),
    "delta's day": BudgetSpec(limit=Decimal("0.03"), per="day", provider="delta"),
    "every month": BudgetSpec(limit=Decimal(1), per="month", hard=False),
}
"""Small enough to be met on busy days."""


def configuration(urls: Mapping[str, str], store: StoreConfig) -> Config:
    """A configuration as anybody could write it. `urls` are the providers' by name."""
    return Config(
        providers={
            name: ProviderConfig(
                wire=part.shape, base_url=urls[name], timeouts=TIMEOUTS, circuit=CIRCUIT, limits=part.limits
            )
            for name, part in CAST.items()
        },
        models={alias: list(candidates) for alias, candidates in ALIASES.items()},
        prices={f"{name}/{model}": price for name, part in CAST.items() for model, price in part.prices.items()},
        budgets=dict(BUDGETS),
        call=CALL,
        store=store,
    )
