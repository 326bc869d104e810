"""Sees everything: events, requests, outcomes, the journal. Keeps the trace, the counts, and what must not be."""

import hashlib
import math

import msgspec
import trio

from callboard.board import Board
from callboard.messages.accounting import LedgerEntry
from callboard.messages.events import ActorRestarted, CircuitMoved, Event, SupervisorGaveUp
from callboard.simulation.books import Books
from callboard.simulation.callers import Ended
from callboard.simulation.cast import CALL, CAST
from callboard.simulation.circuits import Circuits
from callboard.simulation.growth import Growth
from callboard.simulation.providers import Watched
from callboard.simulation.rest import budgets, held
from callboard.simulation.rule import Rule
from callboard.simulation.spec import Spec, Violation
from callboard.simulation.tally import CYCLES, LEAST, Tally
from callboard.simulation.windows import Windows
from callboard.testing.asked import Asked
from callboard.testing.examine import HttpRequest
from callboard.testing.plan import Plan
from callboard.testing.refusal import Reason
from callboard.testing.served import Served

MOST = 20
"""Violations that are kept."""
PATIENCE = 1.0
"""Seconds that a call may end after its deadline."""
ENFORCED = {"alpha", "beta"}
"""Providers that enforce just the limits that the runtime was told: they never have to."""


class Witness:
    """One for a whole simulation."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._trace = hashlib.blake2b(digest_size=16)
        self._encoder = msgspec.msgpack.Encoder()
        prices = {f"{name}/{model}": price for name, part in CAST.items() for model, price in part.prices.items()}
        limits = {name: part.limits for name, part in CAST.items()}
        self.books = Books(prices, lambda what: self.find("books", what))
        self.windows = Windows(limits, lambda what: self.find("windows", what))
        self.circuits = Circuits(lambda what: self.find("circuits", what))
        self.rule = Rule(lambda what: self.find("circuits", what))
        self.growth = Growth()
        self.tally = Tally()
        self.violations: list[Violation] = []
        self.tasks: int | None = None
        """Trio's tasks when the runtime of this life was first at rest."""
        self.audits = 0
        self._down: list[tuple[float, float]] = []

    @property
    def trace(self) -> str:
        """The hash so far."""
        return self._trace.hexdigest()

    def find(self, rule: str, what: str) -> None:
        """Something must not be."""
        if len(self.violations) < MOST:
            self.violations.append(Violation(trio.current_time(), rule, what))

    def note(self, *what: object) -> None:
        """Add to the trace."""
        self._trace.update(self._encoder.encode((trio.current_time(), *what)))

    def event(self, event: Event) -> None:
        """The runtime tells something."""
        self.note(event)
        if isinstance(event, CircuitMoved):
            self.circuits.moved(event)
        elif isinstance(event, ActorRestarted):
            self.rule.started(event.path.removeprefix("providers/"), event.at)
            if event.path == "orchestrator":
                self.books.crashed()
        elif isinstance(event, SupervisorGaveUp):
            self.find("supervision", f"{event.path} gave up ({event.cause})")

    def arrived(self, provider: Watched, request: HttpRequest, asked: Asked, plan: Plan) -> None:
        """A request came to a provider."""
        attempt = request.headers.get("x-client-request-id")
        self.note("arrived", provider.name, attempt)
        if asked.kind != "chat" or attempt is None:
            return
        self.circuits.arrived(provider.name, asked.model or "", attempt)
        self.windows.arrived(provider.name, trio.current_time(), provider.in_flight)
        refused = plan.refusal is not None and plan.refusal.reason is Reason.RATE_LIMIT and plan.fault is None
        if refused and provider.name in ENFORCED:
            self.find("windows", f"{provider.name} had to refuse attempt {attempt}: {plan.refusal}")
        if plan.said is not None:
            self.books.said(attempt, plan.said.text)

    def served(self, provider: Watched, one: Served) -> None:
        """A provider has done with a request."""
        self.note("served", provider.name, one)
        self.tally.served(one)
        if one.attempt is not None:
            self.circuits.ended(one.attempt)
        self.books.served(provider.name, one)
        self.windows.used(provider.name, one.started / 1e9, one.usage.total)

    def called(self, ended: Ended) -> None:
        """A caller has his outcome."""
        self.note("called", ended.planned.number, ended.outcome, ended.id, ended.fault, ended.cost)
        self.tally.called(ended)
        self.books.called(ended)
        took, allowed = ended.ended - ended.began, ended.planned.timeout or CALL.timeout
        if took > allowed + PATIENCE and not ended.planned.pause:
            self.find("outcomes", f"call {ended.planned.number} took {took:.1f} s of {allowed:.1f}")

        if ended.outcome == "stopped" and not any(
            ended.began <= until and ended.ended >= since for since, until in self._down
        ):
            self.find("outcomes", f"call {ended.planned.number} was told that the runtime has stopped, but it runs")

    def down(self) -> None:
        """From now on there is no runtime."""
        self._down.append((trio.current_time(), math.inf))

    def up(self, *, killed: bool) -> None:
        """There is one again; the last one was `killed`, or ended in order."""
        if not self._down:
            return
        since, now = self._down.pop()[0], trio.current_time()
        self._down.append((since, now))
        if killed:
            self.books.killed(since, now)
        self.windows.new_process()

    def wrote(self, entries: list[LedgerEntry]) -> None:
        """More of the journal."""
        for entry in entries:
            self.note(entry)
        self.rule.follow(entries)
        self.books.wrote(entries)

    def audit(self, board: Board) -> None:
        """Everything has ended and is on disk: compare it all."""
        self.audits += 1
        for what in held(board.status()):
            self.find("rest", what)
        self._count_tasks()
        report = board.usage()
        for what in self.growth.measure(self.tally.calls, len(report.models) + len(report.calls)):
            self.find("growth", what)
        for what in budgets(report.budgets):
            self.find("budgets", what)
        self.books.compare()
        self.books.compare_sums(report)
        self.windows.measure()
        self._down.clear()

    def close(self) -> None:
        """The end: every circuit is closed, and the long run has seen everything often enough."""
        for (provider, circuit), state in self.circuits.shut().items():
            self.find("circuits", f"all is well, but {provider}'s circuit {circuit} is {state}")
        if self._spec.long:
            for name, count in self.tally.scarce().items():
                self.find("coverage", f"{name}: seen {count} times, {LEAST} are wanted")
            if self.circuits.cycles < CYCLES:
                self.find("coverage", f"{self.circuits.cycles} circuits opened and closed again, {CYCLES} are wanted")

    def _count_tasks(self) -> None:
        tasks = trio.lowlevel.current_statistics().tasks_living
        if self.tasks is None:
            self.tasks = tasks
        elif abs(tasks - self.tasks) > len(CAST):  # a provider that is ill is looked after by one
            self.find("rest", f"{tasks} tasks live, {self.tasks} did in the beginning")
