"""What the cache has to write and has not handed to the store yet: in one piece it costs the store a fraction. Pure."""

from collections.abc import Iterable

from callboard.messages.storing import Operation, StorePut

MOST = 512
MOST_BYTES = 1024 * 1024
"""Of operations and their values: with these it is time."""


class Gathered:
    """Operations in the order in which they came."""

    def __init__(self) -> None:
        self._operations: list[Operation] = []
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether they are to be handed over, however short a time they have waited."""
        return len(self._operations) >= MOST or self._bytes >= MOST_BYTES

    def add(self, operations: Iterable[Operation]) -> None:
        """More of them."""
        for operation in operations:
            self._operations.append(operation)
            if isinstance(operation, StorePut):
                self._bytes += len(operation.value)

    def take(self) -> tuple[Operation, ...]:
        """All of them, once."""
        taken = tuple(self._operations)
        self._operations.clear()
        self._bytes = 0
        return taken
