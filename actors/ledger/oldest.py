"""The oldest entries of the journal: which of them go next, for their age or because there is no room for all."""

from collections.abc import Callable

from callboard.actors.ledger.journal import JOURNAL, Reading, number_of, page
from callboard.actors.ledger.keeping import STEP, Page, aged, dated_ahead
from callboard.actors.ledger.outbox import Outbox
from callboard.runtime.storage.errors import StorageError


class Oldest:
    """Finds them step by step. All may take `room` bytes of the file."""

    def __init__(self, reading: Callable[[], Reading], outbox: Outbox, room: float) -> None:
        self._reading = reading
        self._outbox = outbox
        self._room = room
        self._passed = b""
        """The entries up to this key are found already, or dated ahead of time: what is too old lies behind them."""
        self._found = b""
        """The entries up to this key are found already, whatever their date."""

    @property
    def crowded(self) -> bool:
        """Whether they take more than their room; False when that cannot be read now."""
        try:
            return self._reading().size(JOURNAL) > self._room
        except StorageError:
            return False

    def any_age(self) -> tuple[list[bytes], bool]:
        """Keys of the oldest, and whether there may be more."""
        keys = [key for key, _ in self.page(self._found) or []]
        self._found = keys[-1] if keys else self._found
        return keys, len(keys) == STEP

    def aged(self, before: int, now: int) -> tuple[list[bytes], bool]:
        """Keys of those that are too old, and whether more may be. As a rule one look is enough."""
        first = self.page(self._passed, 1)
        if not first or (first[0][1] is not None and before <= first[0][1].at <= now):
            return [], False
        found = self.page(self._passed) or []
        if len(found) == STEP and dated_ahead(found, now):
            self._passed = found[-1][0]
            return [], True
        keys = aged(found, before, now)
        self._passed = keys[-1] if keys else self._passed
        return keys, len(keys) == STEP

    def page(self, after: bytes, limit: int = STEP) -> Page | None:
        """The next entries of the journal; None when it cannot be read now.

        Those that were written by a commit that seemed to fail are none yet: were they erased, the next incarnation
        would not see that they are counted.
        """
        try:
            found = page(self._reading(), after, limit)
        except StorageError:
            return None
        return [(key, entry) for key, entry in found if number_of(key) <= self._outbox.latest_written]
