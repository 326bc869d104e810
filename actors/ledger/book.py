"""The ledger's sums. Pure: an entry in, the rows it changed out."""

import math
from datetime import UTC, datetime
from typing import assert_never

import msgspec

from callboard.messages.accounting import (
    AttemptOpened,
    AttemptSettled,
    CallEnded,
    CallRow,
    CircuitHistory,
    CircuitRecord,
    LatencyRow,
    LedgerEntry,
    UsageReport,
    UsageRow,
)

BUCKETS = 84
"""Up to 2**20.75 ms: half an hour."""

Row = UsageRow | CallRow | LatencyRow | CircuitHistory
ROW_TYPES: dict[str, type[Row]] = {
    "models": UsageRow,
    "calls": CallRow,
    "latency": LatencyRow,
    "circuits": CircuitHistory,
}


class Book:
    """All rows, and the attempts that are open. Rows are immutable; a change replaces them."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Row]] = {database: {} for database in ROW_TYPES}
        self.open: dict[str, AttemptOpened] = {}

    def apply(self, entry: LedgerEntry) -> list[tuple[str, str]]:
        """Add one entry. The (database, key) of each row that changed."""
        match entry:
            case AttemptOpened():
                self.open[entry.id] = entry
                return []
            case AttemptSettled():
                self.open.pop(entry.id, None)
                return self._settled(entry)
            case CallEnded():
                return [self._call(entry)]
            case CircuitRecord():
                return [self._circuit(entry)]
            case _:
                assert_never(entry)

    def report(self, skipped: int) -> UsageReport:
        """The rows now; may be called from any thread."""
        return UsageReport(
            models=tuple(row for row in list(self.rows["models"].values()) if isinstance(row, UsageRow)),
            calls=tuple(row for row in list(self.rows["calls"].values()) if isinstance(row, CallRow)),
            latency=tuple(row for row in list(self.rows["latency"].values()) if isinstance(row, LatencyRow)),
            skipped_records=skipped,
        )

    def circuits(self, provider: str) -> list[CircuitHistory]:
        """The last known states of one provider's circuits."""
        prefix = f"{provider}|"
        return [
            row
            for key, row in self.rows["circuits"].items()
            if key.startswith(prefix) and isinstance(row, CircuitHistory)
        ]

    def _settled(self, entry: AttemptSettled) -> list[tuple[str, str]]:
        day = _day(entry.at)
        key = f"{day}|{entry.provider}|{entry.model}"
        row = self.rows["models"].get(key) or UsageRow(day=day, provider=entry.provider, model=entry.model)
        assert isinstance(row, UsageRow)
        self.rows["models"][key] = msgspec.structs.replace(
            row,
            attempts=row.attempts + 1,
            faults=row.faults + (entry.outcome == "fault"),
            usage=row.usage + entry.usage,
            cost=row.cost + (entry.cost or 0),
            unpriced=row.unpriced + (entry.cost is None),
            estimated=row.estimated + entry.estimated,
        )
        changed = [("models", key)]
        if entry.outcome == "ok":
            changed.append(self._latency(entry))
        return changed

    def _latency(self, entry: AttemptSettled) -> tuple[str, str]:
        key = f"{entry.provider}|{entry.model}"
        row = self.rows["latency"].get(key)
        if not isinstance(row, LatencyRow):
            row = LatencyRow(provider=entry.provider, model=entry.model, buckets=(0,) * BUCKETS)
        index = bucket(entry.duration)
        buckets = (*row.buckets[:index], row.buckets[index] + 1, *row.buckets[index + 1 :])
        self.rows["latency"][key] = msgspec.structs.replace(row, buckets=buckets)
        return "latency", key

    def _call(self, entry: CallEnded) -> tuple[str, str]:
        day, tag, user = _day(entry.at), entry.tag or "", entry.user or ""
        key = f"{day}|{len(tag)}|{tag}|{user}"  # the length: whoever names tags and users may use our bar
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
            cost=row.cost + (entry.cost or 0),
        )
        return "calls", key

    def _circuit(self, entry: CircuitRecord) -> tuple[str, str]:
        key = f"{entry.provider}|{entry.key}"
        self.rows["circuits"][key] = CircuitHistory(
            key=entry.key, state=entry.after, retry_at=entry.retry_at, openings=entry.openings
        )
        return "circuits", key


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
    )


def _day(at: int) -> str:
    return datetime.fromtimestamp(at // 1_000_000_000, UTC).date().isoformat()
