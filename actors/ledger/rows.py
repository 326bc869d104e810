"""The rows of the ledger's sums: their keys, and how several become one. Pure."""

import functools
import operator
from typing import Any, TypeAlias

import msgspec

from callboard.messages.accounting import BudgetMark, CallRow, CircuitHistory, LatencyRow, SpendRow

Row: TypeAlias = SpendRow | CallRow | LatencyRow | CircuitHistory | BudgetMark
ROW_TYPES: dict[str, type[Row]] = {
    "spend": SpendRow,
    "calls": CallRow,
    "latency": LatencyRow,
    "circuits": CircuitHistory,
    "budgets": BudgetMark,
}


def spend_key(day: str, provider: str, model: str, tag: str, user: str) -> str:
    """Of what was spent in one day. The lengths: whoever names models, tags and users may use our bar."""
    return f"{day}|{provider}|{len(model)}|{model}|{len(tag)}|{tag}|{user}"


def call_key(day: str, tag: str, user: str) -> str:
    """Of one day's calls."""
    return f"{day}|{len(tag)}|{tag}|{user}"


def key_of(row: SpendRow | CallRow) -> str:
    """A row's own key. Rows of the deleted, and of all tags and users, stand beside nobody's, with more bars.

    No account is named with nothing, so no other row has such a key.
    """
    if isinstance(row, CallRow):
        key = call_key(row.day, row.tag, row.user)
        return key.replace("|", "|||", 1) if row.summed else key
    key = spend_key(row.day, row.provider, row.model, row.tag, row.user)
    return key.replace("|", "|||" if row.summed else "||" if row.erased else "|", 1)


def total(parts: list[Row]) -> Row:
    """One row of several that are alike."""
    first = parts[0]
    names = first.__struct_fields__
    return msgspec.structs.replace(
        first, **{name: _added(name, [getattr(row, name) for row in parts]) for name in names}
    )


def _added(name: str, values: list[Any]) -> Any:
    match name:
        case "starts":
            return min(values)
        case "ends":
            return max(values)
        case _:
            return values[0] if isinstance(values[0], str | bool) else functools.reduce(operator.add, values)
