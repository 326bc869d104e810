"""The small checks that validate.py is made of: each raises InvalidRequest naming the field, or passes."""

import math
from collections.abc import Callable
from functools import partial
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any, TypeVar

T = TypeVar("T")

_DEEPEST = 100


class InvalidRequest(ValueError):
    """The request makes no sense. The caller's fault: `field` says where, `wrong` what to change."""

    def __init__(self, field: str, wrong: str) -> None:
        super().__init__(field, wrong)
        self.field = field
        self.wrong = wrong

    def __str__(self) -> str:
        return f"{self.field}: {self.wrong}"

    def within(self, outer: str) -> "InvalidRequest":
        """The same mistake, seen from the field that holds this one."""
        dot = "." if self.field and not self.field.startswith("[") else ""
        return InvalidRequest(f"{outer}{dot}{self.field}", self.wrong)


def members(extra: Any) -> None:
    """The `extra` of a part, message, tool or request."""
    inside("extra", json_object, extra)


def json_object(value: Any) -> None:
    """A dict that can be written as JSON."""
    if not isinstance(value, dict):
        raise InvalidRequest("", f"expected a dict, got {named(value)}")
    _json(value, 0)


def _json(value: Any, depth: int) -> None:
    match value:
        case None | bool() | int():
            return
        case str():
            text("", value)
        case float() if math.isfinite(value):
            return
        case dict() | list() | tuple() if depth >= _DEEPEST:
            raise InvalidRequest("", f"is nested more than {_DEEPEST} deep")
        case dict():
            for name, inner in value.items():
                if not isinstance(name, str):
                    raise InvalidRequest("", f"JSON names members by strings, not by {named(name)}")
                text("", name)
                inside(name, _json, inner, depth + 1)
        case list() | tuple():
            for number, inner in enumerate(value):
                inside(f"[{number}]", _json, inner, depth + 1)
        case float():
            raise InvalidRequest("", "JSON has no NaN and no infinity")
        case _:
            raise InvalidRequest("", f"expected what JSON can hold, got {named(value)}")


def inside(field: str, check: Callable[..., None], *values: Any) -> None:
    """Runs a check on what `field` holds, so that a mistake is told with its whole path."""
    try:
        check(*values)
    except InvalidRequest as error:
        raise error.within(field) from None


def typed(field: str, value: Any, kind: type[T], make: str = "") -> T:
    """An instance of `kind`; the sentence ends with how to `make` one."""
    if not isinstance(value, kind):
        raise InvalidRequest(field, f"expected {kind.__name__}, got {named(value)}{make}")
    return value


def each(field: str, values: Any, kind: type[T], what: str, make: str = "") -> tuple[T, ...]:
    """A tuple of instances of `kind`, called `what` in the sentence, which ends with how to `make` one."""
    if not isinstance(values, tuple):
        raise InvalidRequest(field, f"expected a tuple of {what}, got {named(values)}")
    for number, value in enumerate(values):
        if not isinstance(value, kind):
            raise InvalidRequest(f"{field}[{number}]", f"expected {kind.__name__}, got {named(value)}{make}")
    return values


def text(field: str, value: Any) -> None:
    """A string that UTF-8 can hold."""
    if not isinstance(value, str):
        raise InvalidRequest(field, f"expected a string, got {named(value)}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidRequest(field, "holds half of a surrogate pair, which cannot be sent") from None


def maybe_text(field: str, value: Any) -> None:
    """A string or None."""
    if value is not None:
        text(field, value)


def filled(field: str, value: Any) -> None:
    """A string that is not empty."""
    text(field, value)
    if not value:
        raise InvalidRequest(field, "is empty")


def flag(field: str, value: Any) -> None:
    """True, False or None."""
    if value is not None and not isinstance(value, bool):
        raise InvalidRequest(field, f"expected True or False, got {named(value)}")


def number(field: str, value: Any, kind: type, low: float, high: float) -> None:
    """A number within bounds, whole when `kind` is int; NaN is within none."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and (kind is int or not isinstance(value, float)):
        raise InvalidRequest(field, f"expected a {'whole ' if kind is int else ''}number, got {named(value)}")
    if not low <= value <= high:
        raise InvalidRequest(field, f"expected {low} to {high}, got {value}")


def one_of(field: str, value: Any, choices: tuple[str, ...]) -> None:
    """One of the strings."""
    if not isinstance(value, str) or value not in choices:
        raise InvalidRequest(field, f"expected one of {', '.join(choices)}")


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives what somebody would have to wait for: an `async def`, with a `yield` in it or without,
    also as an object's `__call__`.
    """
    while isinstance(function, partial):
        function = function.func
    called = function, type(function).__call__
    return any(map(iscoroutinefunction, called)) or any(map(isasyncgenfunction, called))


def named(value: Any) -> str:
    """What a sentence calls a value of the wrong type."""
    if value is None:
        return "None"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
