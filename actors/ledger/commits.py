"""The life of the ledger's commits, as one table. There is never more than one underway.

    idle ──came──> lingering ──lingered──> writing ──written──> idle
      │                │                    ^ ^  │
      └────────────────┴──────pressed───────┘ │  └──failed──> pausing
                                              └─────paused───────┘

- What comes while one is underway, or after one that failed, waits for the next. When one is written, what waits then
  counts as if it had just come.
- Whoever waits (a strict call, a flush, an erasure) presses, and is told when all that waited with him is written: by
  this commit or, after failures, by a later one.
- What a failed commit was to write goes back to what waits (`pile.py`), and whoever waited for it waits on. How long
  the pause is, and what the next one takes, depends on those before it (`standstill.py`).
- At the stop the commit underway is waited for, and then all that waits is written, whatever the phase.
- After a crash the next incarnation begins with what is not known to be on disk: the outbox has kept it.
"""

import enum
from typing import Final

from callboard.runtime.errors import IllegalStep


class Phase(enum.StrEnum):
    """What the next commit waits for."""

    IDLE = "idle"
    """Something to write."""
    LINGERING = "lingering"
    """Company for what has come."""
    WRITING = "writing"
    """The one underway."""
    PAUSING = "pausing"
    """The pause after one that failed."""


class Event(enum.StrEnum):
    """What moves it."""

    CAME = "came"
    """Something is to be written that can wait for company."""
    PRESSED = "pressed"
    """Something is to be written now: somebody waits for it, or it makes room."""
    LINGERED = "lingered"
    """What came first has waited long enough. This alarm may ring just as somebody presses."""
    WRITTEN = "written"
    FAILED = "failed"
    PAUSED = "paused"
    """The pause is over."""


IDLE: Final = Phase.IDLE
LINGERING: Final = Phase.LINGERING
WRITING: Final = Phase.WRITING
PAUSING: Final = Phase.PAUSING
CAME: Final = Event.CAME
PRESSED: Final = Event.PRESSED
LINGERED: Final = Event.LINGERED
WRITTEN: Final = Event.WRITTEN
FAILED: Final = Event.FAILED
PAUSED: Final = Event.PAUSED
"""Short for the members, and looked up at once; see slot.py."""

TABLE: dict[Phase, dict[Event, Phase]] = {
    IDLE: {CAME: LINGERING, PRESSED: WRITING, LINGERED: IDLE},
    LINGERING: {CAME: LINGERING, PRESSED: WRITING, LINGERED: WRITING},
    WRITING: {CAME: WRITING, PRESSED: WRITING, LINGERED: WRITING, WRITTEN: IDLE, FAILED: PAUSING},
    PAUSING: {CAME: PAUSING, PRESSED: PAUSING, LINGERED: PAUSING, PAUSED: WRITING},
}


def step(phase: Phase, event: Event) -> Phase:
    """The next phase. Raises IllegalStep where the table has no entry."""
    try:
        return TABLE[phase][event]
    except KeyError:
        raise IllegalStep("commits of the ledger", phase, event) from None
