"""Counts over the latest stretch of time."""

from collections import deque


class RollingCounts:
    """Calls and faults of the last `period` nanoseconds, in `buckets` steps; memory does not grow with the calls."""

    def __init__(self, period: int, buckets: int = 10) -> None:
        self._width = max(1, period // buckets)
        self._buckets = buckets
        self._counts: deque[tuple[int, int, int]] = deque()

    def add(self, now: int, *, fault: bool) -> None:
        """One call that ended now."""
        index = now // self._width
        if self._counts and self._counts[-1][0] == index:
            _, calls, faults = self._counts.pop()
            self._counts.append((index, calls + 1, faults + fault))
        else:
            self._counts.append((index, 1, int(fault)))
            self._forget(index)

    def totals(self, now: int) -> tuple[int, int]:
        """Calls and faults in the period that ends now."""
        self._forget(now // self._width)
        return sum(calls for _, calls, _ in self._counts), sum(faults for _, _, faults in self._counts)

    def clear(self) -> None:
        """Forget all."""
        self._counts.clear()

    def _forget(self, index: int) -> None:
        while self._counts and self._counts[0][0] <= index - self._buckets:
            self._counts.popleft()
