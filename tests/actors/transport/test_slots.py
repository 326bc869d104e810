from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from callboard.actors.transport.errors import Stage
from callboard.actors.transport.policy import Origin
from callboard.actors.transport.slots import Slots


class Connection:
    def close(self) -> None: ...


class Watch:
    """Nobody keeps the time."""

    def enter(self, stage: Stage) -> None: ...

    def open(self, stage: Stage) -> Any:
        raise AssertionError(stage)

    def error(self, where: object) -> Any:
        raise AssertionError(where)


async def test_whoever_waits_for_a_slot_is_not_interrupted_between_saying_so_and_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or the slot would be given to a task that waits for something else by now, which Trio cannot bear."""
    wait, protected = trio.lowlevel.wait_task_rescheduled, []

    async def watched(abort: Any) -> object:
        protected.append(trio.lowlevel.currently_ki_protected())
        woken = await wait(abort)
        protected.append(trio.lowlevel.currently_ki_protected())
        return woken

    monkeypatch.setattr(trio.lowlevel, "wait_task_rescheduled", watched)
    slots: Slots[Connection] = Slots(max_connections=1, max_idle=0)
    origin = Origin("http", "h", 80)
    assert await slots.take(origin, Watch()) is None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slots.take, origin, Watch())
        await wait_all_tasks_blocked()
        slots.give_back(origin, None)
    assert protected == [True, True]
