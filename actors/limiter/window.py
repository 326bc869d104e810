"""One limit over a rolling window: in no stretch of `period` nanoseconds are more than `limit` units let through.

What is taken counts from the moment at which it was taken until a whole period later. To forget cheaply, what was taken
within a sixtieth of the period is kept as one *charge*, which counts until the last of it has left the window: so the
window may be too careful by a sixtieth of its period, and is never too generous.

A reservation takes all that a request may need. When it is settled, what was not needed is given back as far as it
still counts; what was needed on top is a debt taken at that time.
"""

from collections import deque

from callboard.runtime.clock import NEVER

CHARGES = 60
"""In how many pieces a window is forgotten."""


class Charge:
    """Units taken at about the same time; 0 once they have left the window."""

    __slots__ = ("first", "last", "units", "window")

    def __init__(self, window: "Window", at: int, units: int) -> None:
        self.window = window
        self.first = self.last = at
        self.units = units


class Window:
    """`limit` units in any `period` nanoseconds. `now` never goes back. `cap` is the limit in force, never above it.

    At most `largest` are taken at once, as a rule the limit. Where that is more, whoever takes more than the limit has
    to wait until nothing else counts: that is for limits that are not known for certain.
    """

    __slots__ = (
        "_charges",
        "_due",
        "_foreign",
        "_foreign_until",
        "_grain",
        "cap",
        "largest",
        "limit",
        "period",
        "tokens",
        "used",
    )

    def __init__(self, limit: int, period: int, *, tokens: bool = False, largest: int | None = None) -> None:
        if limit < 1 or period < 1:
            raise ValueError("a window needs a limit and a period of at least 1")
        self.limit = self.cap = limit
        self.largest = largest or limit
        self.period = period
        self.tokens = tokens
        """Whether it counts tokens; otherwise requests."""
        self.used = 0
        """What counts at present, as of the last look."""
        self._grain = max(1, period // CHARGES)
        self._charges: deque[Charge] = deque()
        self._foreign = 0
        self._foreign_until = 0
        self._due = NEVER
        """Nothing leaves the window before."""

    def has_room(self, units: int, now: int) -> bool:
        """Whether so many could be taken now."""
        if now >= self._due:
            self._forget(now)
        if self.used + units <= self.cap:
            return True
        return self.limit < units <= self.largest and self.used + self.limit <= self.cap

    def take(self, units: int, now: int) -> Charge:
        """Count them from now on; ask `has_room` first."""
        if now >= self._due:
            self._forget(now)
        self.used += units
        if self._charges:
            last = self._charges[-1]
            if now - last.first < self._grain:
                last.last = now
                last.units += units
                return last
        elif now + self.period < self._due:
            self._due = now + self.period
        charge = Charge(self, now, units)
        self._charges.append(charge)
        return charge

    def give_back(self, charge: Charge, units: int) -> None:
        """So many of a charge were not needed. What has left the window already made room then."""
        units = min(units, charge.units)
        charge.units -= units
        self.used -= units

    def earliest(self, units: int, now: int, cap: int) -> int | None:
        """When so many could be taken under this cap: `now` or later; None: never, they are too many for it."""
        units = min(units, self.limit) if units <= self.largest else units
        if units > cap:
            return None
        if now >= self._due:
            self._forget(now)
        excess = self.used + units - cap
        leaving = sorted(self._leaving())
        while excess > 0:
            now, left = leaving.pop(0)
            excess -= left
        return now

    def fill(self, units: int, since: int, now: int) -> None:
        """So many were taken between two times, evenly as far as is known.

        Only for a window of which nothing was taken; earlier times first.
        """
        pieces = min(CHARGES, max(1, -(-(now - since) // self._grain)))
        for piece in range(pieces):
            share = units * (piece + 1) // pieces - units * piece // pieces
            if share:
                self._charges.append(Charge(self, since + (now - since) * (piece + 1) // pieces, share))
        self.used += units
        self._due = min(self._due, since + self.period)

    def correct(self, used: int, at: int, until: int, now: int) -> None:
        """Whoever counts with authority has counted `used` units at `at`: what is more than was taken here counts
        besides, until `until`. What comes to less does not take back what is believed already: requests overtake each
        other, so it may be older news.
        """
        if now >= self._due:
            self._forget(now)
        taken = self.used - self._foreign
        for charge in reversed(self._charges):
            if charge.first <= at:
                break
            taken -= charge.units
        surplus = used - taken
        if surplus <= 0 or surplus < self._foreign or until <= now:
            return
        self.used += surplus - self._foreign
        self._foreign = surplus
        self._foreign_until = max(until, self._foreign_until)
        self._due = min(self._due, until)

    def used_at(self, now: int) -> int:
        """What counts at a time. Changes nothing: for readers in another thread."""
        return sum(units for when, units in self._leaving() if when > now)

    def _leaving(self) -> list[tuple[int, int]]:
        leaving = [(charge.last + self.period, charge.units) for charge in list(self._charges)]
        return [*leaving, (self._foreign_until, self._foreign)] if self._foreign else leaving

    def _forget(self, now: int) -> None:
        charges = self._charges
        while charges and charges[0].last + self.period <= now:
            charge = charges.popleft()
            self.used -= charge.units
            charge.units = 0
        if self._foreign and self._foreign_until <= now:
            self.used -= self._foreign
            self._foreign = 0
        due = charges[0].last + self.period if charges else NEVER
        self._due = min(due, self._foreign_until) if self._foreign else due
