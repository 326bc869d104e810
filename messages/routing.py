"""Which models a name stands for, and which of them take calls now."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from callboard.messages.base import Tell
from callboard.messages.calls import Candidate
from callboard.messages.faults import FaultKind

Chains: TypeAlias = Mapping[FaultKind, tuple[Candidate, ...]]
"""Who comes first after a fault of this kind."""


class CircuitReport(Tell, frozen=True, kw_only=True):
    """A provider's circuits that refuse calls: endpoint-wide, or by model."""

    provider: str
    endpoint: int | None
    """Monotonic nanoseconds of the next trial; None: it takes calls."""
    models: dict[str, int]


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """A candidate that is not tried, and why."""

    candidate: Candidate
    retry_at: int
    """Monotonic nanoseconds."""


class Plan(msgspec.Struct, frozen=True, gc=False):
    """The candidates of one call in order, without repeats."""

    candidates: tuple[Candidate, ...]
    skipped: tuple[Skipped, ...]
    chains: Chains | None = None


class UnknownModel(Exception):
    """No alias and no provider has this name: the caller's mistake. The sentence names what there is."""


class RoutingTable(msgspec.Struct, frozen=True):
    """The selector's published snapshot."""

    aliases: dict[str, tuple[Candidate, ...]]
    providers: tuple[str, ...]
    closed_doors: dict[str, CircuitReport]
    """The latest report of each provider that has an open circuit."""
    chains: dict[str, Chains] = {}
    """Of the aliases that have some."""

    def candidates(self, name: str) -> tuple[Candidate, ...]:
        """What `name` stands for. Raises UnknownModel."""
        if name in self.aliases:
            return self.aliases[name]
        provider, slash, model = name.partition("/")
        if not (slash and model):
            raise UnknownModel(f"{name!r} is no alias; know {_list(self.aliases)}. Else write provider/model")
        if provider not in self.providers:
            raise UnknownModel(f"no provider is named {provider!r} (in {name!r}); know {_list(self.providers)}")
        return (Candidate(provider, model),)

    def plan(self, name: str, now: int) -> Plan:
        """The candidates of `name` that take calls now. Raises UnknownModel."""
        if not self.closed_doors:
            return Plan(self.candidates(name), (), self.chains.get(name))
        takes: list[Candidate] = []
        skipped: list[Skipped] = []
        for candidate in self.candidates(name):
            retry_at = self.retry_at(candidate)
            if retry_at > now:
                skipped.append(Skipped(candidate, retry_at))
            else:
                takes.append(candidate)
        return Plan(tuple(takes), tuple(skipped), self.chains.get(name))

    def retry_at(self, candidate: Candidate) -> int:
        """Monotonic nanoseconds before which it refuses calls; 0 when it takes them."""
        report = self.closed_doors.get(candidate.provider)
        if report is None:
            return 0
        return max(report.endpoint or 0, report.models.get(candidate.model, 0))

    def facts(self) -> dict[str, object]:
        """For the status."""
        return {name: [str(candidate) for candidate in order] for name, order in self.aliases.items()}


def _list(names: Iterable[str]) -> str:
    words = ", ".join(sorted(names))
    return words or "none"
