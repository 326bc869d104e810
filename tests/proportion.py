"""How work grows with its size: a ratio in the same run, whatever the speed of the machine."""

import gc
import time
from collections.abc import Callable

PAIRS = 5
"""Comparisons before the answer is no."""


def in_proportion(work: Callable[[int], object], size: int) -> None:
    """Four times the size takes `work` less than eight times as long, or an AssertionError; a square takes 16.

    One pair of many is enough, so a busy machine fails nothing: what is worse than in proportion fails in all of them.
    """
    times: list[float] = []
    while not times or times[-1] >= 8:
        assert len(times) < PAIRS, f"four times the size takes {times} times as long"
        small = _spent(work, size // 4)
        times.append(_spent(work, size) / small)


def _spent(work: Callable[[int], object], size: int) -> float:
    """CPU seconds, without the garbage collector: how long its rounds take is decided by all other tests' objects."""
    gc.disable()
    try:
        started = time.process_time()
        work(size)
        return time.process_time() - started
    finally:
        gc.enable()
