"""What befalls the runtime itself: bugs in its actors, restarts of its process, jumps of its wall clock. Pure."""

import random
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeAlias

import msgspec

from callboard.simulation.cast import CAST
from callboard.simulation.spec import Spec

HOUR = 3600.0
AMONG = 6.0
"""Seconds after the beginning of a burst in which a mishap may come."""
ALONE = 0.2
"""The share of them that come at any time."""

ACTORS = (
    "store",
    "ledger",
    "cache",
    "selector",
    "orchestrator",
    *(f"{kind}/{name}" for kind in ("limits", "providers") for name in CAST),
)


class Crash(msgspec.Struct, frozen=True):
    """A bug in this actor shows itself."""

    path: str


class Jump(msgspec.Struct, frozen=True):
    """The machine's wall clock jumps by so many seconds."""

    seconds: float


class Command(msgspec.Struct, frozen=True):
    """An operator says this of one provider, and `reset` some time later."""

    provider: str
    command: Literal["open", "close"]
    now: bool
    until_reset: float
    """Seconds."""


class Restart(msgspec.Struct, frozen=True):
    """The process ends, and begins anew on the same store. `killed`: without a chance to say goodbye."""

    killed: bool
    pause: float
    """Seconds between the two."""


Mishap: TypeAlias = Crash | Jump | Command | Restart


def _command(draw: random.Random) -> Command:
    return Command(draw.choice(list(CAST)), draw.choice(("open", "close")), draw.random() < 0.5, draw.uniform(5, 1800))


_KINDS: tuple[tuple[float, Callable[[random.Random], Mishap]], ...] = (
    (24 * HOUR, lambda draw: Crash(draw.choice(ACTORS))),
    (48 * HOUR, lambda draw: Jump(draw.choice((-1, 1)) * 10 ** draw.uniform(0, 4))),
    (72 * HOUR, _command),
    (36 * HOUR, lambda draw: Restart(killed=draw.random() < 0.5, pause=draw.uniform(0, 30))),
)
"""Each kind, and the average time from one to the next."""


def mishaps(spec: Spec, busy: Sequence[float]) -> Iterator[tuple[float, Mishap]]:
    """All of them in order, each with its time in seconds since the simulation began; the last twentieth is free.

    Most come soon after one of the times in `busy`, which are in order: in the midst of calls.
    """
    draw = random.Random(f"{spec.seed}/mishaps")
    last = spec.seconds * 0.95
    found = [(_moved(at, last, busy, draw), make(draw)) for every, make in _KINDS for at in _times(last, every, draw)]
    return iter(sorted(found, key=lambda one: one[0]))


def _times(last: float, every: float, draw: random.Random) -> Iterator[float]:
    at = draw.expovariate(1 / every)
    while at < last:
        yield at
        at += draw.expovariate(1 / every)


def _moved(at: float, last: float, busy: Sequence[float], draw: random.Random) -> float:
    following = bisect_left(busy, at)
    later, alone = draw.uniform(0.0, AMONG), draw.random() < ALONE
    if alone or following == len(busy) or busy[following] + later > last:
        return at
    return busy[following] + later
