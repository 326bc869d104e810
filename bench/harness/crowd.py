"""Thousands of calls really in flight, each sample in a fresh process, so that none inherits another's memory.

That they are is asserted at the upstream: it tells how many requests waited for their reply at once.
"""

import gc
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import trio

from callboard.bench.harness.client import LONGEST, many, opened, plain, recorded
from callboard.bench.harness.failing import shown
from callboard.bench.harness.upstream import peak


def cpu(url: str, calls: int, at_once: int) -> float:
    """CPU microseconds a call."""
    return _measured("cpu", url, calls, at_once)


def memory(url: str, at_once: int) -> float:
    """Kilobytes of resident memory that a call in flight adds."""
    return _measured("memory", url, at_once, at_once)


def objects(url: str, at_once: int) -> float:
    """Objects that a call in flight keeps for the garbage collector to follow."""
    return _measured("objects", url, at_once, at_once)


def _measured(what: str, url: str, calls: int, at_once: int) -> float:
    command = [sys.executable, "-m", __spec__.name, what, url, str(calls), str(at_once)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=LONGEST)
    return float(json.loads(done.stdout))


async def _cpu(url: str, calls: int, at_once: int) -> float:
    async with opened(url) as board:
        await many(board, plain, calls, at_once)
        await board.flush()
        gc.collect()
        peak(url)
        before, started = recorded(board), time.process_time()
        await many(board, plain, calls, at_once)
        await board.flush()
        spent = time.process_time() - started
        crowded(url, at_once)
        made = calls // at_once * at_once
        assert recorded(board) == before.after(attempts=made, calls=made), "not every call was recorded"
        return spent / made * 1e6


async def _memory(url: str, _: int, at_once: int) -> float:
    async with opened(url) as board:
        await many(board, plain, 64, 64)
        gc.collect()
        peak(url)
        before, most = _resident(), 0.0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, _resident())
                await trio.sleep(0.005)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            await many(board, plain, 3 * at_once, at_once)
            nursery.cancel_scope.cancel()
        return (most - before) / crowded(url, at_once)


async def _objects(url: str, _: int, at_once: int) -> float:
    async with opened(url) as board:
        await many(board, plain, at_once, at_once)
        await board.flush()
        gc.collect()
        peak(url)
        before = len(gc.get_objects())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(many, board, plain, at_once, at_once)
            while peak(url) < at_once:  # noqa: ASYNC110 - the upstream tells nobody of its own accord
                await trio.sleep(0.01)
            gc.collect()
            found = len(gc.get_objects()) - before
            return found / crowded(url, at_once)


def crowded(url: str, at_once: int) -> int:
    """How many waited at the upstream at once, since this was asked last or the upstream began: nine tenths or more."""
    most = peak(url)
    assert most >= 0.9 * at_once, f"at most {most} of {at_once} calls were in flight"
    return most


def _resident() -> float:
    """Kilobytes."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize() / 1024


if __name__ == "__main__":
    measure = {"cpu": _cpu, "memory": _memory, "objects": _objects}[sys.argv[1]]
    try:
        print(json.dumps(trio.run(measure, sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    except Exception as error:
        sys.exit(shown(error))
