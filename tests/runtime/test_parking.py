import pytest
import trio
import trio.testing

from callboard.runtime.parking import Parking


async def waiting(parking: Parking, after: list[str]) -> None:
    try:
        await parking.wait()
        after.append("woken")
    except ValueError as error:
        after.append(str(error))


async def test_whoever_waits_goes_on_once_however_often_it_is_woken() -> None:
    parking, after = Parking(), list[str]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiting, parking, after)
        await trio.testing.wait_all_tasks_blocked()
        assert parking.task is not None
        parking.wake()
        parking.wake()
        await trio.testing.wait_all_tasks_blocked()
        assert (after, parking.task) == (["woken"], None)


async def test_a_wake_up_of_nobody_is_nothing() -> None:
    parking, after = Parking(), list[str]()
    parking.wake()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiting, parking, after)
        await trio.testing.wait_all_tasks_blocked()
        assert after == []
        parking.wake()


@pytest.mark.parametrize("woken_before", [False, True])
async def test_what_failed_meanwhile_is_raised_where_it_waited(woken_before: bool) -> None:
    parking, after = Parking(), list[str]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiting, parking, after)
        await trio.testing.wait_all_tasks_blocked()
        if woken_before:
            parking.wake()
        parking.fail(ValueError("a bug"))
        assert parking.task is None, "it was still taken for waiting"
    assert after == ["a bug"]


async def test_whoever_is_cancelled_waits_no_longer() -> None:
    parking = Parking()
    with trio.move_on_after(0):
        await parking.wait()
    assert parking.task is None
