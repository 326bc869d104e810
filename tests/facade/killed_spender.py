"""A process that makes one call under a budget to a provider that never answers, and says so; to be killed."""

import sys
from decimal import Decimal

import trio

import callboard
from callboard.actors.budgets.spec import BudgetSpec
from callboard.actors.prices.book import Price
from callboard.config import Config
from callboard.sections import ProviderConfig, StoreConfig
from callboard.testing import Behaviour, SimulatedProvider

MODEL = "alpha/sim-small"


def config(path: str, url: str) -> Config:
    """One provider that costs a dollar for a hundred tokens, and one budget."""
    return Config(
        providers={"alpha": ProviderConfig(wire="openai", base_url=url)},
        prices={MODEL: Price(input=Decimal(10_000), output=Decimal(10_000))},
        budgets={"all": BudgetSpec(limit=Decimal(2), per="ever")},
        store=StoreConfig(path=path),
    )


async def main(path: str) -> None:
    """Call, and wait to be killed."""
    async with SimulatedProvider("alpha", shape="openai", behaviour=Behaviour(hang_rate=1.0)) as provider:
        async with callboard.open(config(path, provider.url)) as board, trio.open_nursery() as nursery:
            nursery.start_soon(lambda: board.generate("Why?", model=MODEL, max_tokens=100))
            while not provider.statistics().in_flight:
                await trio.sleep(0.01)
            await board.flush()
            sys.stdout.write("sent\n")
            sys.stdout.flush()


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
