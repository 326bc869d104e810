"""A wall clock that follows Trio's virtual one, and jumps when it is told to."""

from callboard.runtime.clock import NANOSECONDS, ns, virtual_utc


class WallClock:
    """Call it for UTC nanoseconds."""

    def __init__(self) -> None:
        self._true = virtual_utc()
        self._off = 0
        self.jumps = 0

    def __call__(self) -> int:
        return self._true() + self._off

    def true(self) -> int:
        """What a clock would say that had never jumped."""
        return self._true()

    def jump(self, seconds: float) -> None:
        """Be off by so much more. Never by more than a day in all, so that the calendar stays right by and large."""
        self._off = max(-86_400 * NANOSECONDS, min(86_400 * NANOSECONDS, self._off + ns(seconds)))
        self.jumps += 1
