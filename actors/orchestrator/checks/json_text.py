"""Whether a reply is JSON. A reply that asks for tools is not yet one, and passes."""

import json
from typing import Any

from callboard.messages.reply import Reply

MOST_VALUES = 250_000
"""Of one text, objects, arrays and what follows a comma counted alike. Reading more would hold everybody up for long,
and no model writes as much."""


def is_json(reply: Reply) -> str | None:
    """Refuses text that is no JSON."""
    return None if reply.tool_calls else parsed(reply.text)[1]


def parsed(text: str) -> tuple[Any, str | None]:
    """The value, or why there is none; the sentence quotes nothing of the text."""
    if len(text) > MOST_VALUES and text.count(",") + text.count("[") + text.count("{") > MOST_VALUES:
        return None, f"it is not JSON that can be read (more than {MOST_VALUES:,} values)"
    try:
        return json.loads(text, parse_constant=_refuse), None
    except json.JSONDecodeError as error:
        return None, f"it is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError) as error:
        return None, f"it is not JSON that can be read ({type(error).__name__})"


def _refuse(name: str) -> None:
    raise ValueError(name)
