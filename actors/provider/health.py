"""When an account whose circuit is open is checked next. Pure; times are monotonic nanoseconds.

A check asks for the list of models, the cheapest request that all providers offer. It says that the provider can be
reached again, so it may bring forward the trial of the endpoint's circuit, and with it those of the models that went
down with it; it says nothing of a model that is overloaded while its endpoint answers. It never closes a circuit.
"""

import math

import msgspec

from callboard.messages.faults import Fault, FaultKind
from callboard.messages.settings import numbers
from callboard.runtime.clock import ns

_ANSWERED = {
    FaultKind.RATE_LIMITED,
    FaultKind.QUOTA_EXHAUSTED,
    FaultKind.UNAUTHORIZED,
    FaultKind.FORBIDDEN,
    FaultKind.NOT_FOUND,
    FaultKind.INVALID_REQUEST,
}
"""Refusals by a provider that is there."""


class HealthSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often an account is checked while its circuit is open."""

    enabled: bool = True
    interval: float = 5.0
    """Seconds until the first check; the next ones take twice as long each, as long as they fail."""
    max_interval: float = 60.0

    def __post_init__(self) -> None:
        numbers(self)
        if not 0 < self.interval <= self.max_interval < math.inf:
            raise ValueError("`interval` and `max_interval` are seconds, 0 < interval <= max_interval")


class Pace:
    """The rhythm of one account's checks."""

    def __init__(self, spec: HealthSpec) -> None:
        self._spec = spec
        self._failed = 0

    def rest(self) -> None:
        """No circuit is open any more: the next one begins anew."""
        self._failed = 0

    def ended(self, *, passed: bool) -> None:
        """One more check."""
        self._failed = 0 if passed else self._failed + 1

    def due(self, now: int, rand: float) -> int:
        """When to check next; `rand` in [0, 1) spreads accounts that went down together over a tenth."""
        spec = self._spec
        seconds = min(spec.max_interval, spec.interval * 2.0 ** min(self._failed, 30))
        return now + ns(seconds * (1 + 0.1 * rand))


def passes(answer: object) -> bool:
    """Whether this answer to the check shows that the provider is there."""
    return not isinstance(answer, Fault) or answer.kind in _ANSWERED
