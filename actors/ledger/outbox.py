"""Entries that are not known to be on disk. It outlives the ledger's incarnations, so that a crash loses none."""

from collections import deque

from callboard.messages.accounting import LedgerEntry


class Outbox:
    """First in, first out. An entry's number in the journal is one more than that of the entry before it."""

    def __init__(self) -> None:
        self._entries: deque[LedgerEntry] = deque()
        self._written = 0
        self.lost_are_settled = False
        """Whether a ledger has started that settled what the last process had left open."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def latest(self) -> int:
        """The number of the latest entry there is."""
        return self._written + len(self._entries)

    @property
    def latest_written(self) -> int:
        """The number of the latest entry that is known to be on disk, or given up."""
        return self._written

    def add(self, *entries: LedgerEntry) -> None:
        """These are to be written."""
        self._entries.extend(entries)

    def written(self, count: int) -> None:
        """The first `count` are on disk, or given up."""
        for _ in range(count):
            self._entries.popleft()
        self._written += count

    def take_over(self, last: int) -> list[LedgerEntry]:
        """A new incarnation found the journal to end with number `last`: what is still to be written, taken out."""
        already = max(0, last - self._written)
        left = list(self._entries)[already:]
        self._entries.clear()
        self._written = last
        return left
