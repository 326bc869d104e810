"""Those who wait: by priority with ageing, first come first served within one. Pure.

Whoever waits stands at a *place in time*: when it came, and one ageing later for each priority below the most urgent.
The earliest place goes first. So a critical one overtakes a normal one that came less than an ageing before it, and
nobody waits for ever behind others who come later: a place changes with the priority alone, and then it is the one that
this priority would have had from the start.
"""

from collections.abc import Iterator

from callboard.actors.limiter.queue import Queue, Waiting
from callboard.messages.limiting import Reserve
from callboard.messages.priority import PRIORITIES, Priority

EARLY = 10_000
"""So many are remembered who were hastened before they came: as many as calls are in hand at most."""


class Line:
    """A queue for each model: to look past a model costs the same however long it is, to come and to go hardly more."""

    def __init__(self, ageing: int) -> None:
        self._ageing = ageing
        self._by_model: dict[str, Queue] = {}
        self._by_id: dict[int, Waiting] = {}
        self._by_attempt: dict[str, int] = {}
        self._early: dict[str, Priority] = {}
        """How urgent they are who were hastened while they had not come yet, by attempt."""
        self._stood = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, asker: int, wish: Reserve, came: int) -> None:
        """One more, that came at this time: behind all who stand at the same one."""
        self._stood += 1
        place = (came + PRIORITIES[wish.priority] * self._ageing, self._stood)
        waiting = self._by_id[asker] = Waiting(asker, wish, came, place)
        queue = self._by_model.get(wish.model)
        if queue is None:
            queue = self._by_model[wish.model] = Queue()
        queue.add(waiting)
        if wish.attempt:
            self._by_attempt[wish.attempt] = asker

    def remove(self, asker: int) -> Waiting | None:
        """This one goes; None when it does not wait."""
        waiting = self._by_id.pop(asker, None)
        if waiting is None:
            return None
        wish = waiting.wish
        queue = self._by_model[wish.model]
        queue.remove(waiting)
        if not queue:
            del self._by_model[wish.model]
        self._by_attempt.pop(wish.attempt, None)
        return waiting

    def hastened(self, wish: Reserve) -> Reserve:
        """The wish of one who comes, as urgent as was said of it while it waited in the mailbox."""
        priority = self._early.pop(wish.attempt, None)
        return wish if priority is None else wish.hastened(priority)

    def hasten(self, attempt: str, priority: Priority) -> bool:
        """Whoever waits for this attempt, or comes for it, is as urgent as this. Whether that changes a place."""
        asker = self._by_attempt.get(attempt)
        if asker is None:
            self._expect(attempt, priority)
            return False
        if self._by_id[asker].wish.priority == priority:
            return False
        waiting = self.remove(asker)
        assert waiting is not None
        self.add(asker, waiting.wish.hastened(priority), waiting.came)
        return True

    def waits_for(self, model: str) -> bool:
        """Whether anybody waits for this model."""
        return model in self._by_model

    def firsts(self) -> list[Waiting]:
        """Of each model whose turn it is."""
        return [queue.first for queue in self._by_model.values()]

    def of(self, model: str | None) -> Iterator[Waiting]:
        """All who wait for this model, or all."""
        wanted = list(self._by_model) if model is None else [model]
        for name in wanted:
            queue = self._by_model.get(name)
            if queue is not None:
                yield from queue.all()

    def _expect(self, attempt: str, priority: Priority) -> None:
        self._early[attempt] = priority
        if len(self._early) > EARLY:
            del self._early[next(iter(self._early))]
