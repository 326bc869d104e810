"""How commits have fared: whether they fail, how long the next one waits, and what it takes. Pure.

A *standstill* begins with a commit that fails and ends with one that writes all that waits. While it lasts each failure
makes the pause longer, and deletions go alone, in turn with all that waits: on a full disk only they can be written.
"""

from typing import NamedTuple

from callboard.runtime.clock import ns
from callboard.runtime.storage.errors import StorageFull

RETRY = ns(0.5)
"""After a commit that failed; twice as long after each further one."""
LONGEST_RETRY = ns(8)
"""A large backlog takes half a second of the Trio thread to be tried again."""
IN_A_ROW = 8
"""Commits of deletions alone. LMDB uses the room that one makes only in the second one after it."""


class Why(NamedTuple):
    """The name of what failed, and a sentence of our own about it."""

    name: str
    sentence: str


class Standstill:
    """One ledger's."""

    def __init__(self) -> None:
        self.failures = 0
        """Commits, ever."""
        self.pause = 0
        """Nanoseconds until the next try; 0 while commits succeed."""
        self.drops_alone = False
        """Whether the next commit takes nothing but deletions, if there are any."""
        self._why: Why | None = None
        """None while commits succeed."""
        self._drops_in_a_row = 0

    @property
    def full(self) -> bool:
        """Whether commits fail for want of room."""
        return self._why is not None and self._why.name == StorageFull.__name__

    def failed(self, why: Why) -> bool:
        """A commit has. Whether a standstill begins with it."""
        begins = self._why is None
        self._why = why
        self.failures += 1
        self.pause = min(2 * self.pause, LONGEST_RETRY) or RETRY
        self._count_drops(0)
        return begins

    def succeeded(self, *, whole: bool) -> bool:
        """A commit has, `whole` if of all that waited. Whether a standstill ends with it."""
        if self._why is None:
            return False
        if not whole:
            self._count_drops(self._drops_in_a_row + 1)
            return False
        self._why = None
        self.pause = 0
        self.drops_alone = False
        return True

    def _count_drops(self, in_a_row: int) -> None:
        self._drops_in_a_row = in_a_row
        self.drops_alone = in_a_row < IN_A_ROW
