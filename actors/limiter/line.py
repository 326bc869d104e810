"""Those who wait in one priority: first come, first served, past the models that are blocked. Pure."""

from collections import OrderedDict
from collections.abc import Callable, Iterator

import msgspec

from callboard.messages.limiting import Reserve


class Waiting(msgspec.Struct, frozen=True):
    """One reservation that waits for room. `place` grows with each that comes."""

    id: int
    wish: Reserve
    place: int


class Line:
    """A queue for each model, so that leaving and looking past a blocked model cost the same however long they are."""

    def __init__(self) -> None:
        self._by_model: dict[str, OrderedDict[int, Waiting]] = {}

    def add(self, waiting: Waiting) -> None:
        """One more, behind all others."""
        self._by_model.setdefault(waiting.wish.model, OrderedDict())[waiting.id] = waiting

    def remove(self, waiting: Waiting) -> None:
        """One who is in it goes."""
        queue = self._by_model[waiting.wish.model]
        del queue[waiting.id]
        if not queue:
            del self._by_model[waiting.wish.model]

    def first(self, blocked: Callable[[str], bool]) -> Waiting | None:
        """Whose turn it is; None when nobody waits but for blocked models."""
        heads = (next(iter(queue.values())) for model, queue in self._by_model.items() if not blocked(model))
        return min(heads, key=_place, default=None)

    @property
    def models(self) -> tuple[str, ...]:
        """Those that somebody waits for."""
        return tuple(self._by_model)

    def __iter__(self) -> Iterator[Waiting]:
        return iter([waiting for queue in self._by_model.values() for waiting in queue.values()])


def _place(waiting: Waiting) -> int:
    return waiting.place
