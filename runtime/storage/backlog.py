"""What waits to be committed, and when the next group of it should be. No I/O, no waiting."""

from collections import deque
from collections.abc import Sequence

import msgspec

from callboard.runtime.clock import NEVER
from callboard.runtime.storage.operations import Operation, size, weight
from callboard.runtime.storage.pending import Pending


class GroupLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much goes into one commit and how much may wait. ValueError for less than 1."""

    operations: int = 512
    """A group's keys to change. A submission is never split: a larger one is a group by itself."""
    size: int = 4 * 1024 * 1024
    """A group's bytes, likewise."""
    waiting: int = 8192
    """Keys to change beyond which no more submissions are taken."""
    waiting_size: int = 64 * 1024 * 1024
    """Bytes, likewise."""

    def __post_init__(self) -> None:
        if min(self.operations, self.size, self.waiting, self.waiting_size) < 1:
            raise ValueError(f"every limit is at least 1: {self}")


class Submission(msgspec.Struct):
    """Operations that are committed together, or not at all."""

    operations: tuple[Operation, ...]
    pending: Pending
    since: int
    """Monotonic nanoseconds."""
    urgent: bool
    weight: int
    size: int


class Backlog:
    """Submissions in the order in which they came, with running totals."""

    def __init__(self, limits: GroupLimits) -> None:
        self._limits = limits
        self._queue: deque[Submission] = deque()
        self._urgent = 0
        self.weight = 0
        self.size = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whether no more should be added."""
        return self.weight >= self._limits.waiting or self.size >= self._limits.waiting_size

    def add(self, operations: Sequence[Operation], now: int, *, urgent: bool) -> Pending:
        """Queue a submission at `now`, in monotonic nanoseconds."""
        added = Submission(
            operations=tuple(operations),
            pending=Pending(),
            since=now,
            urgent=urgent,
            weight=sum(map(weight, operations)),
            size=sum(map(size, operations)),
        )
        self._queue.append(added)
        self._count(added, 1)
        return added.pending

    def hurry(self) -> None:
        """Make all that waits urgent."""
        if self._queue and not self._queue[-1].urgent:
            self._queue[-1].urgent = True
            self._urgent += 1

    def take(self) -> list[Submission]:
        """Remove the next group: the oldest submissions that fit, at least one if there are any."""
        group: list[Submission] = []
        keys = data = 0
        while self._queue:
            keys += self._queue[0].weight
            data += self._queue[0].size
            if group and (keys > self._limits.operations or data > self._limits.size):
                break
            group.append(self._queue.popleft())
            self._count(group[-1], -1)
        return group

    def due(self, linger: int) -> int:
        """When the next group should be committed, in monotonic nanoseconds; NEVER while nothing waits."""
        return when_to_commit(
            self._queue[0].since if self._queue else None,
            urgent=self._urgent > 0,
            enough=self.weight >= self._limits.operations or self.size >= self._limits.size,
            linger=linger,
        )

    def pending(self) -> list[Pending]:
        """Of all that waits, in order."""
        return [submission.pending for submission in self._queue]

    def _count(self, submission: Submission, sign: int) -> None:
        self.weight += sign * submission.weight
        self.size += sign * submission.size
        self._urgent += sign * submission.urgent


def when_to_commit(oldest: int | None, *, urgent: bool, enough: bool, linger: int) -> int:
    """When to commit, if the oldest submission came at `oldest`: at once for an urgent one or a whole group.

    Otherwise after `linger`, so that others can join. All in monotonic nanoseconds.
    """
    if oldest is None:
        return NEVER
    return oldest if urgent or enough else oldest + linger
