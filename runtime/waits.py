"""Who waits for whom: an ask that would close a circle is refused.

An edge leads from the actor whose handler asks to the actor that is asked. Only an actor without a free handler can
be stuck, so only such *saturated* actors are walked through.
"""

from collections.abc import Iterator
from typing import Protocol


class Waiter(Protocol):
    """A node of the wait-for graph."""

    path: str
    waits: "dict[Waiter, int]"
    """How many of its handlers wait for whom."""

    @property
    def saturated(self) -> bool:
        """Whether it could not take up one more message."""
        ...


def circle(asker: Waiter, target: Waiter) -> tuple[str, ...] | None:
    """The names along the circle that `asker` waiting for `target` would close, or None."""
    if not asker.saturated:
        return None
    came_from: dict[str, Waiter | None] = {target.path: None}
    frontier = [target]
    while frontier:
        node = frontier.pop()
        if node is asker:
            return (asker.path, *_back(node, came_from))
        if node.saturated:
            for following in node.waits:
                if following.path not in came_from:
                    came_from[following.path] = node
                    frontier.append(following)
    return None


def _back(node: Waiter, came_from: dict[str, Waiter | None]) -> Iterator[str]:
    path = []
    step: Waiter | None = node
    while step is not None:
        path.append(step.path)
        step = came_from[step.path]
    return reversed(path)
