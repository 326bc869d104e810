import pytest

from callboard.actors.wires.functions import decode_tool, encode_tool
from callboard.actors.wires.inbound import Members
from callboard.messages.request import Tool
from callboard.messages.validate import InvalidRequest


def test_a_tool_read_and_written_again_is_the_same_with_members_that_have_no_name_here() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    body = {"type": "function", "function": function, "later": 1}
    tool = decode_tool(Members(body, "tools[0]"))
    assert tool.extra == {"function": {"strict": True}, "later": 1}
    assert encode_tool(tool) == body


def test_a_tool_without_parameters_takes_an_empty_object() -> None:
    assert encode_tool(Tool(name="f"))["function"] == {"name": "f", "parameters": {"type": "object", "properties": {}}}


def test_a_tool_without_a_name_is_refused_by_its_place() -> None:
    with pytest.raises(InvalidRequest, match=r"tools\[0\].function.name"):
        decode_tool(Members({"function": {}}, "tools[0]"))
