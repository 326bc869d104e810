"""A process that makes calls and writes each acknowledged call's id to its output, until it is killed."""

import sys

import trio

import callboard
from callboard.actors.logbook.pages import LogSpec
from callboard.config import Config
from callboard.sections import ProviderConfig, StoreConfig
from callboard.testing import SimulatedProvider


async def main(path: str) -> None:
    async with SimulatedProvider("alpha", shape="openai") as provider:
        config = Config(
            providers={"alpha": ProviderConfig(wire="openai", base_url=provider.url, free=True)},
            store=StoreConfig(path=path, durability="strict", initial_size=65_536),
            log=LogSpec(requests=True),
        )
        async with callboard.open(config) as board, trio.open_nursery() as nursery:
            for worker in range(8):
                nursery.start_soon(call_for_ever, board, worker)


async def call_for_ever(board: callboard.Board, worker: int) -> None:
    number = 0
    while True:
        number += 1
        reply = await board.generate(f"Why {worker} {number}?", model="alpha/sim-small")
        assert reply.recorded == "acknowledged"
        sys.stdout.write(f"{reply.id}\n")
        sys.stdout.flush()


trio.run(main, sys.argv[1])
