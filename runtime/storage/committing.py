"""A commit in a thread, begun while the Trio thread stands still.

For each operation that goes into a transaction py-lmdb lets go of the interpreter's lock and takes it back. Beside a
Trio thread that is busy each of them was a change of threads, and a thousand took a tenth of a second. So the Trio
thread waits until all are in, a microsecond or two for each, and goes on while the disk works.
"""

import threading
from collections.abc import Callable
from functools import partial

import outcome
import trio

STANDSTILL = 0.005
"""Seconds that the Trio thread stands still at the most."""
FEW = 16
"""Operations that it does not stand still for: it would cost more than it saves."""

Commit = Callable[[Callable[[], object]], None]
"""Calls its argument once all operations are in its transaction, and returns when they are on disk."""


@trio.lowlevel.enable_ki_protection
async def committed(commit: Commit, operations: int) -> None:
    """Run a commit of so many to its end, also when cancelled meanwhile. Raises what it raises."""
    task, token = trio.lowlevel.current_task(), trio.lowlevel.current_trio_token()
    all_in = threading.Event()

    def deliver(result: outcome.Outcome[None]) -> None:
        all_in.set()
        token.run_sync_soon(trio.lowlevel.reschedule, task, result)

    trio.lowlevel.start_thread_soon(partial(commit, all_in.set), deliver)
    if operations > FEW:
        all_in.wait(STANDSTILL)
    await trio.lowlevel.wait_task_rescheduled(_to_its_end)


def _to_its_end(_: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED
