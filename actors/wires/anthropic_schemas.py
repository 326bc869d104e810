"""A JSON Schema as Anthropic's structured outputs take it: fewer keywords, and every object closed.

Source: platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations. What a keyword that is
not taken demands goes into the description, as `{minimum: 0, maximum: 150}`, where the model reads it. Keywords that
JSON Schema does not have are left for Anthropic to know.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from callboard.actors.wires.jsons import mapping
from callboard.actors.wires.wire import unsupported

Schema = dict[str, Any]

_DEFINITIONS = ("$defs", "definitions")
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
_TAKEN = frozenset({"type", "enum", "const", "anyOf", "allOf", "properties", "items", "$ref"})
"""Each tells of which kind a value is."""
_BESIDE = frozenset({"title", "default", "required", "format", "minItems", *_DEFINITIONS})
_SILENT = frozenset({"description", "additionalProperties", "$schema", "$id", "$anchor", "$comment"})
"""Written anew, or of no use to a model."""
_REFUSED = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
        "maxItems", "uniqueItems", "prefixItems", "additionalItems", "unevaluatedItems", "contains", "minContains",
        "maxContains", "minProperties", "maxProperties", "patternProperties", "propertyNames", "unevaluatedProperties",
        "dependencies", "dependentRequired", "dependentSchemas", "oneOf", "not", "if", "then", "else", "examples",
        "contentEncoding", "contentMediaType", "contentSchema", "deprecated", "readOnly", "writeOnly",
    }
)  # fmt: skip
_KNOWN = _TAKEN | _BESIDE | _SILENT | _REFUSED


def to_anthropic(schema: Schema, provider: str) -> Schema:
    """The schema in what Anthropic takes of the notation. The given one is left as it is: replies are checked by it.

    Raises WireFault(UNSUPPORTED) for a schema that cannot be put so: a recursive one, a reference to elsewhere, a value
    of any kind, an object whose members have no names, and objects or references in `allOf`.
    """
    if _is_recursive(schema):
        raise unsupported(provider, "a recursive schema for its output")
    return _taken(schema, provider)


def _taken(schema: Any, provider: str) -> Schema:
    schema = _spelt_out(mapping(schema))
    if "$ref" in schema:
        return _reference(schema, provider)
    if _is_object(schema) and _is_open(schema):
        raise unsupported(provider, "an output schema with objects whose members it does not name")
    if any("$ref" in mapping(one) or _is_object(mapping(one)) for one in _listed(schema.get("allOf"))):
        raise unsupported(provider, "an output schema with objects or references in allOf")
    taken = {name: _inner(name, value, provider) for name, value in schema.items() if _takes(name, value)}
    if not taken.keys() - _BESIDE:
        raise unsupported(provider, "an output schema that leaves a value's kind open")
    if _is_object(schema):
        taken["additionalProperties"] = False
    described = _description(schema, left_out=schema.keys() - taken.keys() - _SILENT)
    return taken | ({"description": described} if described else {})


def _spelt_out(schema: Schema) -> Schema:
    """With the kind that members tell of, and `oneOf` as the `anyOf` that is taken."""
    if "properties" in schema and not (_TAKEN - {"properties"}) & schema.keys():
        schema = {"type": "object"} | schema
    if "oneOf" in schema and "anyOf" not in schema:
        schema = {"anyOf" if name == "oneOf" else name: value for name, value in schema.items()}
    return schema


def _reference(schema: Schema, provider: str) -> Schema:
    """Of JSON Schema's keywords only definitions may stand beside one."""
    if not str(schema["$ref"]).startswith("#"):
        raise unsupported(provider, "an output schema with references to elsewhere")
    return {
        name: _inner(name, value, provider)
        for name, value in schema.items()
        if name == "$ref" or name in _DEFINITIONS or name not in _KNOWN
    }


def _listed(value: Any) -> list[Any]:
    """A caller's list may be a tuple."""
    return list(value) if isinstance(value, list | tuple) else []


def _is_object(schema: Schema) -> bool:
    kind = schema.get("type")
    return kind == "object" or "object" in _listed(kind) or "properties" in schema


def _is_open(schema: Schema) -> bool:
    """Whether it asks for members without telling their names: closed, as all objects are here, it would lose them."""
    named = bool(schema.get("properties"))
    further = schema.get("additionalProperties", True)
    return bool(mapping(further) or schema.get("patternProperties")) or (not named and further is not False)


def _takes(name: str, value: Any) -> bool:
    match name:
        case "const":
            return _is_plain(value)
        case "enum":
            return bool(value) and all(map(_is_plain, _listed(value)))
        case "format":
            return value in _FORMATS
        case "items":
            return isinstance(value, dict)
        case "minItems":
            return value in (0, 1)
        case _:
            return name not in _SILENT | _REFUSED


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict | list | tuple)


def _inner(name: str, value: Any, provider: str) -> Any:
    match name:
        case "properties" | "$defs" | "definitions":
            return {key: _taken(each, provider) for key, each in mapping(value).items()}
        case "anyOf" | "allOf":
            return [_taken(each, provider) for each in _listed(value)]
        case "items":
            return _taken(value, provider)
        case _:
            return value


def _description(schema: Schema, left_out: set[str]) -> str:
    demands = ", ".join(f"{name}: {_text(value)}" for name, value in schema.items() if name in left_out)
    said = [schema.get("description") or "", f"{{{demands}}}" if demands else ""]
    return "\n\n".join(filter(None, said))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _is_recursive(schema: Schema) -> bool:
    uses = {
        f"#/{kind}/{name}": set(_references(each))
        for kind in _DEFINITIONS
        for name, each in mapping(schema.get(kind)).items()
    }
    uses["#"] = set(_references(schema))
    return any(_reaches(one, one, uses) for one in uses)


def _reaches(start: str, goal: str, uses: dict[str, set[str]]) -> bool:
    seen: set[str] = set()
    ahead = set(uses[start])
    while ahead - seen:
        one = (ahead - seen).pop()
        seen.add(one)
        ahead |= uses.get(one, set())
    return goal in seen


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    for each in _listed(value):
        yield from _references(each)
