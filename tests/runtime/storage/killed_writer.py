"""Run by test_kill.py: writes until it is killed, and tells each record once it was acknowledged.

    killed_writer.py FOLDER FIRST HALT

FIRST is the first record's number. HALT is `never`, `in-commit:N` (in the N-th transaction, before it is committed),
`before-growth:N` or `after-growth:N` (around the N-th growth): there it says `halt` and waits to be killed.
"""

import itertools
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import lmdb
import trio

from callboard.runtime.storage.backlog import GroupLimits
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.group import GroupCommitter
from callboard.runtime.storage.operations import Operation, Put
from callboard.runtime.storage.owner import OwnerLock
from callboard.runtime.storage.record import pack

KIB = 1024


class Halting(Environment):
    """Stops for ever at one chosen point."""

    halt = "never"

    def _apply(self, transaction: "lmdb.Transaction[bytes]", operations: Sequence[Operation]) -> None:
        super()._apply(transaction, operations)
        self._pass("in-commit", self._commits)

    def _resize(self, map_size: int) -> None:
        self._pass("before-growth", self._growths)
        super()._resize(map_size)
        self._pass("after-growth", self._growths)

    def _pass(self, point: str, done: int) -> None:
        if self.halt == f"{point}:{done + 1}":
            os.write(1, b"halt\n")
            time.sleep(60)


async def write(committer: GroupCommitter, numbers: "itertools.count[int]") -> None:
    for number in numbers:
        key = b"%010d" % number
        blob = pack(key, 1, key * (number % 97))
        pending = await committer.submit([Put("a", key, blob), Put("b", key, blob)], urgent=number % 3 == 0)
        await pending.wait()
        os.write(1, b"%d\n" % number)


async def main(folder: Path, first: int, halt: str) -> None:
    Halting.halt = halt
    with (
        OwnerLock.acquire(folder / "owner.lock", time.time_ns()),
        Halting.open(folder / "ledger", ("a", "b"), map_size=64 * KIB) as environment,
    ):
        committer = GroupCommitter(environment, run_in_thread=True, limits=GroupLimits(operations=12))
        numbers = itertools.count(first)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(committer.run)
            for _ in range(16):
                nursery.start_soon(write, committer, numbers)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
