"""Many slow streams with plain calls beside them, and what the process holds meanwhile."""

import gc
import math
import os
import sys
from array import array
from pathlib import Path
from typing import NamedTuple

import trio

import callboard
from callboard.bench.harness.client import NAMED, opened
from callboard.bench.harness.trend import Trend, trend
from callboard.bench.harness.upstream import PROMPT, streams

CHUNKS_A_SECOND = 50
CHUNKS = 6
"""With text, of one stream."""
LEFT_AT = 3
"""The chunk at which every tenth stream is left."""
DELAY = 0.05
PLAIN_A_SECOND = 50
EVERY = 0.5
"""Seconds between two readings."""
LONG = 7_200.0
"""Seconds that a stream may last."""


class Soak(NamedTuple):
    """For how long it is read, and how many streams there are."""

    seconds: float
    streams: int

    @property
    def pace(self) -> float:
        """Seconds between two chunks of one stream."""
        return self.streams / CHUNKS_A_SECOND

    @property
    def warm(self) -> float:
        """Seconds in which the first streams begin, evenly: more than one stream's whole life."""
        return self.pace * (CHUNKS + 2)

    @property
    def settle(self) -> float:
        """Seconds before the first reading, thrice as many as are read: the heap grows until it has met the most that
        such traffic holds at once, and every moment in which the machine is busy with something else makes that more.
        """
        return max(1.2 * self.warm, 3 * self.seconds)

    def settings(self) -> dict[str, str | int | float]:
        """For the reader."""
        return {
            "seconds": self.seconds,
            "seconds before": self.settle,
            "streams": self.streams,
            "chunks a second in all": CHUNKS_A_SECOND,
            "plain calls a second": PLAIN_A_SECOND,
        }


class Seen(NamedTuple):
    """What came out."""

    memory: Trend
    """Kilobytes a second, without mapped files."""
    resident: Trend
    """Kilobytes a second, with them."""
    objects: Trend
    """What the interpreter has memory for, a second."""
    descriptors: Trend
    """A second."""
    chunks: float
    """A second."""
    calls: float
    """A second."""
    streams: int
    megabytes: float


class Traffic:
    """The callers."""

    def __init__(self, board: callboard.Board) -> None:
        self._board = board
        self.chunks = 0
        self.calls = 0

    async def stream(self, number: int, wait: float) -> None:
        """One after another for ever, after a wait; every tenth is left in its middle."""
        await trio.sleep(wait)
        while True:
            number += 1
            await self._read(number, LEFT_AT if number % 10 == 0 else CHUNKS + 1)

    async def _read(self, number: int, left_at: int) -> None:
        async with self._board.stream(f"{PROMPT} {number}", model=NAMED, timeout=LONG) as stream:
            received = 0
            async for _ in stream:
                self.chunks += 1
                received += 1
                if received == left_at:
                    break

    async def plain(self) -> None:
        """So many a second, none waiting for the others; every twentieth is cancelled."""
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            while True:
                self.calls += 1
                nursery.start_soon(self._call, self.calls % 20 == 0)
                await trio.sleep_until(began + self.calls / PLAIN_A_SECOND)

    async def _call(self, cancelled: bool) -> None:
        with trio.move_on_after(DELAY / 2 if cancelled else LONG):
            await self._board.generate(PROMPT, model=NAMED)


async def soaked(url: str, soak: Soak) -> Seen:
    """The whole run."""
    async with opened(url) as board, trio.open_nursery() as nursery:
        traffic = Traffic(board)
        for number in range(soak.streams):
            nursery.start_soon(traffic.stream, number, soak.warm * number / soak.streams)
        nursery.start_soon(traffic.plain)
        await trio.sleep(soak.settle)
        gc.collect()
        seen = await _read(traffic, soak, url)
        nursery.cancel_scope.cancel()
    return seen


async def _read(traffic: Traffic, soak: Soak, url: str) -> Seen:
    chunks, calls, began = traffic.chunks, traffic.calls, trio.current_time()
    # All their memory is taken before the first reading: they must not be what grows.
    room = math.ceil(soak.seconds / EVERY)
    columns = times, memory, resident, objects, descriptors = tuple(array("d", bytes(8 * room)) for _ in range(5))
    taken = 0
    while (now := trio.current_time() - began) < soak.seconds and taken < room:
        own, mapped = _kilobytes()
        reading = now, own, own + mapped, sys.getallocatedblocks(), _descriptors()
        for column, figure in zip(columns, reading, strict=True):
            column[taken] = figure
        taken += 1
        await trio.sleep(EVERY)

    def over_time(figures: "array[float]") -> Trend:
        return trend(list(zip(times, figures, strict=True))[:taken])

    return Seen(
        memory=over_time(memory),
        resident=over_time(resident),
        objects=over_time(objects),
        descriptors=over_time(descriptors),
        chunks=(traffic.chunks - chunks) / now,
        calls=(traffic.calls - calls) / now,
        streams=streams(url),
        megabytes=memory[taken - 1] / 1024,
    )


def _descriptors() -> int:
    """Counted one by one: a list of them, made twice a second, would spread out the heap that is measured."""
    with os.scandir("/proc/self/fd") as entries:
        return sum(1 for _ in entries)


def _kilobytes() -> tuple[float, float]:
    """Of this process: its own, and those of mapped files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
    own, mapped = (float(fields[name].split()[0]) for name in ("RssAnon", "RssFile"))
    return own, mapped
