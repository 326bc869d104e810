"""Numbers in the tables of a configuration that is made in Python, where nobody has looked at types."""

from decimal import Decimal, InvalidOperation
from types import NoneType
from typing import Any, get_args

import msgspec

from callboard.messages.checks import named


def numbers(table: msgspec.Struct) -> None:
    """Raises ValueError where a field that holds a number holds something else, before numbers are compared."""
    for field in msgspec.structs.fields(table):
        kinds = get_args(field.type) or (field.type,)
        value = getattr(table, field.name)
        if {int, float}.isdisjoint(kinds) or (value is None and NoneType in kinds):
            continue
        kind, what = (int | float, "number") if float in kinds else (int, "whole number")
        if not isinstance(value, kind):
            raise ValueError(f"`{field.name}` must be a {what}, got {named(value)}")


def exact(value: Any) -> Decimal:
    """As it is written; NaN for what is no number."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal("NaN")
