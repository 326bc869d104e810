"""Who waits for one fill, in the order in which they came. However many they are, joining and leaving cost the same.

Pure. The heap forgets those who have left when they come up.
"""

import heapq
from collections import Counter
from collections.abc import Iterator

import msgspec

from callboard.messages.calls import Attempt


class Waiter(msgspec.Struct, frozen=True, gc=False):
    """One caller: the id of its ask, until when it waits (monotonic nanoseconds), and what it would ask."""

    id: int
    deadline: int
    priority: int
    """0 is the most urgent."""
    attempt: Attempt


class Waiters:
    """At least one has to be here to say who is first, most patient, or most urgent."""

    def __init__(self, first: Waiter) -> None:
        self._by_id: dict[int, Waiter] = {}
        self._patience: list[tuple[int, int]] = []
        self._priorities: Counter[int] = Counter()
        self.add(first)

    def add(self, waiter: Waiter) -> None:
        """One more, at the end."""
        self._by_id[waiter.id] = waiter
        heapq.heappush(self._patience, (-waiter.deadline, waiter.id))
        self._priorities[waiter.priority] += 1

    def remove(self, id_: int) -> None:
        """One has left. Raises KeyError when it was not here."""
        self._priorities[self._by_id.pop(id_).priority] -= 1

    @property
    def first(self) -> Waiter:
        """Who has waited longest."""
        return next(iter(self._by_id.values()))

    @property
    def deadline(self) -> int:
        """The latest of their deadlines."""
        while self._patience[0][1] not in self._by_id:
            heapq.heappop(self._patience)
        return -self._patience[0][0]

    @property
    def priority(self) -> int:
        """That of the most urgent."""
        return min(priority for priority, count in self._priorities.items() if count)

    def __iter__(self) -> Iterator[Waiter]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)
