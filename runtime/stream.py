"""The one data path beside the mailbox: from one producer to one consumer, with credit and one close reason.

The producer may be ahead of the consumer by `credit` items; then it waits, and so the socket it reads from is held
back. Whoever ends the stream first says why; later reasons are refused.
"""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class Closed(Exception):
    """Nothing more will come. `reason` is what the producer said when it closed the stream."""

    def __init__(self, reason: object) -> None:
        super().__init__("the stream has ended")
        self.reason = reason


class ConsumerLeft(Exception):
    """Nobody reads any more: the producer should stop."""


class Stream(Generic[T]):
    """A bounded queue between two tasks of one Trio run."""

    def __init__(self, credit: int = 64) -> None:
        if credit < 1:
            raise ValueError("a stream needs a credit of at least one item")
        self._credit = credit
        self._items: deque[T] = deque()
        self._consumer: trio.lowlevel.Task | None = None
        self._producer: trio.lowlevel.Task | None = None
        self._closed = False
        self._reason: object = None
        self._left = False
        self.sent = 0
        self.on_leave: Callable[[], None] | None = None

    @property
    def closed(self) -> bool:
        """Whether a reason was given."""
        return self._closed

    @trio.lowlevel.enable_ki_protection
    async def send(self, item: T) -> None:
        """Hand one item on. Waits while the consumer is `credit` items behind. Raises ConsumerLeft, or Closed."""
        while len(self._items) >= self._credit and not self._left and not self._closed:
            await self._park_producer()
        if self._left:
            raise ConsumerLeft
        if self._closed:
            raise Closed(self._reason)
        self._items.append(item)
        self.sent += 1
        self._wake_consumer()

    @trio.lowlevel.enable_ki_protection
    def close(self, reason: object) -> bool:
        """End the stream after the items underway. False when it has ended already."""
        if self._closed:
            return False
        self._closed, self._reason = True, reason
        self._wake_consumer()
        self._wake_producer()
        return True

    @trio.lowlevel.enable_ki_protection
    async def receive(self) -> T:
        """The next item. Raises Closed, each time, once all items were taken; ConsumerLeft after `leave`."""
        while not self._items:
            if self._left:
                raise ConsumerLeft
            if self._closed:
                # Anew each time: an error that the stream kept would hold, by its traceback, whoever holds the stream.
                raise Closed(self._reason)
            await self._park_consumer()
        item = self._items.popleft()
        self._wake_producer()
        return item

    @trio.lowlevel.enable_ki_protection
    def leave(self) -> None:
        """The consumer goes; what it did not take is dropped, and the producer's next send raises ConsumerLeft."""
        if self._left:
            return
        self._left = True
        self._items.clear()
        self._wake_producer()
        self._wake_consumer()
        if self.on_leave is not None:
            self.on_leave()

    async def _park_consumer(self) -> None:
        if self._consumer is not None:
            raise RuntimeError("a stream has one consumer: another task is already receiving")
        self._consumer = trio.lowlevel.current_task()

        def stop(_: object) -> trio.lowlevel.Abort:
            self._consumer = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(stop)

    async def _park_producer(self) -> None:
        if self._producer is not None:
            raise RuntimeError("a stream has one producer: another task is already sending")
        self._producer = trio.lowlevel.current_task()

        def stop(_: object) -> trio.lowlevel.Abort:
            self._producer = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(stop)

    def _wake_consumer(self) -> None:
        task, self._consumer = self._consumer, None
        if task is not None:
            trio.lowlevel.reschedule(task)

    def _wake_producer(self) -> None:
        task, self._producer = self._producer, None
        if task is not None:
            trio.lowlevel.reschedule(task)
