import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from callboard.runtime.actor import LATER
from callboard.runtime.cell import CellStatus
from callboard.runtime.envelope import Envelope
from callboard.runtime.mailbox import Lane
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.system import System
from callboard.testing.doer import Do, Doer, Note
from callboard.testing.running import leaks, running

A = ActorSpec(name="a", factory=Doer)


async def test_a_system_runs_for_the_length_of_the_block() -> None:
    async with running(A) as system:
        assert await system.ref("a").ask(Do(lambda actor, envelope: actor.me.incarnation)) == 1
        during = [cell.status for cell in system.cells()]
    after = [cell.status for cell in system.cells()]
    assert (during, after) == ([CellStatus.RUNNING], [CellStatus.STOPPED])


async def test_what_a_system_holds_is_said() -> None:
    async with running(A) as system, trio.open_nursery() as nursery:
        nursery.start_soon(system.ref("a").ask, Do(lambda actor, envelope: LATER))
        await wait_all_tasks_blocked()
        nursery.start_soon(system.ref("a").ask, Do(lambda actor, envelope: trio.sleep_forever()))
        await wait_all_tasks_blocked()
        nursery.start_soon(system.ref("a").ask, Do(lambda actor, envelope: LATER))
        await wait_all_tasks_blocked()
        assert leaks(system) == ["a: 1 running", "a: 1 deferred", "a: 1 queued"]
        nursery.cancel_scope.cancel()


async def test_counts_that_do_not_add_up_are_said() -> None:
    async with running(A) as system:
        cell = next(iter(system.cells()))
        cell.mailbox._accepted += 1
        assert leaks(system) == ["a: accepted 1, but done 0 and queued 0"]
        cell.mailbox._accepted -= 1


async def test_a_leak_fails_the_block() -> None:
    def leak(system: System) -> None:
        cell = next(iter(system.cells()))
        cell.waits[cell] = 1

    with pytest.raises(AssertionError, match="a: 1 waits"):
        async with running(A) as system:
            leak(system)


async def test_a_doer_keeps_what_it_is_not_told_to_do() -> None:
    def received(actor: Doer, envelope: Envelope) -> int:
        return len(actor.received)

    async with running(A) as system:
        done: list[str] = []
        system.ref("a").tell(Note(lambda actor, envelope: done.append("note")))
        system.ref("a").watch(system.ref("a"))
        assert await system.ref("a").ask(Do(received), lane=Lane.CONTROL) == 0
        await wait_all_tasks_blocked()
        assert done == ["note"]
