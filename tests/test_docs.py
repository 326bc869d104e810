"""What README and docs show is true: examples run, and tables name everything that there is."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import trio

import callboard
from callboard.testing import SimulatedProvider

ROOT = Path(__file__).parents[1]
ALIASES = {"fast": ["alpha/sim-small"]}


def example(page: str, word: str) -> dict[str, Any]:
    """What the page's one block of Python with this word defines."""
    blocks = [block.partition("```")[0] for block in (ROOT / page).read_text("utf-8").split("```python\n")[1:]]
    (found,) = [block for block in blocks if word in block]
    names: dict[str, Any] = {"__name__": "example"}
    exec(found, names)  # noqa: S102 - our own page
    return names


def config(provider: SimulatedProvider) -> callboard.Config:
    return callboard.Config(
        providers={"alpha": callboard.ProviderConfig(wire="openai", base_url=provider.url, free=True)},
        models=ALIASES,
        store=callboard.StoreConfig(mode="memory"),
    )


async def test_the_bridge_from_asyncio_brings_replies_and_faults_and_ends_with_its_block() -> None:
    bridge = example("README.md", "to_thread")["bridge"]

    async def main(source: callboard.Config) -> None:
        async with bridge(source) as (board, call):
            replies = await asyncio.gather(*(call(board.generate, f"Why {n}?", model="fast") for n in range(3)))
            assert all(reply.text for reply in replies)
            with pytest.raises(callboard.InvalidRequest):
                await call(board.generate, "Why?", model="nobody")
        with pytest.raises(trio.RunFinishedError):
            await call(board.generate, "Why?", model="fast")

    async with SimulatedProvider("alpha") as provider:
        await trio.to_thread.run_sync(asyncio.run, main(config(provider)))


async def test_the_bridge_raises_what_opening_raised() -> None:
    bridge = example("README.md", "to_thread")["bridge"]

    async def main() -> None:
        with pytest.raises(callboard.ConfigError):
            async with bridge(callboard.Config()):
                pass

    await trio.to_thread.run_sync(asyncio.run, main())
