"""A commit in a thread, without a fight for the interpreter's lock.

For each operation that goes into a transaction py-lmdb lets go of the interpreter's lock and takes it back. Beside a
Trio thread that is busy each of them was a change of threads, and a thousand took a tenth of a second. So the Trio
thread waits until all are in, a microsecond or two for each, and goes on while the disk works.

When the disk is done, the thread needs the lock once more. A Trio thread that reads a store at every turn lets go of it
for less than a microsecond at a time: each wakes whoever waits for it, who comes too late, and the interpreter forces
nobody to give up a lock that was free a moment ago. That made a millisecond's commit one of 90, and each read cost a
wake-up. So the Trio thread stands aside for long enough now and then.
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
TURN = 0.002
"""Seconds of a commit after which the Trio thread stands aside for the first time, then after twice as many, and so on,
as soon as the turn of its loop is over.
"""
LONGEST = 0.064
"""Seconds between two times at the most."""
ASIDE = 0.0001
"""Seconds in which a thread that is waiting for the lock gets it."""

Commit = Callable[[Callable[[], object]], None]
"""Calls its argument once all operations are in its transaction, and returns when they are on disk."""


@trio.lowlevel.enable_ki_protection
async def committed(commit: Commit, operations: int) -> None:
    """Run a commit of so many to its end, also when cancelled meanwhile. Raises what it raises.

    Not to be awaited by Trio's main task, which Ctrl-C takes out of any wait.
    """
    token = trio.lowlevel.current_trio_token()
    all_in, over, told = threading.Event(), threading.Event(), trio.Event()
    ended: list[outcome.Outcome[None]] = []

    def deliver(result: outcome.Outcome[None]) -> None:
        ended.append(result)
        all_in.set()
        token.run_sync_soon(told.set)
        over.set()

    trio.lowlevel.start_thread_soon(partial(commit, all_in.set), deliver)
    if operations > FEW:
        all_in.wait(STANDSTILL)
    await _told(told, over)
    ended[0].unwrap()


async def _told(told: trio.Event, over: threading.Event) -> None:
    turn = TURN
    while not told.is_set():
        with trio.move_on_after(turn, shield=True):
            await told.wait()
            return
        over.wait(ASIDE)
        turn = min(2 * turn, LONGEST)
