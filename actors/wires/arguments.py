"""The arguments of a tool call for the protocols that carry an object, where others carry the model's text."""

from typing import Any

import msgspec

from callboard.actors.wires.jsons import UNREADABLE
from callboard.messages.chat import ToolCallPart

INVALID_ARGUMENTS = "invalid_arguments"
"""The member that holds the model's text where there is no object in it."""


def arguments_of(call: ToolCallPart) -> dict[str, Any]:
    """The object that the model wrote; without a text there are no arguments.

    A model may write what is no JSON, or no object. Its text then goes as the one member INVALID_ARGUMENTS: the
    conversation goes on, and the model sees its own mistake.
    """
    if not call.arguments.strip():
        return {}
    try:
        return msgspec.json.decode(call.arguments, type=dict[str, Any])
    except UNREADABLE:
        return {INVALID_ARGUMENTS: call.arguments}
