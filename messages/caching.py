"""What is said to the cache, and by it."""

from typing import Protocol

import msgspec

from callboard.messages.base import Ask, Tell
from callboard.messages.calls import AnyAnswer, Attempt, Attempted


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One reply kept."""

    answer: AnyAnswer
    provider: str
    model: str
    stored: int
    """UTC nanoseconds."""
    server: str = ""
    """The address of the provider's account when it answered."""
    run: bytes = b""
    """The run of a program that stored it: nobody else knows what `at` means."""
    at: int = 0
    """Monotonic nanoseconds, when it was stored."""


class CacheReader(Protocol):
    """The cache's published half: reading without asking."""

    def get(self, key: bytes, max_age: int, now: int) -> Entry | None:
        """The entry under this key, if it is at most `max_age` nanoseconds old at `now` (UTC nanoseconds)."""
        ...

    @property
    def latest(self) -> int:
        """The number of the latest entry: while it stays the same, nothing is there that was not."""
        ...

    @property
    def ended(self) -> int:
        """How many fills have ended so far."""
        ...

    def others_wait(self, key: bytes, attempt: str) -> bool:
        """Whether anybody but the call with this attempt waits for this key's fill."""
        ...


class Filled(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a fill ended for one of its waiters. Only the leader is charged."""

    attempted: Attempted
    leader: bool


class Fill(Ask[Filled], frozen=True, kw_only=True, gc=False):
    """Make this attempt, or share it with whoever asks for the same key at the same time."""

    key: bytes
    provider: str
    attempt: Attempt
    deadline: int
    """Monotonic nanoseconds."""
    keep: bool = True
    """Whether the answer is kept under this key. Vectors are kept one by one instead."""
    ended: int = 0
    """How many fills had ended when this caller began to look: what one of those brought is not for him."""


class Labels(msgspec.Struct, frozen=True, gc=False):
    """What a kept reply can be found by besides its key: those of the request that it answered first."""

    tag: str | None
    user: str | None
    partition: str


class Keep(Tell, frozen=True, kw_only=True, gc=False):
    """Keep these answers of one provider's model, each under its key."""

    answers: tuple[tuple[bytes, AnyAnswer], ...]
    provider: str
    model: str
    labels: Labels


class FillEnded(Tell, frozen=True, kw_only=True, gc=False):
    """The cache's own report on a fill."""

    key: bytes
    fill: int
    labels: Labels
    keep: bool
    attempted: Attempted


class Forget(Ask[int], frozen=True, kw_only=True):
    """Drop the entries that have everything that is named here, all when nothing is; the reply is how many."""

    key: bytes | None = None
    model: str | None = None
    """`provider/model`, as it answered."""
    tag: str | None = None
    user: str | None = None
    partition: str | None = None
    stored_before: int | None = None
    """UTC nanoseconds."""
