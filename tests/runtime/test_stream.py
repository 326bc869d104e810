import random

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.runtime.stream import Closed, ConsumerLeft, Stream


async def collect(stream: Stream[int]) -> tuple[list[int], object]:
    items: list[int] = []
    while True:
        try:
            items.append(await stream.receive())
        except Closed as closed:
            return items, closed.reason


@pytest.mark.parametrize("seed", range(20))
async def test_every_item_arrives_once_and_in_order_and_then_the_reason(seed: int, autojump_clock: MockClock) -> None:
    rng = random.Random(seed)
    stream: Stream[int] = Stream(credit=rng.randint(1, 5))

    async def produce() -> None:
        for n in range(50):
            await trio.sleep(rng.choice([0, 0, 1]))
            await stream.send(n)
        stream.close("done")

    async def consume() -> tuple[list[int], object]:
        items: list[int] = []
        while True:
            await trio.sleep(rng.choice([0, 0, 1]))
            with trio.move_on_after(rng.choice([0, 2])):
                try:
                    items.append(await stream.receive())
                except Closed as closed:
                    return items, closed.reason

    async with trio.open_nursery() as nursery:
        nursery.start_soon(produce)
        assert await consume() == (list(range(50)), "done")


async def test_the_producer_is_never_ahead_by_more_than_the_credit() -> None:
    stream: Stream[int] = Stream(credit=3)

    async def produce() -> None:
        for n in range(9):
            await stream.send(n)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(produce)
        for taken in range(7):
            await wait_all_tasks_blocked()
            assert stream.sent == min(9, taken + 3)
            assert await stream.receive() == taken
        nursery.cancel_scope.cancel()


async def test_the_first_reason_is_the_only_one_and_is_told_each_time() -> None:
    stream: Stream[int] = Stream()
    await stream.send(1)
    before = stream.closed
    assert stream.close("first") is True
    assert stream.close("second") is False
    assert (before, stream.closed) == (False, True)
    assert await stream.receive() == 1
    for _ in range(2):
        with pytest.raises(Closed) as caught:
            await stream.receive()
        assert caught.value.reason == "first"


async def test_closing_wakes_a_consumer_that_waits() -> None:
    stream: Stream[int] = Stream()
    async with trio.open_nursery() as nursery:

        async def consume() -> None:
            assert await collect(stream) == ([], "over")
            nursery.cancel_scope.cancel()

        nursery.start_soon(consume)
        await wait_all_tasks_blocked()
        stream.close("over")


async def test_a_producer_hears_that_somebody_else_has_ended_the_stream() -> None:
    stream: Stream[int] = Stream(credit=1)
    await stream.send(1)

    async def produce() -> None:
        with pytest.raises(Closed) as caught:
            await stream.send(2)
        assert caught.value.reason == "cut"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(produce)
        await wait_all_tasks_blocked()
        stream.close("cut")
    assert await collect(stream) == ([1], "cut")


async def test_a_producer_hears_when_the_consumer_leaves() -> None:
    stream: Stream[int] = Stream(credit=1)
    calls: list[str] = []
    stream.on_leave = lambda: calls.append("left")
    await stream.send(1)

    async def produce() -> None:
        with pytest.raises(ConsumerLeft):
            await stream.send(2)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(produce)
        await wait_all_tasks_blocked()
        stream.leave()
        stream.leave()
        assert calls == ["left"]
    with pytest.raises(ConsumerLeft):
        await stream.send(3)


async def test_a_consumer_that_waits_while_another_task_leaves_does_not_hang() -> None:
    stream: Stream[int] = Stream()

    async def consume() -> None:
        with pytest.raises(ConsumerLeft):
            await stream.receive()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(consume)
        await wait_all_tasks_blocked()
        stream.leave()


async def test_a_cancelled_receive_loses_nothing() -> None:
    stream: Stream[int] = Stream()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    await stream.send(1)
    assert await stream.receive() == 1


async def test_a_cancelled_send_hands_nothing_on() -> None:
    stream: Stream[int] = Stream(credit=1)
    await stream.send(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send, 2)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    stream.close("done")
    assert await collect(stream) == ([1], "done")
    assert stream.sent == 1


@pytest.mark.parametrize("side", ["consumer", "producer"])
async def test_a_stream_has_one_task_on_each_side(side: str) -> None:
    stream: Stream[int] = Stream(credit=1)
    if side == "producer":
        await stream.send(0)

    async def use() -> None:
        await (stream.receive() if side == "consumer" else stream.send(1))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(use)
        await wait_all_tasks_blocked()
        with pytest.raises(RuntimeError, match=f"one {side}"):
            await use()
        nursery.cancel_scope.cancel()


def test_a_stream_without_credit_is_refused() -> None:
    with pytest.raises(ValueError, match="credit"):
        Stream(credit=0)
