"""The ledger's journal held against the providers' own books and against what callers were told.

Fed as things happen, compared whenever everything is at rest, and emptied by that: it does not grow with the run.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from callboard.actors.prices.book import Price
from callboard.messages.accounting import AttemptOpened, AttemptSettled, CallEnded, LedgerEntry, UsageReport
from callboard.messages.usage import Cost, Usage
from callboard.simulation.callers import Ended
from callboard.testing.served import Outcome, Served

Named = TypeVar("Named", AttemptOpened, AttemptSettled, CallEnded)

GRACE = 0.05
"""Seconds until the ledger promises to have written down what it was told."""

_RECORDED: Mapping[str, frozenset[str]] = {
    "ok": frozenset({"ok"}),
    "fault": frozenset({"fault", "interrupted"}),
    "left": frozenset({"ok", "cancelled", "interrupted", "fault"}),
    "cancelled": frozenset({"ok", "cancelled", "fault", "interrupted"}),
    "stopped": frozenset({"cancelled", "fault", "interrupted", "ok"}),
}
"""What a caller was told, and what the ledger may have written of it."""


class Sums(msgspec.Struct):
    """All that was ever settled."""

    attempts: int = 0
    faults: int = 0
    estimated: int = 0
    usage: Usage = Usage()
    cost: Cost = Cost(0)
    calls: Counter[str] = msgspec.field(default_factory=Counter)
    billed: Cost = Cost(0)
    """US dollars that the providers ask for all that the ledger does not estimate."""
    estimates: Cost = Cost(0)
    """US dollars of what it does."""


class Books:
    """`find` is told each thing that does not add up. `prices` by `provider/model`."""

    def __init__(self, prices: Mapping[str, Price], find: Callable[[str], None]) -> None:
        self._prices = prices
        self._find = find
        self._opened: dict[str, AttemptOpened] = {}
        self._settled: dict[str, AttemptSettled] = {}
        self._served: dict[str, tuple[str, Served]] = {}
        self._said: dict[str, str] = {}
        self._calls: list[Ended] = []
        self._recorded: dict[str, CallEnded] = {}
        self._kept: dict[str, set[str]] = {}
        """The answers ever given to each frequent question."""
        self._cut = False
        """Whether the orchestrator has crashed."""
        self._kills: list[tuple[float, float]] = []
        """From when to when no record may have been kept."""
        self.sums = Sums()

    def said(self, attempt: str | None, text: str) -> None:
        """A provider's answer to this attempt."""
        if attempt is not None:
            self._said[attempt] = text

    def served(self, provider: str, one: Served) -> None:
        """A request that a provider has done with."""
        if one.attempt is None or one.method == "GET":
            return  # what a provider offers, and whether it is well, is nobody's attempt
        if one.attempt in self._served:
            self._find(f"attempt {one.attempt} arrived twice, at {provider}")
        self._served[one.attempt] = (provider, one)

    def called(self, ended: Ended) -> None:
        """A call that its caller has seen the end of."""
        self._calls.append(ended)

    def crashed(self) -> None:
        """The orchestrator has: calls in hand may have begun again under other ids, and are recorded as cancelled."""
        self._cut = True

    def killed(self, at: float, back: float) -> None:
        """The process died without a word, and the next one came back: what was told in between, and less than GRACE
        before, may be lost. Both in seconds.
        """
        self._kills.append((at - GRACE, back))

    def wrote(self, entries: Iterable[LedgerEntry]) -> None:
        """The next entries of the journal."""
        for entry in entries:
            match entry:
                case AttemptOpened():
                    self._once(self._opened, entry)
                case AttemptSettled():
                    self._once(self._settled, entry)
                    self._add(entry)
                case CallEnded():
                    self._once(self._recorded, entry)
                    self.sums.calls[entry.outcome] += 1
                case _:
                    pass

    def compare(self) -> None:
        """Everything has ended and is written down: hold all against all, and begin anew."""
        for call in self._calls:
            self._compare_call(call)
        self._strangers()
        for name in {**self._opened, **self._settled, **self._served}:
            for sentence in self._differences(name):
                self._find(f"attempt {name} {sentence}")
        for held in (self._opened, self._settled, self._served, self._said, self._calls, self._recorded):
            held.clear()
        self._kills.clear()
        self._cut = False

    def compare_sums(self, report: UsageReport) -> None:
        """The ledger's running sums against our own, and against what the providers ask for."""
        sums = self.sums
        if sums.billed + sums.estimates != report.cost:
            what = f"{sums.billed} dollars, the ledger says {report.cost} with {sums.estimates} in estimates"
            self._find(f"the providers ask for {what}")
        ours = (sums.attempts, sums.faults, sums.estimated, sums.usage, sums.cost, 0)
        rows = report.models
        theirs = (
            sum(row.attempts for row in rows),
            sum(row.faults for row in rows),
            sum(row.estimated for row in rows),
            report.usage,
            report.cost,
            report.skipped_records,
        )
        if ours != theirs:
            self._find(f"the sums of attempts are {theirs}, its entries come to {ours}")
        calls = Counter(
            ok=sum(row.ok for row in report.calls),
            fault=sum(row.faults for row in report.calls),
            interrupted=sum(row.interrupted for row in report.calls),
            cancelled=sum(row.cancelled for row in report.calls),
        )
        if +calls != +sums.calls:
            self._find(f"the sums of calls are {calls}, its entries come to {sums.calls}")
        if (told := sum((row.cost for row in report.calls), Cost(0))) != report.cost:
            self._find(f"by tag and user calls cost {told}, by model {report.cost}")

    def _once(self, known: dict[str, Named], entry: Named) -> None:
        if entry.id in known:
            self._find(f"{type(entry).__name__} {entry.id} is in the ledger twice")
        known[entry.id] = entry

    def _add(self, entry: AttemptSettled) -> None:
        sums = self.sums
        sums.attempts += 1
        sums.faults += entry.outcome == "fault"
        sums.estimated += entry.estimated
        sums.usage += entry.usage
        sums.cost += entry.cost or 0
        if entry.estimated:
            sums.estimates += entry.cost or 0

    def _compare_call(self, call: Ended) -> None:
        name = f"call {call.planned.number} ({call.id})"
        entry = self._recorded.get(call.id or "")
        cut = self._cut and entry is not None and entry.outcome == "cancelled"
        if entry is not None and entry.outcome not in _RECORDED[call.outcome] and not cut:
            self._find(f"{name}: its caller was told {call.outcome}, the ledger says {entry.outcome}")
        if entry is None and call.outcome in ("ok", "fault") and not self._may_be_lost(call.began, call.ended):
            self._find(f"{name}: {call.outcome}, but the ledger has no record of it")
        if call.outcome == "ok" and entry is not None and entry.cost != call.cost:
            self._find(f"{name}: its caller was told {call.cost} dollars, the ledger says {entry.cost}")
        for sentence in self._text(call):
            self._find(f"{name}: {sentence}")

    def _text(self, call: Ended) -> Iterator[str]:
        """What was said is what the caller has: whole, and nothing twice."""
        answered = [one.id for one in call.attempts if one.outcome == "ok"]
        said = self._said.get(answered[-1] or "") if answered else None
        frequent = call.planned.options.get("temperature") == 0
        known = self._kept.setdefault(call.planned.prompt, set()) if frequent else set()
        if call.outcome == "ok" and call.cached and call.text not in known:
            yield "the cache gave an answer that nobody had given to this question"
        if call.outcome == "ok" and not call.cached:
            if said is not None and said != call.text and "tools" not in call.planned.options:
                yield f"the provider said {said!r}, the caller has {call.text!r}"
            known.add(call.text or "")
        if call.outcome == "ok" and call.pieces is not None and call.pieces != call.text:
            yield f"its pieces are {call.pieces!r}, its text is {call.text!r}"

    def _strangers(self) -> None:
        """Whoever is in the ledger without an id that a caller knows was cancelled, left, or stopped.

        A call that a crash of the orchestrator made begin again is there as cancelled as well.
        """
        known = {call.id for call in self._calls}
        nameless = sum(call.id is None for call in self._calls)
        cut = self._cut
        strangers = [
            name
            for name, entry in self._recorded.items()
            if name not in known and not (cut and entry.outcome == "cancelled")
        ]
        if len(strangers) > nameless:
            self._find(f"{len(strangers)} calls are in the ledger whose callers are {nameless}, such as {strangers[0]}")

    def _may_be_lost(self, began: float, ended: float) -> bool:
        return any(since <= ended and began <= until for since, until in self._kills)

    def _differences(self, name: str) -> Iterator[str]:
        opened, settled, served = self._opened.get(name), self._settled.get(name), self._served.get(name)
        if settled is None:
            at = served[1].started / 1e9 if served else 0.0
            if opened is not None or not self._may_be_lost(at, at):
                yield f"was {'opened' if opened else 'never opened'}, arrived {served is not None}, was never settled"
            return
        if opened is None:
            yield "was settled without being opened"
        if served is None:
            if settled.usage.total and not settled.estimated:
                yield f"used {settled.usage.total} tokens, but no provider saw it"
        else:
            yield from self._charge(settled, *served)

    def _charge(self, settled: AttemptSettled, provider: str, served: Served) -> Iterator[str]:
        where = f"at {provider}/{served.model}"
        if (settled.provider, settled.model) != (provider, served.model or settled.model):
            yield f"{where} is of {settled.provider}/{settled.model} in the ledger"
        if served.outcome is Outcome.OPEN:
            yield f"{where} has not ended"
        if settled.outcome == "ok" and served.outcome is not Outcome.COMPLETE:
            yield f"{where} is ok in the ledger, {served.outcome.value} in the provider's books"
        price = self._prices[f"{settled.provider}/{settled.model}"]
        if settled.cost != price.cost(settled.usage):
            yield f"{where} costs {settled.cost}, but its tokens {price.cost(settled.usage)} dollars"
        if not settled.estimated:
            self.sums.billed += price.cost(served.usage)
        if not settled.estimated and settled.usage != served.usage:
            yield f"{where} used {settled.usage} by the ledger, {served.usage} by the provider's books"
        if settled.estimated and not served.stream and settled.usage.total < served.usage.total:
            yield f"{where} is estimated at {settled.usage.total} tokens, less than the {served.usage.total} billed"
