import json
from typing import Any

import pytest

from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.cohere_inbound import decode_request
from callboard.messages.validate import InvalidRequest, check

HI = {"role": "user", "content": "hi"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
DOCUMENT = {"type": "document", "document": {"id": "1", "data": "d"}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA==", "detail": "low"}}


def chat(*messages: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages), **members}


@pytest.mark.parametrize(
    "body",
    [
        chat({"role": "system", "content": "s"}, HI),
        chat({"role": "user", "content": [{"type": "text", "text": "look"}, PICTURE]}),
        chat({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}),
        chat({"role": "user", "content": [{"type": "later", "x": 1}]}),
        chat(HI, max_tokens=5, p=0.5, k=3, stop_sequences=["x"], seed=1, logprobs=True, safety_mode="OFF"),
        chat(HI, tools=[TOOL], tool_choice="REQUIRED"),
        chat(HI, tools=[TOOL], tool_choice="NONE", strict_tools=True),
        chat(HI, response_format={"type": "json_object", "json_schema": {"type": "object"}}),
        chat(HI, response_format={"type": "json_object"}),
        chat(HI, thinking={"type": "disabled"}),
        chat(HI, thinking={"type": "enabled", "token_budget": 9}),
        chat(HI, thinking={"type": "enabled"}),
        chat(HI, documents=[{"data": {"text": "d"}}], stream=True),
        chat(
            HI,
            {"role": "assistant", "tool_plan": "f first", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c", "content": [DOCUMENT]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "so"}]},
        ),
    ],
)  # fmt: skip
def test_a_request_read_and_written_again_is_the_same(body: dict[str, Any]) -> None:
    request = decode_request(json.dumps(body).encode())
    check(request)
    assert json.loads(Cohere().encode(request, "m", stream="stream" in body).body) == body


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"rubbish", "body"),
        (b'{"messages": {}}', "messages"),
        (b'{"messages": [{"content": "x"}]}', "messages[0].role"),
        (b'{"messages": [{"role": "tool", "content": "x"}]}', "messages[0].tool_call_id"),
        (b'{"messages": [{"role": "user", "content": [5]}]}', "messages[0].content[0]"),
        (b'{"messages": [], "tools": [{}]}', "tools[0].function.name"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused_by_its_place(body: bytes, where: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_request(body)
    assert where in str(refused.value)
