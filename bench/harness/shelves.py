"""Caches of different sizes on disk, some of whose replies came through the whole runtime and are asked for again."""

import gc
import itertools
import os
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec
import trio

import callboard
from callboard.actors.cache.shelf import Bounds, Shelf
from callboard.actors.store.actor import CACHE_DATABASES
from callboard.actors.store.reading import Records
from callboard.bench.harness import client
from callboard.bench.harness.client import NAMED, configuration, recorded
from callboard.bench.harness.question import Missing
from callboard.config import Resolved
from callboard.messages.caching import Entry
from callboard.messages.chat import TextPart
from callboard.messages.reply import Answer, FinishReason
from callboard.messages.storing import StorePut
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.errors import NeedsGrowth
from callboard.runtime.storage.operations import Put
from callboard.runtime.storage.record import pack

ROOM = Bounds(max_entries=2_000_000, max_bytes=16 << 30)
TURNED_OFF = f"{client.TURNED_OFF}; the cache's bounds, by default a million entries and 1 GiB, are two and 16"
BATCH = 10_000
SPREAD = 0x5DEECE66D
FILLING = Answer(parts=(TextPart("What others asked for. " * 44),), finish_reason=FinishReason.STOP)
"""About a kilobyte."""

KEPT = "the system keeps a file's pages in memory when it is told to drop them, or its disk is in memory"
Clock: TypeAlias = Callable[[], float]
"""Seconds."""


def prompt(number: int) -> str:
    """One of the prompts that are asked again."""
    return f"Why {number}?"


def settings(url: str, folder: Path) -> Resolved:
    """A cache with room for all."""
    resolved = configuration(url, str(folder))
    config = msgspec.structs.replace(resolved.config, cache=ROOM)
    return msgspec.structs.replace(resolved, config=config)


async def ask_once(url: str, folder: Path, probes: int) -> None:
    """So many replies from the upstream, kept."""
    async with callboard.open(settings(url, folder)) as board:
        for number in range(probes):
            reply = await board.generate(prompt(number), model=NAMED, cache="use")
            assert not reply.cached


def fill(folder: Path, entries: int) -> None:
    """Add entries until there are so many, as the shelf writes them; their keys are spread evenly among all."""
    environment = Environment.open(folder / "cache", CACHE_DATABASES, sync=False, map_size=1 << 30)
    try:
        reading = Records(environment)
        shelf = Shelf(lambda: reading, ROOM)
        numbers = iter(range(entries - len(shelf)))
        while batch := list(itertools.islice(numbers, BATCH)):
            _commit(environment, [one for number in batch for one in _operations(shelf, number)])
        assert reading.count("entries") == entries
    finally:
        environment.close()


def _operations(shelf: Shelf, number: int) -> list[Put]:
    entry = Entry(answer=FILLING, provider="up", model="gpt-4o-mini", stored=time.time_ns())
    kept = shelf.keep(random.Random(number * SPREAD).randbytes(20), entry)
    return [
        Put(one.database, one.key, pack(one.key, one.version, one.value)) for one in kept if isinstance(one, StorePut)
    ]


def _commit(environment: Environment, operations: list[Put]) -> None:
    while True:
        try:
            return environment.commit(operations)
        except NeedsGrowth:
            environment.grow()


def hit(url: str, folder: Path, probes: int, hits: int) -> float:
    """CPU microseconds of a hit, its record included, after each reply was asked for once."""
    prompts = [prompt(number) for number in random.choices(range(probes), k=hits)]
    return trio.run(_asked, url, folder, [prompt(number) for number in range(probes)], prompts, time.process_time)


def first_hit(url: str, folder: Path, probes: int, clock: Clock) -> float:
    """Microseconds of a hit whose reply was not read since the file was opened; a tenth of all were, before these."""
    prompts = [prompt(number) for number in random.sample(range(probes), k=probes)]
    return trio.run(_asked, url, folder, prompts[: probes // 10], prompts[probes // 10 :], clock)


def hit_on_disk(url: str, folder: Path, probes: int, clock: Clock) -> float:
    """The same after the file's pages were dropped from memory. Raises Missing where the system keeps them."""
    dropped(folder / "cache")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
    spent = first_hit(url, folder, probes, clock)
    if resource.getrusage(resource.RUSAGE_SELF).ru_majflt == before:
        raise Missing(KEPT)
    return spent


def dropped(folder: Path) -> None:
    """Have the system forget the pages of these files; nobody has them open. Raises Missing where it cannot."""
    if not hasattr(os, "posix_fadvise"):
        raise Missing(KEPT)
    for file in folder.iterdir():
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


async def _asked(url: str, folder: Path, before: list[str], prompts: list[str], clock: Clock) -> float:
    async with callboard.open(settings(url, folder)) as board:
        for one in before:
            await board.generate(one, model=NAMED, cache="use")
        await board.flush()
        so_far = recorded(board)
        gc.collect()
        started = clock()
        for one in prompts:
            reply = await board.generate(one, model=NAMED, cache="use")
            assert reply.cached
        await board.flush()
        spent = clock() - started
        assert recorded(board) == so_far.after(attempts=0, calls=len(prompts)), "not every call was recorded"
    return spent / len(prompts) * 1e6
