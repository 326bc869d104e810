"""Whether a runtime at rest is larger than it was."""

import gc
import sys
from pathlib import Path

BLOCKS_A_CALL = 2.0
"""Objects that may stay of each call: the simulated providers remember what they were asked."""
BLOCKS_A_ROW = 60
"""Objects that the ledger keeps for each row of its sums; there are new ones each day."""
WARM = 2_000
"""Calls before the first measuring."""
LEAST = 3_000
"""Calls from then on, before what stays is told from what only happens to be there."""
DESCRIPTORS = 8
"""Open files that may come and go."""


class Growth:
    """Measured whenever everything is at rest. Figures differ from run to run, so they are no part of the trace."""

    def __init__(self) -> None:
        self._first: tuple[int, int, int] | None = None

    def measure(self, calls: int, rows: int) -> list[str]:
        """What has grown since the first time, after so many calls and with so many rows: a sentence for each."""
        if calls < WARM:
            return []
        gc.collect()
        blocks, descriptors = sys.getallocatedblocks() - BLOCKS_A_ROW * rows, _descriptors()
        if self._first is None:
            self._first = (calls, blocks, descriptors)
            return []
        calls_before, blocks_before, descriptors_before = self._first
        made = calls - calls_before
        found = []
        if made >= LEAST and (blocks - blocks_before) / made > BLOCKS_A_CALL:
            found.append(f"{(blocks - blocks_before) / made:.2f} objects stay of each of {made} calls")
        if descriptors > descriptors_before + DESCRIPTORS:
            found.append(f"{descriptors} files are open, {descriptors_before} were in the beginning")
        return found


def _descriptors() -> int:
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0
