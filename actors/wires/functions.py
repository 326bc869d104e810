"""A tool in the shape that OpenAI began and others took over: `{"type": "function", "function": {…}}`."""

from typing import Any

from callboard.actors.wires.foreign import foreign_to, without
from callboard.actors.wires.inbound import Members
from callboard.actors.wires.jsons import joined, present
from callboard.messages.request import Tool

_FOREIGN = foreign_to("cohere")
_NO_ARGUMENTS = {"type": "object", "properties": {}}


def encode_tool(tool: Tool) -> dict[str, Any]:
    """The JSON to send; `extra.function` joins the members of the function."""
    parameters = _NO_ARGUMENTS if tool.parameters is None else tool.parameters
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return joined({"type": "function", "function": present(function)}, without(_FOREIGN, tool.extra))


def decode_tool(tool: Members) -> Tool:
    """What encode_tool writes, read back. Raises InvalidRequest for what cannot be taken apart."""
    tool.take("type")
    function = tool.object("function")
    name, description, parameters = function.text("name"), function.take("description"), function.take("parameters")
    tool.put("function", function.rest())
    return Tool(name=name, description=description, parameters=parameters, extra=tool.rest())
