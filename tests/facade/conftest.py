"""A board on simulated providers, in virtual time: real sockets on loopback in the same Trio run."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import pytest

import callboard
from callboard.actors.logbook.pages import LogSpec
from callboard.actors.orchestrator.features import Features
from callboard.actors.prices.book import Price
from callboard.actors.provider.deadline import Timeouts
from callboard.actors.provider.health import HealthSpec
from callboard.config import Config
from callboard.runtime.clock import Clock, virtual_utc
from callboard.sections import AliasConfig, CircuitConfig, ProviderConfig, StoreConfig
from callboard.testing import Behaviour, SimulatedProvider

MODEL = "sim-small"
NO_LOG = LogSpec()
TIMEOUTS = Timeouts(connect=2, first_byte=10, between_bytes=10, first_token=10, between_tokens=10, permit=20)
SHAPES: dict[str, tuple[str, Any]] = {
    "alpha": ("openai", "openai"),
    "beta": ("anthropic", "anthropic"),
    "gamma": ("openai", "openai"),
}
"""Wire and shape by the provider's name."""
CIRCUIT = CircuitConfig(consecutive=5, backoff=5.0, max_backoff=60.0)
HEALTH = HealthSpec()


class World:
    """A board and the providers behind it."""

    def __init__(self, board: callboard.Board, providers: dict[str, SimulatedProvider]) -> None:
        self.board = board
        self.providers = providers

    def __getitem__(self, name: str) -> SimulatedProvider:
        return self.providers[name]

    @property
    def moves(self) -> list[tuple[str, str, str, str]]:
        """Provider, circuit, before and after of each move so far."""
        return [
            (event.provider, event.circuit, event.before, event.after)
            for event in self.board.events
            if isinstance(event, callboard.CircuitMoved)
        ]

    def in_flight(self) -> dict[str, Any]:
        """Whatever is in hand anywhere: empty when nothing leaks."""
        found = {}
        for cell in self.board._system.cells():
            facts = cell.snapshot.facts() if hasattr(cell.snapshot, "facts") else {}
            held = (len(cell.running), len(cell.deferred), facts.get("in_flight", 0), facts.get("open_attempts", 0))
            if any(held) or facts.get("fills") or (facts.get("waiting") and cell.path.startswith("limits")):
                found[cell.path] = held
        return found


@pytest.fixture
def world() -> Callable[..., AbstractAsyncContextManager[World]]:
    """Open a board on providers alpha (OpenAI's shape) and beta (Anthropic's), with the alias `any` for both."""
    return open_world


@asynccontextmanager
async def open_world(
    behaviours: dict[str, Behaviour] | None = None,
    *,
    timeouts: Timeouts = TIMEOUTS,
    circuit: CircuitConfig = CIRCUIT,
    health: HealthSpec = HEALTH,
    limits: Any = None,
    store: StoreConfig | None = None,
    log: LogSpec = NO_LOG,
    seed: int = 1,
    utc: Callable[[], int] | None = None,
    base_url: str | None = None,
    port: int = 0,
    shapes: dict[str, tuple[str, Any]] | None = None,
    models: dict[str, Any] | None = None,
    features: dict[str, Any] | None = None,
    **tables: Any,
) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        providers = {}
        configs = {}
        spoken = SHAPES | (shapes or {})
        for name, behaviour in (behaviours or {"alpha": Behaviour(), "beta": Behaviour()}).items():
            wire: Any
            wire, shape = spoken[name]
            provider = SimulatedProvider(name, shape=shape, seed=seed, behaviour=behaviour, port=port)
            providers[name] = await stack.enter_async_context(provider)
            more = {} if limits is None else {"limits": limits}
            configs[name] = ProviderConfig(
                wire=wire, base_url=base_url or provider.url, timeouts=timeouts, circuit=circuit, health=health, **more
            )
        config = Config(
            providers=configs,
            models=msgspec.convert(
                models or {"any": [f"{name}/{MODEL}" for name in configs]}, dict[str, list[str] | AliasConfig]
            ),
            prices={f"{name}/{MODEL}": Price(input=Decimal(1), output=Decimal(2)) for name in configs},
            features=msgspec.convert(features or {}, dict[str, Features]),
            store=store or StoreConfig(mode="memory"),
            log=log,
        )
        config = msgspec.structs.replace(config, **tables)
        clock = Clock(utc or virtual_utc())
        async with callboard.open(config, clock=clock, virtual_time=True, seed=seed) as board:
            yield World(board, providers)
