import json
from typing import Any

import pytest

from callboard.actors.wires.openai_responses_inbound import decode_request
from callboard.messages.chat import (
    ChatMessage,
    DocumentPart,
    ImagePart,
    OpaquePart,
    RefusalPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    system,
    user,
)
from callboard.messages.request import Output, Sampling, Thinking, Tool, ToolChoice
from callboard.messages.validate import InvalidRequest

ORIGIN = "openai-responses"


def content(role: str, *blocks: dict[str, Any]) -> tuple[Any, ...]:
    body = {"model": "m", "input": [{"role": role, "content": list(blocks)}]}
    return decode_request(json.dumps(body).encode()).messages[0].parts


def test_an_inbound_run_of_reasoning_and_calls_is_one_turn() -> None:
    result = {"type": "function_call_output", "call_id": "c1", "output": "7"}
    approval = {"type": "mcp_approval_response", "approve": True}
    thought = {"type": "reasoning", "summary": [], "encrypted_content": "E"}
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    body = {"model": "m", "input": [{"role": "user", "content": "q"}, thought, call, result, approval]}
    question, turn, answer, approved = decode_request(json.dumps(body).encode()).messages
    assert [type(part) for part in turn.parts] == [ThinkingPart, ToolCallPart]
    assert (question.role, turn.role, answer.role) == ("user", "assistant", "tool")
    assert approved == ChatMessage("user", (OpaquePart(origin=ORIGIN, block=approval),))


@pytest.mark.parametrize("odd", [7, True, "words", {"text": "a"}])
def test_inbound_reasoning_whose_texts_are_no_list_is_kept_as_it_is(odd: Any) -> None:
    body = {"model": "m", "input": [{"type": "reasoning", "summary": odd}]}
    (turn,) = decode_request(json.dumps(body).encode()).messages
    assert turn.parts == (ThinkingPart(text="", origin=ORIGIN, extra={"summary": odd}),)


def test_inbound_instructions_and_a_plain_string_are_messages() -> None:
    request = decode_request(b'{"model": "m", "instructions": "be brief", "input": "hi"}')
    assert request.messages == (system("be brief"), user("hi"))


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"model": "m", "input": [{"role": "wizard", "content": "x"}]}',
        b'{"model": "m", "input": [{"content": "x"}]}',
        b'{"model": "m", "input": [{"role": "user", "content": [{"type": "hologram"}]}]}',
        b'{"model": "m", "input": [{"type": "function_call", "name": "f"}]}',
    ],
)
def test_inbound_bodies_that_cannot_be_taken_apart_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_request(body)


def test_inbound_content_becomes_parts() -> None:
    assert content(
        "user",
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAEC", "detail": "low"},
        {"type": "input_image", "image_url": "https://example.org/a.png"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,AAEC", "filename": "a.pdf"},
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
    ) == (
        TextPart("look"),
        ImagePart(data=b"\0\1\2", media_type="image/png", detail="low"),
        ImagePart(url="https://example.org/a.png"),
        OpaquePart(origin=ORIGIN, block={"type": "input_image", "file_id": "file-1"}),
        DocumentPart(data=b"\0\1\2", media_type="application/pdf", name="a.pdf"),
        DocumentPart(url="https://example.org/a.pdf"),
    )
    said = content("assistant", {"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"})
    assert said == (TextPart("a"), RefusalPart("no"))


def test_inbound_members_with_a_name_here_are_named() -> None:
    body = {
        "model": "m",
        "input": "hi",
        "tools": [{"type": "function", "name": "f", "strict": True}, {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": False,
        "max_output_tokens": 9,
        "text": {"format": {"type": "json_schema", "name": "o", "schema": {}}, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "auto"},
        "user": "ann",
        "store": False,
    }
    request = decode_request(json.dumps(body).encode())
    assert request.tools == (Tool(name="f", strict=True), Tool(name="web_search", extra={"type": "web_search"}))
    assert request.tool_choice == ToolChoice(mode="named", name="f")
    assert request.parallel_tool_calls is False
    assert request.sampling == Sampling(max_tokens=9)
    assert request.output == Output(name="o", schema={})
    assert request.thinking == Thinking(effort="low", extra={"summary": "auto"})
    assert (request.user, request.extra) == ("ann", {"text": {"verbosity": "low"}, "store": False})
