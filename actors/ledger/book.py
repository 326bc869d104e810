"""The ledger's sums. Pure: an entry in, the rows it changed out."""

import math
from collections.abc import Iterable
from typing import assert_never

import msgspec

from callboard.actors.ledger.rows import ROW_TYPES, Row, call_key, spend_key
from callboard.messages.accounting import (
    AttemptOpened,
    AttemptSettled,
    BudgetMark,
    CallEnded,
    CallRow,
    CircuitHistory,
    CircuitRecord,
    LatencyRow,
    LedgerEntry,
    Spending,
    SpendRow,
    Spent,
    Taken,
    UsageReport,
    UsageRow,
)
from callboard.runtime.calendar import Calendar

LATEST = 100
"""Cancelled attempts that are remembered, for as long as it takes the calls to hear of them."""
BUCKETS = 84
"""Up to 2**20.75 ms: half an hour."""

_NOTHING = Spent()


class Book:
    """All rows, and the attempts that are open. Rows are immutable; a change replaces them. `calendar` has the days."""

    def __init__(self, calendar: Calendar | None = None) -> None:
        self._calendar = calendar or Calendar()
        self.rows: dict[str, dict[str, Row]] = {database: {} for database in ROW_TYPES}
        self.open: dict[str, AttemptOpened] = {}
        self._cut: dict[str, AttemptSettled] = {}
        """The latest attempts that were cancelled, for the calls that cancelled them."""

    def apply(self, entry: LedgerEntry) -> list[tuple[str, str]]:
        """Add one entry. The (database, key) of each row that changed."""
        match entry:
            case AttemptOpened():
                self.open[entry.id] = entry
                return []
            case AttemptSettled():
                return self._settled(entry, self.open.pop(entry.id, None))
            case CallEnded():
                return [self._call(entry)]
            case CircuitRecord():
                return [self._circuit(entry)]
            case BudgetMark():
                return [self._mark(entry)]
            case _:
                assert_never(entry)

    def report(self, skipped: int) -> UsageReport:
        """The rows now; may be called from any thread."""
        spend = self._spend_rows()
        return UsageReport(
            models=_by_model(spend),
            calls=_with_money((row for row in list(self.rows["calls"].values()) if isinstance(row, CallRow)), spend),
            latency=tuple(row for row in list(self.rows["latency"].values()) if isinstance(row, LatencyRow)),
            spend=spend,
            skipped_records=skipped,
        )

    def counted(self, provider: str) -> list[UsageRow]:
        """One provider's attempts by the day on which they began; those that are open at their estimate."""
        ended = _by_model(tuple(row for row in self._spend_rows() if row.provider == provider))
        underway = [
            UsageRow(
                day=self._calendar.day(_began(entry)).name,
                provider=provider,
                model=entry.model,
                attempts=1,
                usage=entry.estimate,
            )
            for entry in self.open.values()
            if entry.provider == provider
        ]
        return [*ended, *underway]

    def spending(self) -> Spending:
        """What budgets start from."""
        return Spending(
            rows=self._spend_rows(),
            open=tuple(self.open.values()),
            marks=tuple(row for row in self.rows["budgets"].values() if isinstance(row, BudgetMark)),
        )

    def circuits(self, provider: str) -> list[CircuitHistory]:
        """The last known states of one provider's circuits."""
        prefix = f"{provider}|"
        return [
            row
            for key, row in self.rows["circuits"].items()
            if key.startswith(prefix) and isinstance(row, CircuitHistory)
        ]

    def taken(self, attempt: str) -> Taken | None:
        """What an attempt that was cancelled is settled as, or will be; None when nothing was sent."""
        opened, settled = self.open.get(attempt), self._cut.get(attempt)
        if opened is not None:
            return Taken(opened.estimate, opened.estimated_cost)
        return None if settled is None or not settled.usage.total else Taken(settled.usage, settled.cost)

    def latency(self, provider: str, model: str) -> LatencyRow | None:
        """One model's row."""
        row = self.rows["latency"].get(f"{provider}|{model}")
        return row if isinstance(row, LatencyRow) else None

    def _spend_rows(self) -> tuple[SpendRow, ...]:
        return tuple(row for row in list(self.rows["spend"].values()) if isinstance(row, SpendRow))

    def _settled(self, entry: AttemptSettled, opened: AttemptOpened | None) -> list[tuple[str, str]]:
        changed = [self._spend(entry, _counts_at(entry, opened))]
        if entry.outcome in ("ok", "cancelled"):
            changed.append(self._latency(entry))
        if entry.outcome == "cancelled":
            self._cut[entry.id] = entry
            if len(self._cut) > LATEST:
                del self._cut[next(iter(self._cut))]
        return changed

    def _spend(self, entry: AttemptSettled, at: int) -> tuple[str, str]:
        day, tag, user = self._calendar.day(at), entry.tag or "", entry.user or ""
        key = spend_key(day.name, entry.provider, entry.model, tag, user)
        row = self.rows["spend"].get(key)
        if not isinstance(row, SpendRow):
            row = SpendRow(
                day=day.name,
                starts=day.starts,
                ends=day.ends,
                provider=entry.provider,
                model=entry.model,
                tag=tag,
                user=user,
            )
        self.rows["spend"][key] = msgspec.structs.replace(
            row,
            starts=min(row.starts, day.starts),
            ends=max(row.ends, day.ends),
            attempts=row.attempts + 1,
            faults=row.faults + (entry.outcome == "fault"),
            usage=row.usage + entry.usage,
            cost=row.cost + (entry.cost or 0),
            unpriced=row.unpriced + (entry.cost is None),
            estimated=row.estimated + entry.estimated,
            unsent=row.unsent + (not entry.sent),
        )
        return "spend", key

    def _mark(self, entry: BudgetMark) -> tuple[str, str]:
        key = f"{entry.starts}|{entry.counts}"
        self.rows["budgets"][key] = entry
        return "budgets", key

    def _latency(self, entry: AttemptSettled) -> tuple[str, str]:
        key = f"{entry.provider}|{entry.model}"
        row = self.latency(entry.provider, entry.model)
        if row is None:
            row = LatencyRow(provider=entry.provider, model=entry.model, buckets=(0,) * BUCKETS)
        if entry.outcome == "ok":
            row = msgspec.structs.replace(row, buckets=_one_more(row.buckets, entry.duration))
        else:
            row = msgspec.structs.replace(row, cut=_one_more(row.cut or (0,) * BUCKETS, entry.duration))
        self.rows["latency"][key] = row
        return "latency", key

    def _call(self, entry: CallEnded) -> tuple[str, str]:
        day, tag, user = self._calendar.day(entry.at).name, entry.tag or "", entry.user or ""
        key = call_key(day, tag, user)
        row = self.rows["calls"].get(key)
        if not isinstance(row, CallRow):
            row = CallRow(day=day, tag=tag, user=user)
        self.rows["calls"][key] = msgspec.structs.replace(
            row,
            calls=row.calls + 1,
            ok=row.ok + (entry.outcome == "ok"),
            interrupted=row.interrupted + (entry.outcome == "interrupted"),
            cancelled=row.cancelled + (entry.outcome == "cancelled"),
            faults=row.faults + (entry.outcome == "fault"),
            cached=row.cached + entry.cached,
            shared=row.shared + entry.shared,
        )
        return "calls", key

    def _circuit(self, entry: CircuitRecord) -> tuple[str, str]:
        key = f"{entry.provider}|{entry.key}"
        self.rows["circuits"][key] = CircuitHistory(
            key=entry.key,
            state=entry.after,
            retry_at=entry.retry_at,
            openings=entry.openings,
            floor=entry.floor,
            at=entry.at,
            server=entry.server,
        )
        return "circuits", key


def _one_more(buckets: tuple[int, ...], duration: int) -> tuple[int, ...]:
    counts = list(buckets)
    counts[bucket(duration)] += 1
    return tuple(counts)


def bucket(duration: int) -> int:
    """The histogram bucket of a duration in nanoseconds: the first whose bound, 2**(i/4) ms, is not below it."""
    milliseconds = duration / 1e6
    if milliseconds <= 1:
        return 0
    return min(BUCKETS - 1, math.ceil(4 * math.log2(milliseconds)))


def lost(entry: AttemptOpened, at: int) -> AttemptSettled:
    """What becomes of an attempt that was open when the process died: all that it might have used, as an estimate."""
    return AttemptSettled(
        id=entry.id,
        call=entry.call,
        provider=entry.provider,
        model=entry.model,
        at=at,
        outcome="lost",
        fault=None,
        usage=entry.estimate,
        cost=entry.estimated_cost,
        estimated=True,
        duration=0,
        tag=entry.tag,
        user=entry.user,
    )


def _counts_at(entry: AttemptSettled, opened: AttemptOpened | None) -> int:
    """An attempt counts where it began, as budgets count it."""
    return entry.at if opened is None else _began(opened)


def _began(opened: AttemptOpened) -> int:
    return opened.at if opened.counts_at is None else opened.counts_at


def _by_model(spend: tuple[SpendRow, ...]) -> tuple[UsageRow, ...]:
    sums: dict[tuple[str, str, str], Spent] = {}
    for row in spend:
        key = (row.day, row.provider, row.model)
        sums[key] = sums.get(key, _NOTHING) + row
    return tuple(
        UsageRow(day=day, provider=provider, model=model, **msgspec.structs.asdict(total))
        for (day, provider, model), total in sums.items()
    )


def _with_money(calls: Iterable[CallRow], spend: tuple[SpendRow, ...]) -> tuple[CallRow, ...]:
    """What calls cost is what their attempts cost, so that the sums by tag and user are those by model.

    A call's own entry cannot be added up: when it is cut it ends before its attempt does, whose cost is not known yet.
    """
    rows = {(row.day, row.tag, row.user, row.summed): row for row in calls}
    for one in spend:
        key = (one.day, one.tag, one.user, one.summed)
        row = rows.get(key) or CallRow(day=one.day, tag=one.tag, user=one.user, summed=one.summed)
        rows[key] = msgspec.structs.replace(row, cost=row.cost + one.cost, unpriced=row.unpriced + one.unpriced)
    return tuple(rows.values())
