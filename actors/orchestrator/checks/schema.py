"""Whether a reply is JSON that follows a JSON Schema, by the package `jsonschema`, imported when it is first used."""

import json
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from typing import Any

from callboard.actors.orchestrator.checks.json_text import parsed
from callboard.messages.reply import Reply

_PLACE = 200
"""Characters of a place that are told."""


class Schema:
    """Refuses what does not follow `schema` (in the draft that it names, else 2020-12). Raises ValueError."""

    def __init__(self, schema: dict[str, Any]) -> None:
        package = jsonschema()
        kind = package.validators.validator_for(schema, default=package.Draft202012Validator)
        try:
            kind.check_schema(schema)
        except package.SchemaError as error:
            raise ValueError(f"the JSON Schema makes no sense at {error.json_path}: {error.message}") from None
        ours = package.validators.extend(kind, {"uniqueItems": _unique_items})
        # where the package meets `$schema` again, as by a `$ref` to "#", it goes on with its own validator
        self._validator = ours({name: rule for name, rule in schema.items() if name != "$schema"})

    def __call__(self, reply: Reply, /) -> str | None:
        """The first violation by its place and the rule that it breaks; nothing of the reply is quoted."""
        if reply.tool_calls:
            return None
        value, wrong = parsed(reply.text)
        if wrong is not None:
            return wrong
        try:
            violation = next(self._validator.iter_errors(value), None)
        except RecursionError:
            return "it does not follow the schema: it is nested too deeply"
        return None if violation is None else _told(violation)


def _told(violation: Any) -> str:
    rule = violation.validator_value
    told = f" {rule}" if isinstance(rule, str | int | float | list) else ""
    return f"it does not follow the schema: {_place(violation)} breaks `{violation.validator}`{told}"


def _place(violation: Any) -> str:
    """JSON Path, with `*` for keys that the schema does not name: they are the reply's own words."""
    named = {name for keyword, name in pairwise(violation.schema_path) if keyword == "properties"}
    place = "$" + "".join(_step(step, named) for step in violation.path)
    return place if len(place) <= _PLACE else f"{place[:_PLACE]}…"


def _step(step: str | int, named: set[str | int]) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if step not in named:
        return ".*"
    return f".{step}" if step.isidentifier() else f"[{step!r}]"


def _unique_items(validator: Any, wanted: bool, value: Any, _schema: Any) -> Iterator[Any]:
    """In the place of the package's own, which compares each object with every other one."""
    if wanted and validator.is_type(value, "array") and len(set(map(_canonical, value))) < len(value):
        yield jsonschema().ValidationError("has items that are equal")


def _canonical(value: Any) -> str:
    """The same text for what JSON Schema calls equal. Text, as numbers that share a hash are easily made up."""
    return json.dumps(_whole_numbers(value), sort_keys=True)


def _whole_numbers(value: Any) -> Any:
    """1.0 as 1."""
    if isinstance(value, dict):
        return {name: _whole_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def jsonschema() -> Any:
    """The package. Raises ValueError when it is not there."""
    try:
        return import_module("jsonschema")
    except ImportError:
        raise ValueError("schema checks need the package jsonschema: pip install 'callboard[schema]'") from None
