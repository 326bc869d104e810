"""The ledger and the store alone, and a process that writes in them until it is killed.

usage: python -m callboard.bench.harness.books FOLDER FIRST

It writes records as fast as it can, 64 askers each waiting for each of theirs, and tells the number of each record
that was acknowledged, eight bytes each.
"""

import itertools
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from callboard.actors.ledger.actor import LedgerActor
from callboard.actors.ledger.journal import page
from callboard.actors.ledger.outbox import Outbox
from callboard.actors.store.actor import StoreActor, StoreSpec
from callboard.messages.accounting import CallEnded, WriteDurably
from callboard.messages.usage import Cost, Usage
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.spec import ActorSpec, SupervisorSpec
from callboard.runtime.system import System
from callboard.testing.records import ended

ASKERS = 64
PAGE = 1_000


def record(number: int) -> CallEnded:
    """One call's record, its id the number."""
    return ended(
        id=f"{number:016x}",
        at=time.time_ns(),
        provider="up",
        model="gpt-4o-mini",
        asked="up/gpt-4o-mini",
        usage=Usage(input=12, output=80),
        cost=Cost("0.0000498"),
        duration=1_000_000,
    )


@asynccontextmanager
async def ledger(folder: Path) -> AsyncIterator[Ref]:
    """The ledger on the real store in this folder, synced."""

    def reading() -> object:
        return system.ref("store").snapshot.ledger

    def make() -> LedgerActor:
        return LedgerActor(reading, system.ref("store"), outbox)  # type: ignore[arg-type]

    outbox = Outbox()
    children = (
        ActorSpec(name="store", factory=lambda: StoreActor(StoreSpec(path=folder)), concurrency=64),
        ActorSpec(name="ledger", factory=make),
    )
    system = System(SupervisorSpec(name="root", children=children))
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
        yield system.ref("ledger")
        system.stop()
        await system.stopped.wait()


def written(folder: Path) -> set[int]:
    """The numbers of all records on disk."""
    return trio.run(_written, folder)


async def _written(folder: Path) -> set[int]:
    store = ActorSpec(name="store", factory=lambda: StoreActor(StoreSpec(path=folder)), concurrency=64)
    system = System(SupervisorSpec(name="root", children=(store,)))
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
        reading, found, after = system.ref("store").snapshot.ledger, set(), b""
        while some := page(reading, after, PAGE):
            found |= {int(entry.id, 16) for _, entry in some if isinstance(entry, CallEnded)}
            after = some[-1][0]
        system.stop()
        await system.stopped.wait()
    return found


async def _write_until_killed(folder: Path, first: int) -> None:
    numbers = itertools.count(first)

    async def asker(book: Ref) -> None:
        for number in numbers:
            await book.ask(WriteDurably((record(number),)))
            os.write(1, number.to_bytes(8, "big"))

    async with ledger(folder) as book, trio.open_nursery() as nursery:
        for _ in range(ASKERS):
            nursery.start_soon(asker, book)


if __name__ == "__main__":
    trio.run(_write_until_killed, Path(sys.argv[1]), int(sys.argv[2]))
