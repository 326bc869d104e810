from pathlib import Path

import pytest
import trio
import trio.testing

from callboard.runtime.storage.errors import StorageFull, StoreClosed
from callboard.runtime.storage.pending import Pending

FULL = StorageFull(Path("store"), "cause")


async def test_every_waiter_gets_the_end_before_or_after_it() -> None:
    pending = Pending()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(pending.wait)
        await trio.testing.wait_all_tasks_blocked()
        assert not pending.done
        pending.settle(None)
    await pending.wait()


async def test_every_waiter_gets_an_error_of_its_own() -> None:
    pending = Pending()
    caught: list[StorageFull] = []

    async def wait() -> None:
        with pytest.raises(StorageFull, match="store: the store is full") as info:
            await pending.wait()
        caught.append(info.value)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        pending.settle(FULL)
    await wait()
    assert len({id(error) for error in [FULL, *caught]}) == 4
    assert FULL.__traceback__ is None


async def test_it_ends_once() -> None:
    pending = Pending()
    pending.settle(None)
    pending.settle(StoreClosed(Path("store")))
    await pending.wait()
    assert repr(pending) == "Pending(committed)"


async def test_a_cancelled_waiter_leaves_the_others_waiting() -> None:
    pending = Pending()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pending.wait)
        with trio.CancelScope() as scope:
            scope.cancel()
            await pending.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert repr(pending) == "Pending(waiting)"
        pending.settle(None)
    await pending.wait()


async def test_waiting_is_always_a_checkpoint() -> None:
    pending = Pending()
    pending.settle(FULL)
    with trio.testing.assert_checkpoints():
        await pending.settled()
    assert repr(pending) == "Pending(failed)"
