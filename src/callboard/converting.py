"""From a file's tables to structs: every mistake is told with its key and what was expected, never with its value."""

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from callboard.errors import ConfigError

T = TypeVar("T")

_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_STEP = re.compile(r"\[[^\]]*\]|[^.\[\]]+")


def convert(data: Any, kind: type[T], source: str, place: str = "") -> T:
    """`data`, which stands in the file `source` under the key `place`, as a `kind`. Raises ConfigError."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `$")
        path = path.rstrip("`").removeprefix(".")
        raise ConfigError(f"{source}: {_told(sentence, _joined(place, path), _at(kind, path))}") from None


def plain(value: Any) -> Any:
    """A struct, with all in it, as the tables of a file; what no file can hold stays, to be refused by its type."""
    match value:
        case msgspec.Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case Mapping():
            return {name: plain(one) for name, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case float():
            return float(value)  # msgspec takes no subclass, such as numpy's
        case _:
            return value


def _told(sentence: str, place: str, kind: Any) -> str:
    if unknown := _UNKNOWN.fullmatch(sentence):
        known = ", ".join(getattr(kind, "__struct_fields__", ()))
        return f"{_joined(place, unknown[1])}: no such key" + (f"; expected one of {known}" if known else "")
    if missing := _MISSING.fullmatch(sentence):
        return f"{_joined(place, missing[1])}: missing"
    if choices := _choices(kind):
        return f"{place}: expected one of {', '.join(choices)}"
    if Decimal in (kind, *get_args(kind)):
        return f"{place}: expected US dollars, such as 5.0"
    return f"{place}: {sentence[0].lower()}{sentence[1:]}".replace("`object`", "a table").replace("`array`", "a list")


def _joined(place: str, path: str) -> str:
    dot = "." if place and path and not path.startswith("[") else ""
    return f"{place}{dot}{path}"


def _at(kind: Any, path: str) -> Any:
    """The type of what lies at this path of members, list items `[0]` and dict values `[...]`; None if unknown."""
    for step in _STEP.findall(path):
        if step.startswith("["):
            kind = next((inner for inner in reversed(get_args(kind)) if inner is not Ellipsis), None)
        else:
            found = msgspec.structs.fields(kind) if hasattr(kind, "__struct_fields__") else ()
            kind = next((field.type for field in found if field.name == step), None)
    return kind


def _choices(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(str(member.value) for member in kind)
    return tuple(choice for inner in get_args(kind) for choice in _choices(inner))
