"""The demo's three simulated providers, and the configuration of the runtime that calls them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from callboard.actors.prices.book import Price
from callboard.actors.provider.deadline import Timeouts
from callboard.config import Config
from callboard.sections import CallConfig, CircuitConfig, ProviderConfig, StoreConfig
from callboard.testing import Behaviour, SimulatedProvider

FAILS = "alpha"
"""The provider that dies and returns."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One provider's part in the play."""

    wire: Literal["openai", "anthropic"]
    model: str
    behaviour: Behaviour
    price: Price


_PACE = Behaviour(latency=(0.1, 0.35), first_token=(0.03, 0.15), between_tokens=(0.005, 0.02), tokens=(8, 24))

CAST = {
    "alpha": Part(
        wire="openai",
        model="sim-large",
        behaviour=msgspec.structs.replace(_PACE, error_rate=0.01, cut_rate=0.01),
        price=Price(input=Decimal("2.50"), output=Decimal("10.00")),
    ),
    "beta": Part(
        wire="anthropic",
        model="sim-large",
        behaviour=msgspec.structs.replace(
            _PACE, overload_rate=0.02, retry_after=0.3, cut_rate=0.01, slow_first_token_rate=0.01, slow_first_token=9.0
        ),
        price=Price(input=Decimal("3.00"), output=Decimal("15.00")),
    ),
    "gamma": Part(
        wire="openai",
        model="sim-small",
        behaviour=msgspec.structs.replace(
            _PACE, error_rate=0.01, rate_limit_rate=0.01, reset_rate=0.01, retry_after=0.3
        ),
        price=Price(input=Decimal("0.15"), output=Decimal("0.60")),
    ),
}

ORDERS = {
    "smart": ("alpha", "beta", "gamma"),
    "fast": ("gamma", "beta", "alpha"),
    "careful": ("beta", "gamma", "alpha"),
}
"""The aliases, each with its candidates in order."""

TIMEOUTS = Timeouts(connect=5.0, first_byte=10.0, between_bytes=10.0, first_token=3.0, between_tokens=10.0, permit=10.0)
CIRCUIT = CircuitConfig(consecutive=4, window=10.0, backoff=0.8, max_backoff=1.5)


@asynccontextmanager
async def providers(seed: int) -> AsyncIterator[dict[str, SimulatedProvider]]:
    """The three of them, as real HTTP servers on loopback, for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                SimulatedProvider(name, shape=part.wire, behaviour=part.behaviour, models=(part.model,), seed=seed)
            )
            for name, part in CAST.items()
        }


def configuration(servers: dict[str, SimulatedProvider], store: Path) -> Config:
    """A configuration as anybody could write it."""
    return Config(
        providers={
            name: ProviderConfig(wire=part.wire, base_url=servers[name].url, timeouts=TIMEOUTS, circuit=CIRCUIT)
            for name, part in CAST.items()
        },
        models={alias: [f"{name}/{CAST[name].model}" for name in order] for alias, order in ORDERS.items()},
        prices={f"{name}/{part.model}": part.price for name, part in CAST.items()},
        call=CallConfig(timeout=60.0, attempts=8),
        store=StoreConfig(path=str(store)),
    )
