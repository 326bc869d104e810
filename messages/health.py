"""How each provider account fares, for whoever asks `board.health()`."""

from typing import Literal, TypeAlias

import msgspec

from callboard.messages.faults import FaultKind

HealthState: TypeAlias = Literal["ok", "limited", "degraded", "down", "open", "blocked", "misconfigured"]
"""The worst that holds: a rate limit slows it down; one of its models takes no calls, or only a few; its actor does not
run, and calls wait until it does; no model takes any; its quota is used up; its credential is refused."""


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One background check of a provider whose circuit is open. It never counts as a call."""

    at: int
    """UTC nanoseconds of its end."""
    passed: bool
    latency: float
    """Seconds."""
    fault: FaultKind | None = None


class ProviderHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one account fares, by the worst that holds."""

    provider: str
    state: HealthState
    why: str | None = None
    """For a person: what speaks against it."""
    retry_at: int | None = None
    """UTC nanoseconds at which what holds may be over; None: nothing holds, or only an operator can tell."""
    circuits: dict[str, str] = {}
    """Those that are not closed: their state by key, `endpoint` or `endpoint MODEL`."""
    check: HealthCheck | None = None
    """The latest, since this actor was started."""

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else ""
        return f"{self.provider} is {self.state}{why}"
