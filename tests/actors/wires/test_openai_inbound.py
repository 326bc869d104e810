import json
from typing import Any

import pytest

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_inbound import decode_request
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    ImagePart,
    OpaquePart,
    RefusalPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from callboard.messages.request import Output, Request, Sampling, Thinking, Tool, ToolChoice
from callboard.messages.validate import InvalidRequest

Record = dict[str, Any]


def test_data_urls_become_bytes_and_other_urls_stay() -> None:
    content = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAEC", "filename": "a.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "AAEC", "format": "mp3"}},
        {"type": "hologram", "depth": 3},
    ]
    body = {"model": "m", "messages": [{"role": "user", "content": content}]}
    assert decode_request(json.dumps(body).encode()).messages[0].content == (
        ImagePart(data=b"\0\1\2", media_type="image/png", detail="low"),
        ImagePart(url="https://example.org/a.png"),
        DocumentPart(data=b"\0\1\2", media_type="application/pdf", name="a.pdf"),
        AudioPart(data=b"\0\1\2", media_type="audio/mpeg"),
        OpaquePart(origin="openai", block={"type": "hologram", "depth": 3}),
    )


def test_what_stands_beside_the_assistants_content_becomes_parts() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    message = {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [call], "prefix": True}
    read = decode_request(json.dumps({"model": "m", "messages": [message]}).encode()).messages[0]
    assert read.parts == (ThinkingPart(text="hm"), ToolCallPart(id="c", name="f", arguments='{"a": 1}'))
    assert read.extra == {"prefix": True}


def test_members_with_a_name_here_are_named() -> None:
    function = {"name": "f", "description": "d", "parameters": {}, "strict": True}
    body = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "q", "name": "Ann"},
            {"role": "assistant", "content": "a", "refusal": "no"},
            {"role": "tool", "tool_call_id": "c", "name": "f", "content": [{"type": "text", "text": "7", "x": 1}]},
        ],
        "tools": [
            {"type": "function", "function": function, "x": 1},
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "description": "d", "schema": {"type": "object"}, "strict": True},
        },
        "max_completion_tokens": 1, "temperature": 0.1, "top_p": 0.2, "top_k": 3, "min_p": 0.4, "seed": 5, "stop": "x",
        "presence_penalty": 0.6, "frequency_penalty": 0.7, "logprobs": True, "top_logprobs": 8,
        "reasoning_effort": "low",
        "user": "u",
        "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    assert decode_request(json.dumps(body).encode()) == Request(
        model="m",
        messages=(
            ChatMessage("user", "q", name="Ann"),
            ChatMessage("assistant", (TextPart("a"), RefusalPart("no"))),
            ChatMessage("tool", (ToolResultPart(id="c", name="f", content=(TextPart("7", extra={"x": 1}),)),)),
        ),
        tools=(
            Tool(name="f", description="d", parameters={}, strict=True, extra={"x": 1}),
            Tool(name="web_search", extra={"type": "web_search"}),
        ),
        tool_choice=ToolChoice(mode="named", name="f"),
        parallel_tool_calls=False,
        output=Output(schema={"type": "object"}, name="n", description="d", strict=True),
        sampling=Sampling(
            max_tokens=1, temperature=0.1, top_p=0.2, top_k=3, min_p=0.4, seed=5, stop=("x",),
            presence_penalty=0.6, frequency_penalty=0.7, logprobs=True, top_logprobs=8,
        ),
        thinking=Thinking(effort="low"),
        user="u",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"tool_choice": "required"}, {"tool_choice": ToolChoice(mode="required")}),
        ({"response_format": {"type": "json_object"}}, {"output": Output(kind="json")}),
        ({"response_format": {"type": "text"}}, {"output": Output(kind="text")}),
        ({"max_tokens": 7, "stop": ["a", "b"]}, {"sampling": Sampling(max_tokens=7, stop=("a", "b"))}),
        ({"response_format": {"type": "grammar"}}, {"extra": {"response_format": {"type": "grammar"}}}),
        ({"stream_options": {"x": 1}}, {"extra": {"stream_options": {"x": 1}}}),
    ],
)
def test_a_member_has_several_forms(members: Record, named: Record) -> None:
    body = {"model": "m", "messages": [], **members}
    assert decode_request(json.dumps(body).encode()) == Request(model="m", messages=(), **named)


def test_members_without_a_name_here_are_kept_as_extra() -> None:
    body = {
        "model": "m",
        "messages": [],
        "n": 2,
        "logit_bias": {"1": 2},
        "tool_choice": "any",
        "reasoning_effort": "max",
    }
    assert decode_request(json.dumps(body).encode()).extra == {
        "n": 2, "logit_bias": {"1": 2}, "tool_choice": "any", "reasoning_effort": "max",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"not json", "body: expected a JSON object"),
        (b"[]", "body: expected a JSON object"),
        (b"[" * 5000, "body: expected a JSON object"),
        (b'{"messages": {}}', "messages: expected a list"),
        (b'{"messages": [1]}', "messages[0]: expected an object"),
        (b'{"messages": [{"content": "x"}]}', "messages[0].role: expected a string"),
        (
            b'{"messages": [{"role": "user", "content": [{"type": "text"}]}]}',
            "messages[0].content[0].text: expected a string",
        ),
        (b'{"messages": [{"role": "user", "content": 5}]}', "messages[0].content: expected a list"),
        (b'{"tools": [{"type": "function"}]}', "tools[0].function.name: expected a string"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused_by_its_place(body: bytes, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_request(body)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(("members", "texts"), [({}, 0), ({"content": None}, 0), ({"content": ""}, 1)])
def test_an_empty_text_beside_calls_is_told_from_none(members: Record, texts: int) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "tool_calls": [call]} | members
    read = decode_request(json.dumps({"model": "m", "messages": [message]}).encode()).messages[0]
    assert sum(isinstance(part, TextPart) for part in read.parts) == texts


def test_a_response_format_with_more_in_it_is_read_and_kept_whole() -> None:
    told = {"type": "json_object", "schema": {"type": "object"}}
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "response_format": told}
    request = decode_request(json.dumps(body).encode())
    assert request.output == Output(schema={"type": "object"})
    assert request.extra == {"response_format": told}


def test_what_is_written_beside_an_images_url_goes_back_to_its_protocol_alone() -> None:
    told = {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "max_pixels": 9}}
    body = {"model": "m", "messages": [{"role": "user", "content": [told]}]}
    request = decode_request(json.dumps(body).encode())
    assert json.loads(OpenAIChat().encode(request, "m", stream=False).body)["messages"][0]["content"] == [told]
    (item,) = json.loads(OpenAIResponses().encode(request, "m", stream=False).body)["input"]
    assert item["content"] == [{"type": "input_image", "image_url": "https://example.org/a.png"}]
