"""The whole runtime against the benchmarks' upstream. Nothing is left out that a user has.

Limits on requests and tokens are set, so high that nobody waits; a budget is in force, so large that nobody is refused;
prices are known; every attempt and every call is recorded on disk, and after each sample their number is asserted.
"""

import gc
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import trio

import callboard
from callboard import config
from callboard.bench.harness.upstream import MODEL, PROMPT

NAMED = f"up/{MODEL}"
TURNED_OFF = (
    "the log of requests, as by default. Limits and a budget are in force, so high that nobody waits; 10,000 may be in "
    "flight in place of 512"
)
"""What a caller of these benchmarks is spared."""

LONGEST = 600.0
"""Seconds that one sample may take."""

Call = Callable[[callboard.Board], Awaitable[int]]
"""One call; how many units it did: 1, or the chunks of a stream."""


def configuration(url: str, store: str) -> config.Resolved:
    """One account at the upstream, everything switched on."""
    tables: dict[str, Any] = {
        "providers": {
            "up": {
                "wire": "openai",
                "base_url": url,
                "key_env": "BENCH_KEY",
                "limits": {
                    "requests_per_minute": 100_000_000,
                    "tokens_per_minute": 100_000_000_000,
                    "concurrency": 10_000,
                },
            }
        },
        "budgets": {"everything": {"limit": 1_000_000, "per": "day"}},
        "prices": {NAMED: {"input": "0.15", "output": "0.6"}},
        "store": {"path": store},
    }
    return config.resolve(config.parse(tables, "the benchmark"), "the benchmark", Path(store), {"BENCH_KEY": "x"})


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[callboard.Board]:
    """A running runtime on a store of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="callboard-bench-") as folder:
        async with callboard.open(configuration(url, folder)) as board:
            yield board


async def plain(board: callboard.Board) -> int:
    """One plain call."""
    await board.generate(PROMPT, model=NAMED)
    return 1


def missing() -> Call:
    """Calls that may be answered from the cache, and are not: each has a prompt of its own, and its reply is kept."""
    numbers = itertools.count()

    async def missed(board: callboard.Board) -> int:
        reply = await board.generate(f"{PROMPT} {next(numbers)}", model=NAMED, cache="use")
        assert not reply.cached
        return 1

    return missed


def streamed(chunks: int) -> Call:
    """Streamed calls, read to their end: so many chunks with text."""

    async def read(board: callboard.Board) -> int:
        received = 0
        async with board.stream(PROMPT, model=NAMED) as stream:
            async for _ in stream:
                received += 1
        assert received == chunks, f"{received} chunks came of {chunks}"
        return received

    return read


async def many(board: callboard.Board, call: Call, calls: int, at_once: int) -> int:
    """`calls` of them, `at_once` at a time; units done."""
    units = 0

    async def worker() -> None:
        nonlocal units
        for _ in range(calls // at_once):
            done = await call(board)
            units += done

    async with trio.open_nursery() as nursery:
        for _ in range(at_once):
            nursery.start_soon(worker)
    return units


def cpu(url: str, call: Call, calls: int, at_once: int, *, before: int = 8, kept: bool = False) -> float:
    """CPU microseconds of this process a unit, after `before` calls or one a worker.

    Writing the records is included, and the replies, where they are `kept`.
    """
    return trio.run(partial(_cpu, url, call, calls, at_once, before=before, kept=kept))


async def _cpu(url: str, call: Call, calls: int, at_once: int, *, before: int, kept: bool) -> float:
    with trio.fail_after(LONGEST):
        async with opened(url) as board:
            warm, made = (count // at_once * at_once for count in (max(at_once, before), calls))
            await many(board, call, warm, at_once)
            await written(board, kept * warm)
            so_far = recorded(board)
            gc.collect()
            started = time.process_time()
            units = await many(board, call, made, at_once)
            await written(board, kept * (warm + made))
            spent = time.process_time() - started
            assert recorded(board) == so_far.after(attempts=made, calls=made), "not every call and attempt was recorded"
            return spent / units * 1e6


async def written(board: callboard.Board, replies: int = 0) -> None:
    """Wait until all records are in the ledger's file, and so many replies in the cache's."""
    await board.flush()
    view = board._system.ref("store").snapshot
    while view.cache.count("entries") < replies:  # noqa: ASYNC110 - the cache tells nobody that it has written
        await trio.sleep(0.001)


class Recorded(NamedTuple):
    """What the ledger has."""

    attempts: int
    """In its sums."""
    calls: int
    """The same."""
    on_disk: int
    """Records in its file: two of each attempt, one of each call."""

    def after(self, *, attempts: int, calls: int) -> "Recorded":
        """So many later."""
        return Recorded(self.attempts + attempts, self.calls + calls, self.on_disk + 2 * attempts + calls)


NOTHING = Recorded(0, 0, 0)


def recorded(board: callboard.Board) -> Recorded:
    """What the ledger has now; on disk after a flush."""
    usage = board.usage()
    on_disk = board._system.ref("store").snapshot.ledger.count("journal")
    return Recorded(sum(row.attempts for row in usage.models), sum(row.calls for row in usage.calls), on_disk)
