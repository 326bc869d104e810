"""The permits that are out. Pure."""

from collections.abc import Iterator

import msgspec

from callboard.actors.limiter.gate import Gate
from callboard.actors.limiter.limits import MINUTE
from callboard.actors.limiter.window import Charge
from callboard.runtime.clock import NEVER

HOLD = 60 * MINUTE
"""After so long a permit that nobody has settled is taken back. Longer than calls last: one underway keeps its own."""


class Held(msgspec.Struct, frozen=True, gc=False):
    """One permit given out: to which model, for how many tokens, when, and what it took of which windows."""

    name: str
    model: Gate
    tokens: int
    at: int
    charges: tuple[Charge, ...]


class Permits:
    """All that are out, the oldest first."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, number: int) -> Held | None:
        """This one, if it is out."""
        return self._held.get(number)

    def add(self, held: Held) -> int:
        """One more; its number."""
        self._last += 1
        self._held[self._last] = held
        return self._last

    def take_back(self, number: int) -> Held | None:
        """This one comes back; None when it is not out."""
        return self._held.pop(number, None)

    def expired(self, now: int) -> Iterator[Held]:
        """Those that nobody has settled in time, taken back."""
        while self.expires_at() <= now:
            yield self._held.pop(next(iter(self._held)))

    def expires_at(self) -> int:
        """When the oldest will have been out for too long; NEVER: none is out."""
        return next(iter(self._held.values())).at + HOLD if self._held else NEVER
