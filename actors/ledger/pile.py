"""What waits to be committed: what failed commits left, what is to be dropped, and what is new. Pure.

A *drop* is a deletion that nothing else depends on: an old entry, an old row, an entry that was erased. Drops may be
committed ahead of all else, alone, so that a store that is full can be emptied.
"""

import itertools
from collections.abc import Iterable

import msgspec

from callboard.actors.ledger.journal import JOURNAL, OPEN
from callboard.messages.storing import Operation, StoreDelete, StorePut

Place = tuple[str, bytes]
"""A database, and a key in it."""


class Group(msgspec.Struct, frozen=True):
    """What one commit carries out, drops first."""

    drops: dict[Place, StoreDelete]
    others: tuple[Operation, ...] = ()
    whole: bool = False
    """Whether it is all that waited."""

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All of them, in order."""
        return (*self.drops.values(), *self.others)


class Pile:
    """Of several operations on one place the last counts."""

    def __init__(self) -> None:
        self._left: dict[Place, Operation] = {}
        """By failed commits; none of them older than a drop of the same place."""
        self.drops: dict[Place, StoreDelete] = {}
        """What is to be dropped."""
        self._doubtful: set[Place] = set()
        """Of attempts that ended before a commit that opened them was known to succeed."""

    def __len__(self) -> int:
        return len(self._left) + len(self.drops)

    def drop(self, drops: Iterable[StoreDelete]) -> None:
        """These are to be deleted, and what a failed commit was to write there is not wanted any more."""
        for one in drops:
            self._left.pop(_place(one), None)
            self.drops[_place(one)] = one

    def leave(self, operations: Iterable[Operation]) -> None:
        """These wait behind what waits already."""
        for one in operations:
            place = _place(one)
            if place[0] == OPEN and isinstance(one, StoreDelete) and isinstance(self._left.get(place), StorePut):
                self._doubtful.add(place)
            self._left[place] = one

    def take(self, fresh: tuple[Operation, ...]) -> Group:
        """Everything that waits, and what is new."""
        if not self._left:
            self._doubtful.clear()
        group = Group(self.drops, (*self._left.values(), *fresh), whole=True)
        self._left, self.drops = {}, {}
        return group

    def take_drops(self, most: int) -> Group | None:
        """At most so many drops, the oldest, and nothing else; None when there are none."""
        chosen = dict(itertools.islice(self.drops.items(), most))
        for place in chosen:
            del self.drops[place]
        return Group(chosen) if chosen else None

    def put_back(self, group: Group, most: int) -> int:
        """A commit failed. At most `most` entries of the journal are kept, the newest; the result is how many are not.

        What has been dropped since is not written again. Of attempts that opened and ended while commits failed nobody
        knows whether they are open on disk: of their deletions as many are kept.
        """
        newer, self._left = self._left.values(), {}
        self.leave(one for one in group.others if _place(one) not in self.drops)
        self.leave(newer)
        self.drops = {**group.drops, **self.drops}
        self._shorten([place for place in self._left if place in self._doubtful], most)
        return self._shorten([place for place in self._left if place[0] == JOURNAL], most)

    def _shorten(self, places: list[Place], most: int) -> int:
        beyond = places[: max(0, len(places) - most)]
        for place in beyond:
            del self._left[place]
        return len(beyond)


def _place(operation: Operation) -> Place:
    return operation.database, operation.key
