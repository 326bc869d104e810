"""Days and months of one time zone, as intervals of UTC. Pure.

A day begins at its local midnight, or where the clocks skip midnight, when they do. Days never overlap and leave no
gap, whatever the zone does to its clocks: a day is 23 or 25 hours long when it has to be.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import msgspec

NANOSECONDS = 1_000_000_000
ENDLESS = 2**63 - 1
"""The end of what has none, in UTC nanoseconds."""


class Window(msgspec.Struct, frozen=True):
    """`starts` <= moment < `ends`, in UTC nanoseconds."""

    name: str
    """An ISO date, a month such as 2026-03, or `ever`."""
    starts: int
    ends: int

    def __contains__(self, at: int) -> bool:
        return self.starts <= at < self.ends


EVER = Window("ever", 0, ENDLESS)


class Calendar:
    """Remembers the latest day and month it was asked for: those are asked for again."""

    def __init__(self, zone: tzinfo = UTC) -> None:
        self._zone = zone
        self._day = Window("", 0, 0)
        self._month = Window("", 0, 0)

    def day(self, at: int) -> Window:
        """The day that holds this moment, in UTC nanoseconds."""
        latest = self._day  # read once: other threads ask as well
        if at not in latest:
            latest = self._day = self._holding(at, self._days)
        return latest

    def month(self, at: int) -> Window:
        """The month that holds it."""
        latest = self._month
        if at not in latest:
            latest = self._month = self._holding(at, self._months)
        return latest

    def _holding(self, at: int, around: Callable[[date], list[Window]]) -> Window:
        """By midnights, not by the date on the wall: near a change of clocks the two may differ."""
        today = datetime.fromtimestamp(at // NANOSECONDS, self._zone).date()
        return next(window for window in around(today) if at in window)

    def _days(self, today: date) -> list[Window]:
        dates = [today + timedelta(days=days) for days in (0, 1, -1)]
        return [Window(d.isoformat(), self._midnight(d), self._midnight(d + timedelta(days=1))) for d in dates]

    def _months(self, today: date) -> list[Window]:
        first = today.replace(day=1)
        firsts = [first, _next_month(first), (first - timedelta(days=1)).replace(day=1)]
        return [Window(d.isoformat()[:7], self._midnight(d), self._midnight(_next_month(d))) for d in firsts]

    def _midnight(self, day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp()) * NANOSECONDS


def zone_of(name: str) -> tzinfo:
    """The time zone of this name. Raises ValueError when this machine knows none."""
    try:
        if str.upper(name) == "UTC":
            return UTC  # also where no time zone database is installed
        return ZoneInfo(name)
    except (TypeError, ValueError, OSError, LookupError):
        raise ValueError(f"no time zone is named {name!r}; expected one such as UTC or Europe/Berlin") from None


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
