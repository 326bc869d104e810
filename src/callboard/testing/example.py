"""A small value that follows a JSON Schema."""

import random
from collections.abc import Mapping
from typing import Any

_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven")
_LARGE = 10_000
_DEEP = 4  # below this, members that may be left out are: a schema may refer to itself


def example(schema: Mapping[str, Any], draw: random.Random) -> Any:
    """A value made by `draw` that follows the schema: types, enums, references, required members, simple bounds.

    Patterns, formats and the rarer keywords are not looked at. A schema that demands endless nesting gives None
    where it becomes too deep. Raises ValueError when it is no JSON Schema.
    """
    try:
        return _value(schema, schema, draw, 0)
    except (TypeError, AttributeError, KeyError, ValueError, OverflowError) as error:
        raise ValueError(f"not a JSON Schema: {type(error).__name__}") from error


def _value(schema: Any, root: Mapping[str, Any], draw: random.Random, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > 2 * _DEEP:
        return None
    match schema:
        case {"const": value}:
            return value
        case {"enum": [*values]} if values:
            return draw.choice(values)
        case {"$ref": str() as ref}:
            return _value(_resolve(ref, root), root, draw, depth + 1)
        case {"anyOf": [*choices]} | {"oneOf": [*choices]} if choices:
            return _value(choices[-1 if depth >= _DEEP else 0], root, draw, depth)
        case {"allOf": [*parts]} if parts:
            return _value(_merge(parts, root), root, draw, depth)
    return _typed(schema, root, draw, depth)


def _typed(schema: Mapping[str, Any], root: Mapping[str, Any], draw: random.Random, depth: int) -> Any:
    match _type(schema):
        case "object":
            return _object(schema, root, draw, depth)
        case "array":
            count = _small(max(schema.get("minItems", 0), 0 if depth >= _DEEP else 1))
            return [_value(schema.get("items", {}), root, draw, depth + 1) for _ in range(count)]
        case "integer":
            return int(_number(schema, draw, 1))
        case "number":
            return _number(schema, draw, 0.5)
        case "boolean":
            return draw.random() < 0.5
        case "null":
            return None
        case _:
            return _text(schema, draw)


def _type(schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return kind[0] if isinstance(kind, list) and kind else kind


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], draw: random.Random, depth: int) -> dict[str, Any]:
    required = schema.get("required", ())
    members = schema.get("properties", {}).items()
    return {
        name: _value(member, root, draw, depth + 1) for name, member in members if depth < _DEEP or name in required
    }


def _number(schema: Mapping[str, Any], draw: random.Random, step: float) -> float:
    low, high = _bound(schema, "inimum", step), _bound(schema, "aximum", -step)
    if low is None:
        low = 0.0 if high is None or high >= 0 else high
    steps = 10 if high is None else int((high - low) / step)
    return low + step * draw.randint(0, max(0, steps))


def _bound(schema: Mapping[str, Any], name: str, step: float) -> float | None:
    if f"m{name}" in schema:
        return float(schema[f"m{name}"])
    return schema[f"exclusiveM{name}"] + step if f"exclusiveM{name}" in schema else None


def _text(schema: Mapping[str, Any], draw: random.Random) -> str:
    text = draw.choice(_WORDS).ljust(_small(schema.get("minLength", 0)), "-")
    return text[: schema.get("maxLength", len(text))]


def _small(size: int) -> int:
    if size > _LARGE:
        raise ValueError(f"a size of {size}")
    return size


def _resolve(ref: str, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for name in ref.removeprefix("#").split("/")[1:]:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _merge(parts: list[Any], root: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {"properties": {}, "required": []}
    for part in parts:
        known = _resolve(part["$ref"], root) if isinstance(part, Mapping) and "$ref" in part else part
        if isinstance(known, Mapping):
            properties = {**merged["properties"], **known.get("properties", {})}
            required = [*merged["required"], *known.get("required", ())]
            merged = {**merged, **known, "properties": properties, "required": required}
    return merged
