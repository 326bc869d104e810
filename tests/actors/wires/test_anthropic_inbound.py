import json
from typing import Any

import pytest

from callboard.actors.wires.anthropic_inbound import decode_request
from callboard.messages.chat import (
    ChatMessage,
    DocumentPart,
    ImagePart,
    OpaquePart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from callboard.messages.request import Output, Request, Sampling, Thinking, Tool, ToolChoice
from callboard.messages.validate import InvalidRequest

Record = dict[str, Any]


def read(content: list[Record], role: str = "user") -> Any:
    body = {"model": "m", "max_tokens": 1, "messages": [{"role": role, "content": content}]}
    return decode_request(json.dumps(body).encode()).messages


def test_a_turn_with_tool_results_is_a_tool_message_and_what_the_user_said() -> None:
    messages = read([{"type": "tool_result", "tool_use_id": "c", "content": "7"}, {"type": "text", "text": "and?"}])
    assert [message.role for message in messages] == ["tool", "user"]
    assert messages[0].parts == (ToolResultPart(id="c", content="7"),)
    assert messages[1].parts == (TextPart("and?"),)


def test_opaque_things_carry_their_origin() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    redacted = {"type": "redacted_thinking", "data": "d"}
    unknown = {"type": "server_tool_use", "id": "1", "name": "web_search", "input": {}}
    assert read([thinking, redacted, unknown], "assistant")[0].parts == (
        ThinkingPart(text="hm", signature="s", origin="anthropic"),
        ThinkingPart(redacted="d", origin="anthropic"),
        OpaquePart(origin="anthropic", block=unknown),
    )


def test_sources_become_bytes_urls_and_ids() -> None:
    def block(kind: str, **source: str) -> Record:
        return {"type": kind, "source": source}

    by_file = block("image", type="file", file_id="f")
    broken = block("image", type="base64", media_type="image/png", data="not base64!")
    assert read(
        [
            block("image", type="base64", media_type="image/png", data="AAEC"),
            block("image", type="url", url="https://example.org/a.png"),
            block("document", type="file", file_id="f") | {"title": "t", "citations": {"enabled": True}},
            block("document", type="text", media_type="text/plain", data="é"),
            by_file,
            broken,
        ]
    )[0].parts == (
        ImagePart(data=b"\0\1\2", media_type="image/png"),
        ImagePart(url="https://example.org/a.png"),
        DocumentPart(file_id="f", name="t", extra={"citations": {"enabled": True}}),
        DocumentPart(data="é".encode(), media_type="text/plain"),
        OpaquePart(origin="anthropic", block=by_file),
        OpaquePart(origin="anthropic", block=broken),
    )


def test_tool_arguments_are_json_text() -> None:
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {"a": [1, 2.5]}}
    assert read([call], "assistant")[0].parts == (ToolCallPart(id="c", name="f", arguments='{"a":[1,2.5]}'),)


@pytest.mark.parametrize(
    ("members", "thinking", "extra"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, Thinking(budget_tokens=9), None),
        ({"thinking": {"type": "disabled"}}, Thinking(effort="none"), None),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, Thinking(effort="low"), None),
        ({"thinking": {"type": "adaptive"}}, Thinking(extra={"type": "adaptive"}), None),
        ({"output_config": {"effort": "low"}}, None, {"output_config": {"effort": "low"}}),
        ({}, None, None),
    ],
)
def test_thinking_is_read_in_all_its_forms(members: Record, thinking: Thinking | None, extra: Record | None) -> None:
    request = decode_request(json.dumps({"model": "m", "max_tokens": 1, "messages": [], **members}).encode())
    assert (request.thinking, request.extra) == (thinking, extra)


def test_tool_choice_and_parallel_use_are_told_apart() -> None:
    body = {"model": "m", "messages": [], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}}
    request = decode_request(json.dumps(body).encode())
    assert (request.tool_choice, request.parallel_tool_calls) == (ToolChoice(mode="required"), False)


def test_members_with_a_name_here_are_named() -> None:
    result = {"type": "tool_result", "tool_use_id": "c", "content": "7", "is_error": True, "x": 1}
    body = {
        "model": "m",
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "assistant", "content": "a"},
            {"role": "user", "content": [result]},
        ],
        "tools": [{"name": "f", "description": "d", "input_schema": {}, "strict": True, "type": "custom"}],
        "tool_choice": {"type": "tool", "name": "f"},
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        "max_tokens": 1, "temperature": 0.1, "top_p": 0.2, "top_k": 3, "stop_sequences": ["x"],
        "metadata": {"user_id": "u", "y": 2},
        "stream": True,
        "service_tier": "auto",
    }  # fmt: skip
    assert decode_request(json.dumps(body).encode()) == Request(
        model="m",
        messages=(
            ChatMessage("system", (TextPart("s", extra={"cache_control": {"type": "ephemeral"}}),)),
            ChatMessage("assistant", "a"),
            ChatMessage("tool", (ToolResultPart(id="c", content="7", is_error=True, extra={"x": 1}),)),
        ),
        tools=(Tool(name="f", description="d", parameters={}, strict=True, extra={"type": "custom"}),),
        tool_choice=ToolChoice(mode="named", name="f"),
        output=Output(schema={"type": "object"}),
        sampling=Sampling(max_tokens=1, temperature=0.1, top_p=0.2, top_k=3, stop=("x",)),
        user="u",
        extra={"metadata": {"y": 2}, "service_tier": "auto"},
    )


def test_a_beta_or_unknown_output_format_is_told_apart() -> None:
    def asked(**members: Any) -> Request:
        return decode_request(json.dumps({"model": "m", "messages": [], **members}).encode())

    assert asked(output_format={"type": "json_schema", "schema": {}}).output == Output(schema={})
    unknown = {"output_config": {"format": {"type": "grammar"}}}
    assert (asked(**unknown).output, asked(**unknown).extra) == (None, unknown)


def test_what_cannot_be_taken_apart_is_refused_by_its_place() -> None:
    with pytest.raises(InvalidRequest, match=r"^messages\[0\]\.content\[0\]\.id: expected a string$"):
        read([{"type": "tool_use", "name": "f", "input": {}}], "assistant")
