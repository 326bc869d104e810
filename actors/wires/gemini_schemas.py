"""JSON Schema and Google's own notation for schemas, whose types are in capitals and whose keywords are fewer.

Source: ai.google.dev/api/caching#Schema.
"""

from collections.abc import Callable
from typing import Any

from callboard.actors.wires.jsons import items, mapping

_KEYWORDS = frozenset(
    {
        "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required",
        "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering",
        "default", "items", "minimum", "maximum",
    }
)  # fmt: skip
_FORMATS = {
    "STRING": ("enum", "date-time"),
    "NUMBER": ("float", "double"),
    "INTEGER": ("int32", "int64"),
}
_DEEPEST = 100


def to_google(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """The schema in Google's notation; None when that cannot say what it says."""
    return _retyped(schema, str.upper) if schema is not None and _fits(schema, 0) else None


def from_google(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as JSON Schema. Keywords that only Google has are left in it."""
    return _retyped(schema, str.lower)


def _fits(schema: Any, depth: int) -> bool:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return False
    inner = [*mapping(schema.get("properties")).values(), *items(schema.get("anyOf"))]
    inner += [schema["items"]] if "items" in schema else []
    plain = isinstance(schema.get("type", ""), str) and schema.keys() <= _KEYWORDS
    return plain and _values_fit(schema) and all(_fits(value, depth + 1) for value in inner)


def _values_fit(schema: dict[str, Any]) -> bool:
    """Only an object has members, and those that it needs; an enum has texts only, none of them empty; a format is one
    that Google knows; and an array says what it holds."""
    kind = schema.get("type", "").upper()
    if "properties" in schema and kind != "OBJECT":
        return False
    if any(name not in mapping(schema.get("properties")) for name in map(str, items(schema.get("required")))):
        return False
    if "enum" in schema and not (kind in ("", "STRING") and _are_texts(schema["enum"])):
        return False
    if "format" in schema and schema["format"] not in _FORMATS.get(kind, ()):
        return False
    return kind != "ARRAY" or "items" in schema


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(one, str) and one for one in values)


def _retyped(schema: dict[str, Any], case: Callable[[str], str], depth: int = 0) -> dict[str, Any]:
    def inner(value: Any) -> Any:
        return _retyped(value, case, depth + 1) if isinstance(value, dict) and depth <= _DEEPEST else value

    retyped = dict(schema)
    for name, value in schema.items():
        if name == "type" and isinstance(value, str):
            retyped[name] = case(value)
        elif name == "properties":
            retyped[name] = {key: inner(each) for key, each in mapping(value).items()}
        elif name == "anyOf":
            retyped[name] = [inner(each) for each in items(value)]
        elif name == "items":
            retyped[name] = inner(value)
    return retyped
