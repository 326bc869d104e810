"""One rate: so many units a period, with a burst of at most one period's worth.

A leaky bucket (the meter of ITU-T I.371): what is taken flows in, the rate drains it, and nothing may be taken that
would make it overflow. What is taken is at first only *reserved*: how much of it was needed is told later, and the
rest is given back, as far as it has not drained by then. What has drained made room that others have used already;
giving that back too would let through more than the rate. So that as much as possible can be given back, what is
reserved drains last.

All amounts are kept multiplied by the period, so that integers suffice and nothing is rounded. In any stretch of time
t the units used are at most limit + limit * t / period.
"""

from collections import OrderedDict


class Rate:
    """`limit` units a `period` nanoseconds. Starts without a burst: a restart must not double it."""

    def __init__(self, limit: int, period: int, now: int) -> None:
        if limit < 1 or period < 1:
            raise ValueError("a rate needs a limit and a period of at least 1")
        self._limit = limit
        self._period = period
        self._used = limit * period
        self._reserved: OrderedDict[int, int] = OrderedDict()
        """What has not drained of each reservation, the oldest first; none that has drained whole."""
        self._held = 0
        """The sum of what is reserved."""
        self._at = now

    @classmethod
    def full(cls, limit: int, period: int) -> "Rate":
        """A rate whose whole burst is there at once."""
        rate = cls(limit, period, 0)
        rate._used = 0
        return rate

    def earliest(self, units: int, now: int) -> int:
        """When `units` could be reserved: `now` or later. More than the limit count as the limit."""
        self._drain(now)
        excess = self._used + self._held + self._volume(units) - self._limit * self._period
        return now + max(0, -(-excess // self._limit))

    def reserve(self, permit: int, units: int, now: int) -> None:
        """Set them aside for this permit; ask `earliest` first. More than the limit count as the limit."""
        self._drain(now)
        volume = self._volume(units)
        if volume:
            self._reserved[permit] = volume
            self._held += volume

    def settle(self, permit: int, reserved: int, used: int, now: int) -> None:
        """The permit needed `used` of the units reserved for it; more than those are a debt."""
        self._drain(now)
        left = self._reserved.pop(permit, 0)
        given_back = min(left, self._volume(reserved) - used * self._period)
        self._held -= left
        self._used += left - given_back

    def _volume(self, units: int) -> int:
        return min(units, self._limit) * self._period

    def _drain(self, now: int) -> None:
        flow = (now - self._at) * self._limit
        self._at = now
        drained = min(flow, self._used)
        self._used -= drained
        self._drain_reserved(min(flow - drained, self._held))

    def _drain_reserved(self, flow: int) -> None:
        self._held -= flow
        while flow:
            permit, left = next(iter(self._reserved.items()))
            if left > flow:
                self._reserved[permit] = left - flow
                return
            del self._reserved[permit]
            flow -= left
