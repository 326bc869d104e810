"""Those who wait: by priority with ageing, first come first served within one. Pure.

Whoever waits stands at a *place in time*: when it came, and one ageing later for each priority below the most urgent.
The earliest place goes first. So a critical one overtakes a normal one that came less than an ageing before it, nobody
waits for ever behind others who come later, and no place ever changes.
"""

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from callboard.messages.limiting import Reserve
from callboard.messages.request import PRIORITY_NAMES, Priority

RANKS = {priority: rank for rank, priority in enumerate(PRIORITY_NAMES)}

Queues = dict[Priority, OrderedDict[int, "Waiting"]]


class Waiting(msgspec.Struct, frozen=True):
    """One reservation that waits for room."""

    id: int
    wish: Reserve
    place: tuple[int, int]
    """In time, and among those who came at the same time."""


class Line:
    """A queue for each model and priority: leaving, and looking past a model, cost the same however long they are."""

    def __init__(self, ageing: int) -> None:
        self._ageing = ageing
        self._by_model: dict[str, Queues] = {}
        self._by_id: dict[int, Waiting] = {}
        self._by_attempt: dict[str, int] = {}
        self._came = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, asker: int, wish: Reserve, now: int) -> None:
        """One more, behind all others of its priority."""
        self._came += 1
        place = (now + RANKS[wish.priority] * self._ageing, self._came)
        waiting = self._by_id[asker] = Waiting(asker, wish, place)
        queues = self._by_model.setdefault(wish.model, {})
        queues.setdefault(wish.priority, OrderedDict())[asker] = waiting
        if wish.attempt:
            self._by_attempt[wish.attempt] = asker

    def remove(self, asker: int) -> Reserve | None:
        """This one goes; what it wished, or None when it does not wait."""
        waiting = self._by_id.pop(asker, None)
        if waiting is None:
            return None
        wish = waiting.wish
        queues = self._by_model[wish.model]
        del queues[wish.priority][asker]
        if not queues[wish.priority]:
            del queues[wish.priority]
            if not queues:
                del self._by_model[wish.model]
        self._by_attempt.pop(wish.attempt, None)
        return wish

    def asker(self, attempt: str) -> int | None:
        """Who waits for this attempt."""
        return self._by_attempt.get(attempt)

    def waits_for(self, model: str) -> bool:
        """Whether anybody waits for this model."""
        return model in self._by_model

    def firsts(self) -> list[Waiting]:
        """Of each model whose turn it is."""
        return [_first(queues) for queues in self._by_model.values()]

    def of(self, model: str | None) -> Iterator[Waiting]:
        """All who wait for this model, or all."""
        wanted = list(self._by_model) if model is None else [model]
        for name in wanted:
            for queue in list(self._by_model.get(name, {}).values()):
                yield from list(queue.values())


def _first(queues: Queues) -> Waiting:
    heads = [next(iter(queue.values())) for queue in queues.values()]
    return heads[0] if len(heads) == 1 else min(heads, key=_place)


def _place(waiting: Waiting) -> tuple[int, int]:
    return waiting.place
