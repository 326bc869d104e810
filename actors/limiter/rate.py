"""One rate: so many units a period, with a burst of at most one period's worth.

The generic cell rate algorithm (ITU-T I.371): one number, the theoretical arrival time, stands for the whole bucket.
It is kept multiplied by the limit, so that integers suffice and nothing is rounded. In any stretch of time t the
units granted are at most limit + limit * t / period.
"""


class Rate:
    """`limit` units a `period` nanoseconds. Starts empty: a restart must not double a burst."""

    def __init__(self, limit: int, period: int, now: int) -> None:
        if limit < 1 or period < 1:
            raise ValueError("a rate needs a limit and a period of at least 1")
        self._limit = limit
        self._period = period
        self._arrival = (now + period) * limit

    @classmethod
    def full(cls, limit: int, period: int) -> "Rate":
        """A rate whose whole burst is there at once."""
        rate = cls(limit, period, 0)
        rate._arrival = 0
        return rate

    def earliest(self, units: int, now: int) -> int:
        """When `units` could be taken: `now` or later. More than the limit count as the limit."""
        wanted = self._after(units, now) - self._period * self._limit
        return max(now, -(-wanted // self._limit))

    def take(self, units: int, now: int) -> None:
        """Take them; ask `earliest` first."""
        self._arrival = self._after(units, now)

    def give_back(self, units: int) -> None:
        """Undo a `take` of these units, or a part of one."""
        self._arrival -= min(units, self._limit) * self._period

    def charge(self, units: int, now: int) -> None:
        """Take more than was reserved, even if that means a debt."""
        self._arrival = max(self._arrival, now * self._limit) + units * self._period

    def _after(self, units: int, now: int) -> int:
        return max(self._arrival, now * self._limit) + min(units, self._limit) * self._period
