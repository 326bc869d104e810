"""The built-in hooks by their names, as the configuration has them."""

from collections.abc import Iterable

from callboard.actors.orchestrator.checks.control import STRIP_CONTROL_CHARACTERS, no_control_characters
from callboard.actors.orchestrator.checks.json_text import is_json
from callboard.actors.orchestrator.checks.length import length
from callboard.actors.orchestrator.checks.schema import Schema, jsonschema
from callboard.messages.hooks import Hook, Sanitiser
from callboard.messages.request import Request

BUILT_IN: dict[str, Hook] = {
    "json": is_json,
    "no_control_characters": no_control_characters,
    "strip_control_characters": STRIP_CONTROL_CHARACTERS,
    "strip": Sanitiser(str.strip),
}
NAMES = (*BUILT_IN, "length:10..2000", "schema")


def check_name(name: str) -> None:
    """Raises ValueError for what is no hook's name, or cannot be used here."""
    if name == "schema":
        jsonschema()
    else:
        _named(name)


def hooks(checks: Iterable[str | Hook], request: Request) -> tuple[Hook, ...]:
    """With names replaced by what they stand for; `schema` is that of the request's own output, where it has one."""
    found = []
    for one in checks:
        if not isinstance(one, str):
            found.append(one)
        elif one != "schema":
            found.append(_named(one))
        elif request.output is not None and request.output.schema is not None:
            found.append(Schema(request.output.schema))
    return tuple(found)


def _named(name: str) -> Hook:
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name.startswith("length:"):
        return length(name.removeprefix("length:"))
    raise ValueError(f"no such check; expected one of {', '.join(NAMES)}")
