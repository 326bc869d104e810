"""Messages that reached nobody: counted by reason, the latest kept by name, the first few logged.

Only type names are kept, never contents. Logging follows the habit of Pekko: ten lines, then one summary in five
minutes.
"""

from collections import Counter, deque

import msgspec

from callboard.runtime.clock import ns
from callboard.runtime.logs import get_logger

LOG_FIRST = 10
SUMMARY_EVERY = ns(300)

_log = get_logger("callboard.deadletters")


class DeadLetter(msgspec.Struct, frozen=True):
    """One message that reached nobody."""

    path: str
    message: str
    """The name of the message's type."""
    reason: str
    at: int
    """Monotonic nanoseconds."""


class DeadLetters:
    """A bounded ring of dead letters with counters."""

    def __init__(self, keep: int = 256) -> None:
        self._ring: deque[DeadLetter] = deque(maxlen=keep)
        self._counts: Counter[str] = Counter()
        self._logged = 0
        self._quiet_since = 0
        self._unlogged = 0

    def add(self, path: str, message: object, reason: str, now: int) -> None:
        """Keep one."""
        letter = DeadLetter(path, type(message).__name__, reason, now)
        self._ring.append(letter)
        self._counts[reason] += 1
        self._report(letter)

    @property
    def latest(self) -> tuple[DeadLetter, ...]:
        """The latest ones, oldest first."""
        return tuple(self._ring)

    def counts(self) -> dict[str, int]:
        """How many there were, by reason, since the start."""
        return dict(self._counts)

    def _report(self, letter: DeadLetter) -> None:
        if self._logged < LOG_FIRST:
            self._logged += 1
            self._quiet_since = letter.at
            _log.warning("%s for %s not delivered: %s", letter.message, letter.path, letter.reason)
            return
        self._unlogged += 1
        if letter.at - self._quiet_since >= SUMMARY_EVERY:
            _log.warning("%d more dead letters; the last: %s for %s", self._unlogged, letter.message, letter.path)
            self._quiet_since, self._unlogged = letter.at, 0
