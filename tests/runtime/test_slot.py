from collections.abc import Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from callboard.runtime.slot import Slot, SlotState

ENDS: dict[str, Callable[[Slot], bool]] = {
    "settle": lambda slot: slot.settle(1),
    "fail": lambda slot: slot.fail(ValueError("no")),
    "abandon": lambda slot: slot.abandon(),
}


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_a_slot_ends_once_and_says_so_to_whoever_is_late(first: str, second: str) -> None:
    slot = Slot()
    assert slot.open
    assert ENDS[first](slot) is True
    state = slot.state
    assert state is (SlotState.ABANDONED if first == "abandon" else SlotState.SETTLED)
    assert ENDS[second](slot) is False
    assert slot.state is state
    assert not slot.open


@pytest.mark.parametrize("end", ENDS)
def test_the_end_is_told_once_and_at_once(end: str) -> None:
    slot = Slot()
    told: list[tuple[SlotState, str]] = []
    slot.on_end(lambda *ended: told.append(ended), "this one")
    ENDS[end](slot)
    assert told == [(slot.state, "this one")]
    slot.settle(2)
    slot.abandon()
    assert len(told) == 1


def test_a_forgotten_callback_is_not_told() -> None:
    slot = Slot()
    told: list[SlotState] = []
    slot.on_end(lambda state, _: told.append(state))
    slot.on_end(None)
    slot.settle(1)
    assert told == []


async def test_a_waiter_gets_the_value() -> None:
    slot = Slot()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_settle_when_quiet, slot)
        assert await slot.wait() == "reply"


async def test_a_waiter_gets_the_error_itself() -> None:
    slot = Slot()
    error = ValueError("no")
    slot.fail(error)
    with pytest.raises(ValueError, match="no") as caught:
        await slot.wait()
    assert caught.value is error


async def test_an_error_is_raised_once() -> None:
    slot = Slot()
    slot.fail(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await slot.wait()
    with pytest.raises(RuntimeError, match="raised before"):
        await slot.wait()


async def test_a_reply_that_came_before_the_wait_is_kept() -> None:
    slot = Slot()
    slot.settle("reply")
    assert await slot.wait() == "reply"


async def test_cancelling_the_wait_abandons_the_slot_before_anybody_else_runs() -> None:
    slot = Slot()
    seen: list[SlotState] = []
    slot.on_end(lambda state, _: seen.append(state))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slot.wait)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        assert seen == [SlotState.ABANDONED]
    assert slot.settle("late") is False


async def test_a_settled_reply_is_not_lost_to_a_cancellation_in_the_same_moment() -> None:
    slot = Slot()
    got: list[object] = []

    async def asker() -> None:
        got.append(await slot.wait())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(asker)
        await wait_all_tasks_blocked()
        slot.settle("reply")
        nursery.cancel_scope.cancel()
    assert got == ["reply"]


async def test_a_settled_reply_is_not_lost_to_a_cancellation_before_the_wait() -> None:
    slot = Slot()
    slot.settle("reply")
    got: object = None
    with trio.CancelScope() as scope:
        scope.cancel()
        got = await slot.wait()
    assert got == "reply"


async def test_nobody_waits_for_an_abandoned_slot() -> None:
    slot = Slot()
    slot.abandon()
    with pytest.raises(RuntimeError, match="abandoned"):
        await slot.wait()


async def test_a_slot_has_one_waiter() -> None:
    slot = Slot()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slot.wait)
        await wait_all_tasks_blocked()
        with pytest.raises(RuntimeError, match="one task"):
            await slot.wait()
        slot.settle(None)


def test_a_slot_shows_its_state_and_nothing_of_the_reply() -> None:
    slot = Slot()
    assert repr(slot) == "Slot(open)"
    slot.settle("secret")
    assert repr(slot) == "Slot(settled)"


async def _settle_when_quiet(slot: Slot) -> None:
    await wait_all_tasks_blocked()
    slot.settle("reply")
