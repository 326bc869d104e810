"""What is simulated, and what must never be."""

import msgspec

DAY = 86_400.0
"""Seconds."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """One simulation. All of it follows from these three."""

    seed: int = 0
    days: float = 7.0
    calls: int = 1_500

    def __post_init__(self) -> None:
        if not self.days > 0 or self.calls < 1:
            raise ValueError("a simulation needs more than 0 days and at least 1 call")

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.days * DAY

    @property
    def long(self) -> bool:
        """Whether it is long enough to see everything often."""
        return self.days >= 365 and self.calls >= 300_000

    @property
    def command(self) -> str:
        """What repeats it."""
        return f"callboard simulate --seed {self.seed} --days {self.days:g} --calls {self.calls}"


class Violation(msgspec.Struct, frozen=True):
    """Something that must never be."""

    at: float
    """Seconds since the simulation began."""
    rule: str
    """Which promise: outcomes, books, windows, circuits, rest, time."""
    what: str
    """A sentence that names the call, the attempt or the actor."""

    def __str__(self) -> str:
        day, second = divmod(self.at, DAY)
        clock = f"{int(second // 3600):02}:{int(second // 60) % 60:02}:{second % 60:06.3f}"
        return f"day {int(day)}, {clock}: {self.rule}: {self.what}"
