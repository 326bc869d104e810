"""What a reply has to be like: the built-in checks, and how to write one.

A check is a function of a `Reply` that gives None, or a sentence that says why the reply will not do. A `Sanitiser`
changes the text before the next one sees it. Both may stand in `checks=[...]`, and so may the names of `NAMES`, which
are what the configuration takes. A reply that asks for tools is not yet an answer and passes the built-in checks for
JSON, schema and length.

    await board.generate("A number?", model="fast", checks=["strip", "length:1..4", is_a_number], repair=True)
"""

from callboard.actors.orchestrator.checks.control import STRIP_CONTROL_CHARACTERS, no_control_characters
from callboard.actors.orchestrator.checks.json_text import is_json
from callboard.actors.orchestrator.checks.length import Length
from callboard.actors.orchestrator.checks.names import NAMES
from callboard.actors.orchestrator.checks.schema import Schema
from callboard.messages.hooks import Check, Hook, Sanitiser

__all__ = [
    "NAMES",
    "STRIP_CONTROL_CHARACTERS",
    "Check",
    "Hook",
    "Length",
    "Sanitiser",
    "Schema",
    "is_json",
    "no_control_characters",
]
