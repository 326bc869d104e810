"""Calls in flight that several callers wait for: who leads, who follows, who is left. Pure."""

import msgspec

from callboard.messages.calls import Attempt


class Waiter(msgspec.Struct, frozen=True):
    """One caller: the id of its ask, and until when it waits (monotonic nanoseconds)."""

    id: int
    deadline: int


class Filling(msgspec.Struct):
    """One fill underway. The first waiter is the leader, who is charged."""

    number: int
    provider: str
    attempt: Attempt
    waiters: list[Waiter]

    @property
    def deadline(self) -> int:
        """The latest of its waiters' deadlines."""
        return max(waiter.deadline for waiter in self.waiters)


class Fills:
    """All fills underway, by key."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, Filling] = {}
        self._key_of: dict[int, bytes] = {}
        self._number = 0

    def join(self, key: bytes, waiter: Waiter, provider: str, attempt: Attempt) -> tuple[Filling, bool]:
        """Wait for this key's fill; True when it has to be started."""
        self._key_of[waiter.id] = key
        filling = self._by_key.get(key)
        if filling is not None:
            filling.waiters.append(waiter)
            return filling, False
        self._number += 1
        filling = self._by_key[key] = Filling(self._number, provider, attempt, [waiter])
        return filling, True

    def leave(self, waiter: int) -> Filling | None:
        """A waiter has gone: the fill that ends with that, because it was the last one."""
        key = self._key_of.pop(waiter, None)
        filling = self._by_key.get(key) if key is not None else None
        if filling is None or key is None:
            return None
        filling.waiters = [other for other in filling.waiters if other.id != waiter]
        return None if filling.waiters else self._by_key.pop(key)

    def end(self, key: bytes, number: int) -> list[Waiter]:
        """A fill has ended: its waiters, the leader first. Empty when nobody waits for that one any more."""
        filling = self._by_key.get(key)
        if filling is None or filling.number != number:
            return []
        del self._by_key[key]
        for waiter in filling.waiters:
            del self._key_of[waiter.id]
        return filling.waiters

    def __len__(self) -> int:
        return len(self._by_key)
