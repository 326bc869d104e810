"""Calls in flight that several callers wait for: who leads, who follows, who is left. Pure.

A fill is charged to its leader: the first of those who still wait. It is as urgent as the most urgent of them, and
lasts as long as the most patient. So whoever comes or goes may change its terms.

A fault of the provider's is everyone's. One of a caller's own making (his time, his money) is that of whoever the
attempt was made for, and of all whose time is over too; the others go on under the next leader.
"""

from typing import NamedTuple

import msgspec

from callboard.actors.cache.waiters import Waiter, Waiters
from callboard.messages.calls import Attempt, Payer
from callboard.messages.faults import Fault, FaultKind

CALLERS_OWN = frozenset({FaultKind.DEADLINE, FaultKind.BUDGET})
"""Faults that say nothing about the provider."""


class Terms(NamedTuple):
    """On whose account a fill runs, and how urgent it is."""

    payer: Payer
    priority: int


class Filling(msgspec.Struct):
    """One fill underway."""

    number: int
    provider: str
    waiters: Waiters
    opener: Waiter | None = None
    """For whom the attempt was made, once it is made."""
    lane: int = 0
    """The priority with which it was sent: what is said of it later must not overtake it."""
    terms: Terms | None = None
    """What the provider was told last."""

    @property
    def deadline(self) -> int:
        """The latest of its waiters' deadlines."""
        return self.waiters.deadline

    def begin(self) -> tuple[Attempt, int]:
        """The attempt to be made, and its priority."""
        opener = self.opener = self.waiters.first
        self.terms = self._terms()
        self.lane = self.terms.priority
        if self.deadline == opener.deadline:
            return opener.attempt, self.lane
        return msgspec.structs.replace(opener.attempt, until=self.deadline), self.lane

    def changed(self) -> Terms | None:
        """The new terms, when they are no longer what the provider was told."""
        if self.terms is None or not self.waiters or self.terms == (terms := self._terms()):
            return None
        self.terms = terms
        return terms

    def concerned(self, fault: Fault | None, now: int) -> tuple[list[Waiter], list[Waiter]]:
        """Those for whom this is the end, the leader first, and those who go on without them."""
        if fault is None or fault.kind not in CALLERS_OWN:
            return list(self.waiters), []
        ended: list[Waiter] = []
        others: list[Waiter] = []
        for waiter in self.waiters:
            (ended if waiter is self.opener or waiter.deadline <= now else others).append(waiter)
        return ended, others

    def _terms(self) -> Terms:
        return Terms(self.waiters.first.attempt.payer, self.waiters.priority)


class Fills:
    """All fills underway, by key."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, Filling] = {}
        self._key_of: dict[int, bytes] = {}
        self._number = 0
        self.ended = 0
        """So far, with those who waited."""

    def join(self, key: bytes, waiter: Waiter, provider: str) -> tuple[Filling, bool]:
        """Wait for this key's fill; True when it has to be started."""
        self._key_of[waiter.id] = key
        filling = self._by_key.get(key)
        if filling is not None:
            filling.waiters.add(waiter)
            return filling, False
        self._number += 1
        filling = self._by_key[key] = Filling(self._number, provider, Waiters(waiter))
        return filling, True

    def leave(self, waiter: int) -> Filling | None:
        """A waiter has gone: the fill that it has waited for, which is over when nobody waits for it any more."""
        key = self._key_of.pop(waiter, None)
        filling = self._by_key.get(key) if key is not None else None
        if filling is None or key is None:
            return None
        filling.waiters.remove(waiter)
        if not filling.waiters:
            del self._by_key[key]
        return filling

    def end(self, key: bytes, number: int) -> Filling | None:
        """A fill has ended. None when nobody waits for that one any more."""
        filling = self._by_key.get(key)
        if filling is None or filling.number != number:
            return None
        del self._by_key[key]
        self.ended += 1
        for waiter in filling.waiters:
            del self._key_of[waiter.id]
        return filling

    def others_wait(self, key: bytes, attempt: str) -> bool:
        """Whether anybody but the caller with this attempt waits for this key's fill."""
        filling = self._by_key.get(key)
        return filling is not None and any(waiter.attempt.id != attempt for waiter in filling.waiters)

    def __contains__(self, key: bytes) -> bool:
        return key in self._by_key

    def __len__(self) -> int:
        return len(self._by_key)
