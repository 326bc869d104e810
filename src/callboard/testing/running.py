"""A running system for the length of a test, and what it must not leave behind."""

from collections.abc import AsyncIterator, Callable, Sized
from contextlib import asynccontextmanager

import trio

from callboard.messages.events import Event
from callboard.runtime.clock import Clock, virtual_utc
from callboard.runtime.supervision.spec import ChildSpec, Strategy, SupervisorSpec
from callboard.runtime.system import System


@asynccontextmanager
async def running(
    *children: ChildSpec, strategy: Strategy = Strategy.ONE_FOR_ONE, emit: Callable[[Event], None] | None = None
) -> AsyncIterator[System]:
    """Start these children below a root and stop them at the end. Raises AssertionError when something leaked."""
    spec = SupervisorSpec(name="root", children=children, strategy=strategy)
    system = System(spec, clock=Clock(virtual_utc()), emit=emit, seed=0)
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
        yield system
        system.stop()
    if found := leaks(system):
        raise AssertionError(f"the system left something behind: {'; '.join(found)}")


def leaks(system: System) -> list[str]:
    """What a system that has ended still holds, and mailboxes whose counts do not add up: a sentence for each."""
    found = []
    for cell in system.cells():
        counts = cell.mailbox.statistics()
        done = counts.delivered + counts.skipped_expired + counts.skipped_abandoned + counts.dropped
        if counts.accepted != done + counts.queued:
            found.append(f"{cell.path}: accepted {counts.accepted}, but done {done} and queued {counts.queued}")
        held: dict[str, Sized] = {"running": cell.running, "deferred": cell.deferred, "waits": cell.waits}
        held |= {"queued": range(counts.queued), "waiting": range(counts.waiting)}
        found += [f"{cell.path}: {len(things)} {what}" for what, things in held.items() if things]
    return found
