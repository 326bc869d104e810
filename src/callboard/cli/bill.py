"""The ledger's sums as text and as CSV. Pure."""

import csv
import io

from callboard.cli.columns import columns
from callboard.messages.accounting import CallRow, UsageReport, UsageRow
from callboard.messages.budgeting import BudgetRow
from callboard.messages.usage import NONE_APART, Apart, Cost

APART = Apart.__struct_fields__
"""At the end of a line: they came later, and the other columns stay where they were."""
ADDED_UP = "(added up)"
"""In place of a tag or a user where these were too many to be kept apart."""
CSV_HEADS = (
    *("day", "provider", "model", "attempts", "faults"),
    *("input", "cached_read", "cache_write", "output", "reasoning"),
    *("cost_usd", "unpriced_attempts", "estimated_attempts"),
    *APART,
)
MODEL_HEADS = ("day", "provider", "model", "attempts", "faults", "tokens in", "tokens out", "cost")
CALL_HEADS = ("day", "tag", "user", "calls", "ok", "interrupted", "cancelled", "faults", "cached", "shared", "cost")
BUDGET_HEADS = ("budget", "of", "window", "requests", "tokens", "spent", "reserved", "limit", "remaining")


def as_csv(report: UsageReport) -> str:
    """One line a day, provider and model, below the heads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADS)
    for row in _models(report):
        used = row.usage
        tokens = (used.input, used.cached_read, used.cache_write, used.output, used.reasoning)
        apart = (getattr(used.apart or NONE_APART, name) for name in APART)
        cost = (format(row.cost, "f"), row.unpriced, row.estimated)
        writer.writerow((row.day, row.provider, row.model, row.attempts, row.faults, *tokens, *cost, *apart))
    return text.getvalue()


def as_text(report: UsageReport, unsettled: int = 0, width: int | None = None) -> str:
    """Two tables, the total, and what is to be known of the figures; tables in `width` as `columns` has it."""
    if not report.models and not report.calls:
        return "nothing was recorded yet"
    models = columns(MODEL_HEADS, [_model(row) for row in _models(report)], words=3, width=width)
    calls = columns(CALL_HEADS, [_call(row) for row in sorted(report.calls, key=_call_key)], words=3, width=width)
    total = report.usage
    sums = f"total: {total.input_total:,} tokens in, {total.output_total:,} out, {money(report.cost)}"
    budgets = columns(BUDGET_HEADS, [_budget(row) for row in report.budgets], words=3, width=width)
    more = ["", *budgets] if report.budgets else []
    return "\n".join([*models, "", *calls, *more, "", sums, *_notes(report, unsettled)])


def money(cost: Cost) -> str:
    """US dollars, to a millionth."""
    return f"${cost:,.6f}"


def _notes(report: UsageReport, unsettled: int) -> list[str]:
    unpriced = sum(row.unpriced for row in report.models)
    estimated = sum(row.estimated for row in report.models)
    summed = sum(row.attempts for row in report.spend if row.summed)
    told = {
        "attempts without a known price, not in the cost": unpriced,
        "attempts whose tokens are estimates (cut, or not counted by the provider)": estimated,
        "attempts open when their process ended, to be settled as estimates at the next start": unsettled,
        "attempts of days with too many tags and users to keep apart, and added up": summed,
        "records that could not be read and were skipped": report.skipped_records,
    }
    return [f"note: {what}: {count}" for what, count in told.items() if count]


def _models(report: UsageReport) -> list[UsageRow]:
    return sorted(report.models, key=lambda row: (row.day, row.provider, row.model))


def _model(row: UsageRow) -> tuple[str, ...]:
    counts = (row.attempts, row.faults, row.usage.input_total, row.usage.output_total)
    return (row.day, row.provider, row.model, *(f"{count:,}" for count in counts), money(row.cost))


def _budget(row: BudgetRow) -> tuple[str, ...]:
    counts = (f"{row.requests:,}", f"{row.usage.total:,}")
    return (
        row.name,
        row.scope or "-",
        row.window,
        *counts,
        *(money(amount) for amount in (row.cost, row.reserved, row.limit, row.remaining)),
    )


def _call_key(row: CallRow) -> tuple[str, str, str]:
    return row.day, row.tag, row.user


def _call(row: CallRow) -> tuple[str, ...]:
    counts = (row.calls, row.ok, row.interrupted, row.cancelled, row.faults, row.cached, row.shared)
    nobody = ADDED_UP if row.summed else "-"
    return (row.day, row.tag or nobody, row.user or nobody, *(f"{count:,}" for count in counts), money(row.cost))
