"""Those who wait for one model, the earliest place first. Pure."""

from heapq import heapify, heappop, heappush

import msgspec

from callboard.messages.limiting import Reserve

COMPACT_AT = 64


class Waiting(msgspec.Struct, frozen=True):
    """One reservation that waits for room."""

    id: int
    wish: Reserve
    came: int
    """When, in monotonic nanoseconds."""
    place: tuple[int, int]
    """In time, and among those who stand at the same time. Nobody has that of another."""


class Queue:
    """A heap in which whoever leaves from the middle stays as a dead entry for a while; the first is never one."""

    def __init__(self) -> None:
        self._heap: list[tuple[tuple[int, int], Waiting]] = []
        self._living: dict[tuple[int, int], Waiting] = {}

    def __bool__(self) -> bool:
        return bool(self._living)

    @property
    def first(self) -> Waiting:
        """Whose turn it is. Raises IndexError when nobody waits."""
        return self._heap[0][1]

    def add(self, waiting: Waiting) -> None:
        """One more, at its place."""
        self._living[waiting.place] = waiting
        heappush(self._heap, (waiting.place, waiting))

    def remove(self, waiting: Waiting) -> None:
        """This one goes, wherever it stands."""
        heap, living = self._heap, self._living
        del living[waiting.place]
        while heap and heap[0][0] not in living:
            heappop(heap)
        if len(heap) > COMPACT_AT + 2 * len(living):
            heap[:] = living.items()
            heapify(heap)

    def all(self) -> list[Waiting]:
        """Everybody, in no order."""
        return list(self._living.values())
