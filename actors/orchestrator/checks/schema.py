"""Whether a reply is JSON that follows a JSON Schema, by the package `jsonschema`, imported when it is first used."""

from importlib import import_module
from typing import Any

from callboard.actors.orchestrator.checks.json_text import parsed
from callboard.messages.reply import Reply


class Schema:
    """Refuses what does not follow `schema` (in the draft that it names, else 2020-12). Raises ValueError."""

    def __init__(self, schema: dict[str, Any]) -> None:
        package = jsonschema()
        kind = package.validators.validator_for(schema, default=package.Draft202012Validator)
        try:
            kind.check_schema(schema)
        except package.SchemaError as error:
            raise ValueError(f"the JSON Schema makes no sense at {error.json_path}: {error.message}") from None
        self._validator = kind(schema)

    def __call__(self, reply: Reply, /) -> str | None:
        """The first violation by its place and the rule that it breaks; nothing of the reply is quoted."""
        if reply.tool_calls:
            return None
        value, wrong = parsed(reply.text)
        if wrong is not None:
            return wrong
        violations = sorted(self._validator.iter_errors(value), key=lambda error: error.json_path)
        return _told(violations[0]) if violations else None


def _told(violation: Any) -> str:
    rule = violation.validator_value
    told = f" {rule}" if isinstance(rule, str | int | float | list) else ""
    return f"it does not follow the schema: {violation.json_path} breaks `{violation.validator}`{told}"


def jsonschema() -> Any:
    """The package. Raises ValueError when it is not there."""
    try:
        return import_module("jsonschema")
    except ImportError:
        raise ValueError("schema checks need the package jsonschema: pip install 'callboard[schema]'") from None
