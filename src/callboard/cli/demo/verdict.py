"""Whether the demo passed: what must hold whatever the machine's speed. Pure."""

from collections.abc import Callable

import msgspec

from callboard.cli.demo import reconcile
from callboard.cli.demo.reconcile import Accounts
from callboard.cli.demo.stage import FAILS
from callboard.cli.demo.timeline import Timeline

TOLD = 3
"""Problems told of one check; the rest are counted."""

CHECKS: tuple[tuple[str, Callable[[Accounts], list[str]]], ...] = (
    ("every call has exactly one outcome", reconcile.outcomes),
    ("every plain call succeeded, every stream is complete or interrupted by name", reconcile.success),
    ("the ledger has every call, with the outcome that its caller got", reconcile.calls),
    ("the ledger has every attempt, opened once and settled once", reconcile.attempts),
    ("the servers' own logs agree with the ledger, request by request", reconcile.requests),
    ("attempts, calls and sums come to the same amount of money", reconcile.money),
)


class Check(msgspec.Struct, frozen=True):
    """One thing that must hold, and what speaks against it."""

    name: str
    problems: list[str]

    @property
    def passed(self) -> bool:
        """Nothing does."""
        return not self.problems

    def lines(self) -> list[str]:
        """The check, for a person."""
        more = len(self.problems) - TOLD
        told = [*self.problems[:TOLD], *([f"and {more} more"] if more > 0 else [])]
        return [f"{'ok  ' if self.passed else 'FAIL'}  {self.name}", *(f"      {problem}" for problem in told)]


def verdict(accounts: Accounts, timeline: Timeline) -> list[Check]:
    """All checks."""
    return [*(Check(name, check(accounts)) for name, check in CHECKS), _circuit(timeline)]


def _circuit(timeline: Timeline) -> Check:
    problems = []
    if not timeline.opened(FAILS):
        problems.append("it never opened")
    elif not timeline.closed(FAILS):
        problems.append("it did not close again")
    return Check(f"{FAILS}'s circuit opened and closed again", problems)
