"""Thousands of calls really in flight, each sample in a fresh process, so that none inherits another's memory."""

import gc
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import trio

import callboard
from callboard.bench.harness.client import many, opened, plain, recorded


def cpu(url: str, calls: int, at_once: int) -> float:
    """CPU microseconds a call."""
    return _measured("cpu", url, calls, at_once)


def memory(url: str, at_once: int) -> float:
    """Kilobytes of resident memory that a call in flight adds."""
    return _measured("memory", url, at_once, at_once)


def _measured(what: str, url: str, calls: int, at_once: int) -> float:
    command = [sys.executable, "-m", __spec__.name, what, url, str(calls), str(at_once)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout))


async def _cpu(url: str, calls: int, at_once: int) -> float:
    async with opened(url) as board:
        await many(board, plain, at_once, at_once)
        await board.flush()
        gc.collect()
        before, started = recorded(board), time.process_time()
        peak = await _with_peak(board, calls, at_once)
        await board.flush()
        spent = time.process_time() - started
        assert peak >= 0.9 * at_once, f"only {peak} calls were in flight"
        made = calls // at_once * at_once
        assert recorded(board) == (before[0] + made, before[1] + made), "not every call was recorded"
        return spent / made * 1e6


async def _with_peak(board: callboard.Board, calls: int, at_once: int) -> int:
    """Make the calls; the most that were seen in hand at once."""
    peak = 0

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, _in_flight(board))
            await trio.sleep(0.01)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await many(board, plain, calls, at_once)
        nursery.cancel_scope.cancel()
    return peak


async def _memory(url: str, _: int, at_once: int) -> float:
    async with opened(url) as board:
        await many(board, plain, 64, 64)
        gc.collect()
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
        return (most - before) / at_once


def _in_flight(board: callboard.Board) -> int:
    """Calls that the orchestrator has in hand."""
    (orchestrator,) = (node for node in board.status().tree.children if node.path == "orchestrator")
    return orchestrator.running


def _resident() -> float:
    """Kilobytes."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize() / 1024


if __name__ == "__main__":
    measure = {"cpu": _cpu, "memory": _memory}[sys.argv[1]]
    print(json.dumps(trio.run(measure, sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
