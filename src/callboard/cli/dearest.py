"""`callboard usage --top`: the most expensive calls that the journal still has."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from callboard.actors.ledger.journal import page
from callboard.actors.store.actor import LEDGER_DATABASES
from callboard.actors.store.reading import Records
from callboard.cli.columns import columns
from callboard.messages.accounting import CallEnded
from callboard.runtime.storage.reading import ReadOnlyEnvironment

NOTHING = "no call with a known cost was recorded yet"
HEADS = ("at", "call", "model", "tag", "user", "outcome", "attempts", "tokens in", "tokens out", "cost")


def dearest(store: Path, count: int) -> list[CallEnded]:
    """So many calls with a known cost, the most expensive first. Raises StorageError."""
    with ReadOnlyEnvironment.open_readonly(store / "ledger", LEDGER_DATABASES) as environment:
        calls = (call for call in _calls(Records(environment)) if call.cost)
        return heapq.nlargest(count, calls, key=lambda call: call.cost or 0)


def as_text(calls: Iterable[CallEnded], width: int | None = None) -> str:
    """A table, in `width` as `columns` has it."""
    rows = [_cells(call) for call in calls]
    return "\n".join(columns(HEADS, rows, words=6, width=width)) if rows else NOTHING


def as_json(calls: Iterable[CallEnded]) -> bytes:
    """All that the journal has of them, with durations in seconds, as everywhere in JSON."""
    return msgspec.json.encode([{**msgspec.to_builtins(call), "duration": call.duration / 1e9} for call in calls])


def _calls(records: Records) -> Iterator[CallEnded]:
    after = b""
    while found := page(records, after):
        yield from (entry for _, entry in found if isinstance(entry, CallEnded))
        after = found[-1][0]


def _cells(call: CallEnded) -> tuple[str, ...]:
    at = datetime.fromtimestamp(call.at // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    model = f"{call.provider}/{call.model}"
    tokens = (f"{call.usage.input_total:,}", f"{call.usage.output_total:,}")
    words = (at, call.id, model, call.tag or "-", call.user or "-", call.outcome)
    return (*words, str(call.attempts), *tokens, f"${call.cost or 0:,.6f}")
