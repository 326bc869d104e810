"""All limits of one scope, an account or one of its models: windows, requests in flight, and a pace. All or nothing."""

from callboard.actors.limiter.limits import KINDS, MINUTE, Kind, Limits
from callboard.actors.limiter.pace import FULL, Pace, share, slowed
from callboard.actors.limiter.window import Charge, Window
from callboard.runtime.clock import NEVER


class Gate:
    """A slower pace ends where `most` requests may be in flight at once."""

    def __init__(self, limits: Limits, most: int) -> None:
        self.windows: dict[str, Window] = {}
        self.in_flight = 0
        self.pace: Pace | None = None
        self._own = self._ceiling = limits.concurrency or NEVER
        self._most = min(self._own, most)
        self._all: tuple[Window, ...] = ()
        self._steps = FULL
        for kind in KINDS:
            limit = getattr(limits, kind.name)
            if limit is not None:
                self.add(kind, limit)

    def add(self, kind: Kind, limit: int, largest: int | None = None) -> Window:
        """One more window, nothing used."""
        window = self.windows[kind.name] = Window(limit, kind.period, tokens=kind.tokens, largest=largest)
        self._all = tuple(self.windows.values())
        self._apply(self._steps)
        return window

    def lower(self, kind: Kind, limit: int) -> None:
        """The limit is this now."""
        self.windows[kind.name].limit = limit
        self._apply(self._steps)

    def has_room(self, tokens: int, now: int) -> bool:
        """Whether one more request of so many tokens may go now."""
        if self.pace is not None:
            self._recover(now)
        if self.in_flight >= self._ceiling:
            return False
        for window in self._all:  # noqa: SIM110 - a generator costs more than what it asks
            if not window.has_room(tokens if window.tokens else 1, now):
                return False
        return True

    def enter(self, tokens: int, now: int, charges: list[Charge]) -> None:
        """One more goes; what it took is added to `charges`. Ask `has_room` first."""
        self.in_flight += 1
        for window in self._all:
            charges.append(window.take(tokens if window.tokens else 1, now))

    def earliest(self, tokens: int, now: int) -> int | None:
        """When the windows will let so many tokens through, whatever is in flight; None: never, they are too many."""
        if self.pace is None:
            return self._earliest(tokens, now, FULL)
        times = []
        since, steps = now, self.pace.at(now)
        while True:
            time = self._earliest(tokens, now, steps)
            if time is not None:
                times.append(max(time, since))
            if steps >= FULL:
                return min(times, default=None)
            since, steps = self.pace.next_step(since), steps + 1

    def changes_at(self, tokens: int, now: int) -> int:
        """When time alone may let so many tokens through that cannot go now; NEVER: it will not."""
        time = self.earliest(tokens, now)
        if time is not None and time > now:
            return time
        return NEVER if self.pace is None else self.pace.next_step(now)

    def too_small(self, tokens: int) -> tuple[str, int] | None:
        """A limit that so many tokens will never pass: its name and what it is."""
        for name, window in self.windows.items():
            if window.tokens and tokens > window.largest:
                return name, window.largest
        return None

    @property
    def by_the_minute(self) -> bool:
        """Whether it has windows that a slower pace makes smaller."""
        return any(window.period == MINUTE for window in self._all)

    def slow(self, now: int, granted_at: int) -> None:
        """The provider refused a request that was let through at `granted_at`: half the pace.

        Those that were in flight already when it was last slowed are part of the same news.
        """
        if self.pace is None or granted_at >= self.pace.since:
            self.pace = slowed(self.pace, self.in_flight, now)
            self._apply(self.pace.steps)

    def facts(self, now: int) -> dict[str, object]:
        """For the status. Changes nothing."""
        facts: dict[str, object] = {
            name: {"used": window.used_at(now), "limit": window.limit} for name, window in list(self.windows.items())
        }
        pace = self.pace
        if pace is not None:
            facts["pace"] = f"{min(FULL, pace.at(now)) * 100 // FULL}%"
        return facts

    def _recover(self, now: int) -> None:
        assert self.pace is not None
        steps = self.pace.at(now)
        if steps != self._steps:
            self._apply(steps)

    def _apply(self, steps: int) -> None:
        self._steps = steps
        for window in self._all:
            window.cap = share(window.limit, steps) if window.period == MINUTE else window.limit
        if self.pace is None:
            return
        self._ceiling = self._own if self.by_the_minute else min(self._own, self.pace.in_flight(steps))
        if steps >= FULL and self._ceiling >= self._most:
            self.pace, self._ceiling = None, self._own

    def _earliest(self, tokens: int, now: int, steps: int) -> int | None:
        latest = now
        for window in self._all:
            cap = share(window.limit, steps) if window.period == MINUTE else window.limit
            time = window.earliest(tokens if window.tokens else 1, now, cap)
            if time is None:
                return None
            latest = max(latest, time)
        return latest
