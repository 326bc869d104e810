"""What a simulation found, as data and as a page."""

from collections.abc import Iterator

import msgspec

from callboard.messages.usage import Cost, Usage
from callboard.simulation.spec import DAY, Spec, Violation


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One simulation, from start to verdict."""

    spec: Spec
    violations: tuple[Violation, ...]
    trace: str
    """A hash over every event, request, record and outcome in their order: the same seed gives the same."""
    virtual_seconds: float
    cpu_seconds: float
    outcomes: dict[str, int]
    """Calls by how they ended."""
    cached: int
    shared: int
    attempts: int
    """Requests that arrived at the providers."""
    estimated: int
    """Attempts that were settled as an estimate."""
    usage: Usage
    cost: Cost
    """US dollars, as the ledger adds up."""
    billed: Cost
    """US dollars that the providers ask for what the ledger does not estimate."""
    estimates: Cost
    """US dollars that it estimates."""
    faults: dict[str, int]
    """How often each class was seen."""
    circuit_moves: dict[str, int]
    cycles: int
    """Circuits that opened and closed again by themselves."""
    audits: int
    """How often everything was compared."""
    most_calls: int
    """Calls in hand at the same time."""

    @property
    def passed(self) -> bool:
        """Whether every promise was kept."""
        return not self.violations

    @property
    def calls(self) -> int:
        """Calls that were made."""
        return sum(self.outcomes.values())

    @property
    def line(self) -> str:
        """The verdict in one line."""
        verdict = "every promise was kept" if self.passed else f"{len(self.violations)} VIOLATIONS"
        return (
            f"seed {self.spec.seed}: {self.calls:,} calls, {self.attempts:,} requests, {self.cycles} circuit cycles, "
            f"{self.cpu_seconds:.1f} s: {verdict}, trace {self.trace}"
        )

    def lines(self) -> Iterator[str]:
        """A page for a person."""
        days = self.virtual_seconds / DAY
        yield f"seed {self.spec.seed}: {self.calls:,} calls over {days:.1f} days, {self.attempts:,} requests"
        yield f"{self.cpu_seconds:.1f} s of CPU, {self.audits} audits, at most {self.most_calls} calls at once"
        yield f"{self.usage.total:,} tokens, {self.cost:.4f} US dollars, {self.estimated:,} attempts estimated"
        yield f"the providers bill {self.billed} of them, estimates are {self.estimates}"
        yield f"{self.cached:,} replies from the cache, {self.shared:,} shared"
        yield from _table("calls ended", self.outcomes)
        yield from _table("seen", self.faults)
        yield from _table(f"circuits, {self.cycles} whole cycles", self.circuit_moves)
        yield f"trace {self.trace}"
        for violation in self.violations:
            yield f"VIOLATED {violation}"
        yield "every promise was kept" if self.passed else f"replay it: {self.spec.command}"


def _table(title: str, counts: dict[str, int]) -> Iterator[str]:
    yield ""
    yield title
    yield from (f"  {count:>9,}  {name}" for name, count in sorted(counts.items()))
    yield ""
