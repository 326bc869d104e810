import json
from typing import Any

import pytest

from callboard.actors.wires.media import to_base64
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.ollama_generate import OllamaGenerate
from callboard.actors.wires.ollama_inbound import decode_request
from callboard.messages.chat import ImagePart, ToolCallPart, ToolResultPart
from callboard.messages.request import Sampling, Thinking
from callboard.messages.validate import InvalidRequest, check

JPEG = to_base64(b"\xff\xd8\xff\xe0 a picture")
TOOL = {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}}
WITH_ID = {"id": "c", "function": {"index": 0, "name": "add", "arguments": {"a": 1}}}
CALL = {"function": {"name": "add", "arguments": {"a": 1}}}


def again(body: dict[str, Any]) -> dict[str, Any]:
    """The body, read and written again."""
    request = decode_request(json.dumps(body).encode())
    check(request)
    wire = Ollama() if "messages" in body else OllamaGenerate()
    written: dict[str, Any] = json.loads(wire.encode(request, request.model, stream=body["stream"]).body)
    return written


def chat(*messages: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"model": "m", "stream": False, "messages": list(messages), **members}


HI = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    "body",
    [
        chat({"role": "system", "content": "be brief"}, HI),
        chat({"role": "user", "content": "look", "images": [JPEG]}),
        chat(HI, tools=[TOOL]),
        chat(HI, tools=[]),
        chat(HI, tools=[{"type": "function", "function": {**TOOL["function"], "strict": True}}]),  # type: ignore[dict-item]
        chat(HI, format="json"),
        chat(HI, format={"type": "object"}),
        chat(HI, think=True),
        chat(HI, think=False),
        chat(HI, think="high", keep_alive="5m"),
        chat(HI, options={}),
        chat(HI, options={"num_predict": 9, "num_ctx": 4096, "temperature": 0.5, "stop": ["x"], "seed": 1}),
        chat(HI, options={"num_predict": -1, "stop": "x"}),
        chat(HI, logprobs=True, top_logprobs=2),
        chat(
            HI,
            {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [CALL, CALL]},
            {"role": "tool", "content": "1", "tool_name": "add"},
            {"role": "tool", "content": "2"},
        ),
        chat(
            HI,
            {"role": "assistant", "content": "so", "tool_calls": [WITH_ID]},
            {"role": "tool", "content": "1", "tool_call_id": "c", "name": "kept"},
        ),
        {"model": "m", "stream": True, "prompt": "hi"},
        {"model": "m", "stream": True, "prompt": "hi", "system": "be brief", "images": [JPEG], "context": [1, 2]},
        {"model": "m", "stream": False, "prompt": "def f(", "suffix": "return", "raw": True, "options": {"top_k": 3}},
    ],
)  # fmt: skip
def test_a_request_read_and_written_again_is_the_same(body: dict[str, Any]) -> None:
    assert again(body) == body


def test_what_has_a_name_is_known_by_it() -> None:
    members = {"options": {"num_predict": 9, "num_ctx": 1}, "think": "low", "keep_alive": 0}
    request = decode_request(json.dumps(chat({**HI, "images": [JPEG]}, **members)).encode())
    assert request.sampling == Sampling(max_tokens=9)
    assert request.thinking == Thinking(effort="low")
    assert request.extra == {"options": {"num_ctx": 1}, "keep_alive": 0}
    (picture,) = (part for part in request.messages[0].parts if isinstance(part, ImagePart))
    assert picture.media_type == "image/jpeg"


def test_a_result_without_an_id_answers_the_first_open_call_of_its_tool() -> None:
    other = {"function": {"name": "other", "arguments": {}}}
    turns = [{"role": "assistant", "tool_calls": [CALL, other, CALL]}]
    turns += [{"role": "tool", "content": said, "tool_name": name} for said, name in (("o", "other"), ("1", "add"))]
    request = decode_request(json.dumps(chat(HI, *turns, {"role": "tool", "content": "2"})).encode())
    first, second, third = (part for part in request.messages[1].parts if isinstance(part, ToolCallPart))
    results = [part for message in request.messages[2:] for part in message.parts if isinstance(part, ToolResultPart)]
    assert [result.id for result in results] == [second.id, first.id, third.id]
    assert len({first.id, second.id, third.id}) == 3


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"[]", ""),
        (b"rubbish", "body"),
        (b'{"messages": 5}', "messages"),
        (b'{"messages": [{"role": 5}]}', "messages[0].role"),
        (b'{"messages": [{"role": "user", "images": "x"}]}', "messages[0].images"),
        (b'{"messages": [{"role": "user", "images": ["?"]}]}', "messages[0].images[0]"),
        (b'{"prompt": "", "options": 1}', "options"),
        (b'{"messages": [{"role": "assistant", "tool_calls": [{}]}]}', "messages[0].tool_calls[0].function.name"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused_by_its_place(body: bytes, where: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_request(body)
    assert where in str(refused.value)
