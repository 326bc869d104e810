"""`callboard usage --by`: the sums by one thing that they are counted by, and what the same would have cost elsewhere.

Pure.
"""

import csv
import enum
import io
from collections.abc import Callable, Iterable, Iterator

import msgspec

from callboard.cli.bill import ADDED_UP, APART
from callboard.cli.columns import columns
from callboard.messages.accounting import SpendRow, Spent
from callboard.messages.usage import NONE_APART, Apart, Cost, Usage

UnitPrice = Callable[[Usage], Cost | None]
"""US dollars of a usage at the baseline; None when its price is unknown."""
UNIT = 1_000
"""Tokens that a partition's price is taken from: so few that no price for long prompts applies."""
CSV_HEADS = (
    *("attempts", "faults", "input", "cached_read", "cache_write", "output", "reasoning"),
    *("cost_usd", "unpriced_attempts", "estimated_attempts", "baseline_usd"),
    *APART,
)


class By(enum.StrEnum):
    """What is counted by."""

    PROVIDER = "provider"
    MODEL = "model"
    TAG = "tag"
    USER = "user"
    DAY = "day"


class Group(Spent, frozen=True, kw_only=True):
    """One line."""

    name: str
    baseline: Cost | None = None
    """US dollars that the same tokens cost at the baseline; None when none was named."""


def grouped(rows: Iterable[SpendRow], by: By, baseline: UnitPrice | None = None) -> list[Group]:
    """The sums, in the order of their names."""
    sums: dict[str, Spent] = {}
    for row in rows:
        name = _name(row, by)
        sums[name] = sums.get(name, Spent()) + row
    return [_group(name, sums[name], baseline) for name in sorted(sums)]


def as_text(groups: list[Group], by: By, width: int | None = None) -> str:
    """A table and its total, in `width` as `columns` has it."""
    if not groups:
        return "nothing was recorded yet"
    compared = any(group.baseline is not None for group in groups)
    heads = (by.value, "attempts", "faults", "tokens in", "tokens out", "cost", "unpriced")
    total = sum(groups, Spent())
    lines = [*groups, Group(name="total", baseline=_baseline_of(groups), **msgspec.structs.asdict(total))]
    more = ("at baseline",) if compared else ()
    return "\n".join(columns((*heads, *more), [_cells(group, compared=compared) for group in lines], width=width))


def as_csv(groups: list[Group], by: By) -> str:
    """One line a group below the heads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((by.value, *CSV_HEADS))
    for group in groups:
        used = group.usage
        tokens = (used.input, used.cached_read, used.cache_write, used.output, used.reasoning)
        apart = (getattr(used.apart or NONE_APART, name) for name in APART)
        baseline = "" if group.baseline is None else format(group.baseline, "f")
        cost = (format(group.cost, "f"), group.unpriced, group.estimated, baseline)
        writer.writerow((group.name, group.attempts, group.faults, *tokens, *cost, *apart))
    return text.getvalue()


def _name(row: SpendRow, by: By) -> str:
    if row.summed and by in (By.TAG, By.USER):
        return ADDED_UP
    return f"{row.provider}/{row.model}" if by is By.MODEL else str(getattr(row, by.value))


def _group(name: str, spent: Spent, baseline: UnitPrice | None) -> Group:
    cost = None if baseline is None else _elsewhere(spent.usage, baseline)
    return Group(name=name, baseline=cost, **msgspec.structs.asdict(spent))


def _elsewhere(usage: Usage, baseline: UnitPrice) -> Cost | None:
    """Each partition at its price; sums of many calls must not look like one long prompt."""
    total = Cost(0)
    for tokens, unit in _partitions(usage):
        price = baseline(unit)
        if price is None:
            return None
        total += price * tokens / UNIT
    return total


def _partitions(usage: Usage) -> Iterator[tuple[int, Usage]]:
    """Each one's tokens, and a usage of UNIT tokens of it alone."""
    for name in ("input", "cached_read", "cache_write", "output", "reasoning"):
        yield getattr(usage, name), msgspec.structs.replace(Usage(), **{name: UNIT})
    for name in APART if usage.apart is not None else ():
        yield getattr(usage.apart, name), Usage(apart=Apart(**{name: UNIT}))


def _baseline_of(groups: list[Group]) -> Cost | None:
    known = [group.baseline for group in groups if group.baseline is not None]
    return sum(known, Cost(0)) if known else None


def _cells(group: Group, *, compared: bool) -> tuple[str, ...]:
    counts = (group.attempts, group.faults, group.usage.input_total, group.usage.output_total)
    told = (group.name or "-", *(f"{count:,}" for count in counts), f"${group.cost:,.6f}", f"{group.unpriced:,}")
    return (*told, "-" if group.baseline is None else f"${group.baseline:,.6f}") if compared else told
