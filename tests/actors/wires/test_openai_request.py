import json
from typing import Any

import pytest

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_request import COMPATIBLE, Quirks
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
    RefusalPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    assistant,
    system,
    tool_result,
    user,
)
from callboard.messages.request import Output, Request, Sampling, Thinking, Tool, ToolChoice

Json = dict[str, Any]
TOOL = Tool(name="f", description="d", parameters={"type": "object"}, strict=True)


def sent(request: Request, quirks: Quirks | None = None, *, stream: bool = False) -> Json:
    wire = OpenAIChat() if quirks is None else OpenAIChat("other", quirks=quirks)
    body: Json = json.loads(wire.encode(request, "gpt", stream=stream).body)
    return body


def asked(*messages: ChatMessage, quirks: Quirks | None = None, **members: Any) -> Json:
    return sent(Request(model="x", messages=messages or (user("hi"),), **members), quirks)


def refused(*messages: ChatMessage, quirks: Quirks | None = None, **members: Any) -> str:
    with pytest.raises(WireFault) as caught:
        asked(*messages, quirks=quirks, **members)
    assert caught.value.fault.kind == "unsupported"
    return caught.value.fault.message


def test_a_plain_request_is_as_small_as_can_be() -> None:
    assert asked(system("s"), user("hi")) == {
        "model": "gpt",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}],
    }


def test_a_stream_asks_for_its_usage_unless_the_server_does_not_know_how() -> None:
    request = Request(model="x", messages=(user("hi"),))
    body = sent(request, stream=True)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    assert "stream_options" not in sent(request, Quirks(stream_usage=False), stream=True)


def test_sampling_goes_by_openais_names() -> None:
    sampling = Sampling(
        max_tokens=5,
        temperature=0,
        top_p=0.5,
        seed=1,
        stop=("a", "b"),
        presence_penalty=1,
        frequency_penalty=-1,
        logprobs=True,
        top_logprobs=3,
    )
    body = asked(sampling=sampling)
    del body["model"], body["messages"]
    assert body == {
        "max_completion_tokens": 5,
        "temperature": 0,
        "top_p": 0.5,
        "seed": 1,
        "stop": ["a", "b"],
        "presence_penalty": 1,
        "frequency_penalty": -1,
        "logprobs": True,
        "top_logprobs": 3,
    }


def test_quirks_name_the_bound_on_output_and_what_sampling_is_taken() -> None:
    sampling = Sampling(max_tokens=5, top_k=3, min_p=0.1)
    body = asked(sampling=sampling, quirks=COMPATIBLE)
    assert (body["max_tokens"], body["top_k"], body["min_p"]) == (5, 3, 0.1)
    assert refused(sampling=sampling) == "openai does not take sampling.min_p"


def test_tools_choices_and_parallel_calls() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    own = Tool(name="search", extra={"type": "openrouter:web_search", "parameters": {}})
    body = asked(tools=(TOOL, own), tool_choice=ToolChoice(mode="named", name="f"), parallel_tool_calls=False)
    assert body["tools"] == [
        {"type": "function", "function": function},
        {"type": "openrouter:web_search", "parameters": {}},
    ]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert body["parallel_tool_calls"] is False
    assert asked(tools=(TOOL,), tool_choice=ToolChoice(mode="required"))["tool_choice"] == "required"
    assert asked(parallel_tool_calls=False).keys() == {"model", "messages"}


@pytest.mark.parametrize(
    ("output", "shape"),
    [
        (Output(kind="text"), {"type": "text"}),
        (Output(kind="json"), {"type": "json_object"}),
        (
            Output(schema={"type": "object"}, name="n", description="d", strict=True),
            {
                "type": "json_schema",
                "json_schema": {"name": "n", "description": "d", "schema": {"type": "object"}, "strict": True},
            },
        ),
        (Output(schema={}), {"type": "json_schema", "json_schema": {"name": "output", "schema": {}}}),
    ],
)
def test_output_becomes_a_response_format(output: Output, shape: Json) -> None:
    assert asked(output=output)["response_format"] == shape


def test_effort_is_reasoning_effort_and_a_budget_is_not_taken() -> None:
    assert asked(thinking=Thinking(effort="low"))["reasoning_effort"] == "low"
    assert "thinking budget" in refused(thinking=Thinking(budget_tokens=100))


def test_user_and_extra_are_sent_and_tag_and_metadata_are_not() -> None:
    body = asked(user="u", tag="t", metadata={"a": "b"}, extra={"n": 2, "service_tier": "flex"})
    del body["messages"]
    assert body == {"model": "gpt", "user": "u", "n": 2, "service_tier": "flex"}


def test_every_part_of_a_users_message() -> None:
    parts = (
        TextPart("t"),
        ImagePart(url="https://e.org/a.png", detail="low"),
        ImagePart(data=b"\0", media_type="image/png"),
        AudioPart(data=b"\0", media_type="audio/mpeg"),
        DocumentPart(data=b"\0", media_type="application/pdf", name="n"),
        DocumentPart(file_id="f"),
        OpaquePart(origin="openai", block={"type": "new"}),
    )
    assert asked(ChatMessage("user", parts, name="Ann"))["messages"] == [
        {
            "role": "user",
            "name": "Ann",
            "content": [
                {"type": "text", "text": "t"},
                {"type": "image_url", "image_url": {"url": "https://e.org/a.png", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "n"}},
                {"type": "file", "file": {"file_id": "f"}},
                {"type": "new"},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (AudioPart(url="https://e.org/a.wav"), "a recording by URL"),
        (DocumentPart(url="https://e.org/a.pdf"), "a document by URL"),
    ],
)
def test_what_openai_cannot_fetch_is_refused_before_anything_is_sent(part: Part, what: str) -> None:
    assert what in refused(user(part))


def test_a_document_by_url_goes_where_the_server_takes_one() -> None:
    body = asked(user(DocumentPart(url="https://e.org/a.pdf")), quirks=Quirks(document_urls=True))
    assert body["messages"][0]["content"][0]["file"] == {"file_data": "https://e.org/a.pdf"}


def test_the_assistants_text_is_one_string_beside_its_calls() -> None:
    call = ToolCallPart(id="c", name="f", arguments='{"a": 1}')
    shown = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    assert asked(assistant(TextPart("a"), TextPart("b"), call), assistant(call), assistant())["messages"] == [
        {"role": "assistant", "content": "ab", "tool_calls": [shown]},
        {"role": "assistant", "content": None, "tool_calls": [shown]},
        {"role": "assistant", "content": ""},
    ]


def test_a_refusal_goes_back_as_a_refusal() -> None:
    content = asked(assistant(RefusalPart("no")))["messages"][0]["content"]
    assert content == [{"type": "refusal", "refusal": "no"}]


def test_every_tool_result_is_a_message_of_its_own() -> None:
    both = ChatMessage(
        "tool", (ToolResultPart(id="a", content="1", is_error=True), ToolResultPart(id="b", content=(TextPart("2"),)))
    )
    assert asked(both, tool_result(ToolCallPart(id="c", name="f"), "3"))["messages"] == [
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "2"}]},
        {"role": "tool", "tool_call_id": "c", "name": "f", "content": "3"},
    ]


def test_pictures_in_a_tools_result_go_only_where_they_are_taken() -> None:
    message = ChatMessage("tool", (ToolResultPart(id="a", content=(ImagePart(url="https://e.org/a.png"),)),))
    assert "tool's result" in refused(message)
    body = asked(message, quirks=Quirks(tool_images=True))
    assert body["messages"][0]["content"] == [{"type": "image_url", "image_url": {"url": "https://e.org/a.png"}}]


def test_the_developers_role_is_system_where_it_is_not_known() -> None:
    message = ChatMessage("developer", "d")
    assert asked(message)["messages"][0]["role"] == "developer"
    assert asked(message, quirks=COMPATIBLE)["messages"][0]["role"] == "system"


def test_opaque_things_of_other_wires_are_left_out() -> None:
    foreign = assistant(
        ThinkingPart(text="hm", signature="s", origin="anthropic"),
        OpaquePart(origin="anthropic", block={"type": "server_tool_use"}),
        TextPart("a", extra={"citations": [1], "cache_control": {"type": "ephemeral"}}),
        ToolCallPart(id="c", name="f", origin="anthropic", extra={"caller": {"type": "direct"}}),
    )
    shown = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert asked(foreign)["messages"] == [{"role": "assistant", "content": "a", "tool_calls": [shown]}]
    assert asked(user(TextPart("a", extra={"cache_control": {}})))["messages"][0]["content"] == [
        {"type": "text", "text": "a"}
    ]


def test_what_came_from_here_goes_back_here() -> None:
    call = ToolCallPart(id="c", name="f", origin="other", extra={"extra_content": {"google": 1}})
    thoughts = (
        ThinkingPart(text="hm", origin="other"),
        ThinkingPart(text="!"),
        ThinkingPart(text="?", origin="openai"),
    )
    body = asked(assistant(*thoughts, call), quirks=Quirks(thinking="reasoning_content"))
    assert body["messages"][0]["reasoning_content"] == "hm!"
    assert body["messages"][0]["tool_calls"][0]["extra_content"] == {"google": 1}


def test_extra_of_parts_and_messages_is_sent_with_them() -> None:
    message = ChatMessage("user", (TextPart("a", extra={"x": 1}),), extra={"y": 2})
    assert asked(message)["messages"] == [{"role": "user", "content": [{"type": "text", "text": "a", "x": 1}], "y": 2}]


def test_a_request_that_json_cannot_hold_is_a_fault_and_not_quoted() -> None:
    with pytest.raises(WireFault) as caught:
        asked(user("secret \ud800"))
    assert caught.value.fault.kind == "invalid_request"
    assert "secret" not in str(caught.value)


def test_a_list_of_the_assistants_texts_stays_one_only_where_the_server_takes_it() -> None:
    said = ChatMessage("assistant", (TextPart("a"), TextPart("b")))
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert asked(said)["messages"][0]["content"] == parts
    assert asked(said, quirks=COMPATIBLE)["messages"][0]["content"] == "ab"


@pytest.mark.parametrize(("words", "content"), [((), None), ((TextPart(""),), ""), ((TextPart("so:"),), "so:")])
def test_words_beside_calls_are_one_string_and_null_when_there_are_none(
    words: tuple[Part, ...], content: str | None
) -> None:
    said = ChatMessage("assistant", (*words, ToolCallPart(id="c", name="f")))
    assert asked(said, tool_result("c", "7"))["messages"][0]["content"] == content


@pytest.mark.parametrize(("name", "shown"), [(None, "document.txt"), ("a.txt", "a.txt")])
def test_the_bytes_of_a_document_always_have_a_name(name: str | None, shown: str) -> None:
    document = DocumentPart(data=b"x", media_type="text/plain", name=name)
    assert asked(user("hi", document))["messages"][0]["content"][1]["file"]["filename"] == shown


def test_further_members_of_thinking_go_into_the_servers_object_for_it() -> None:
    body = asked(thinking=Thinking(effort="low", extra={"exclude": True}), quirks=Quirks(reasoning="reasoning"))
    assert body["reasoning"] == {"effort": "low", "exclude": True}
    assert "reasoning_effort" not in body


def test_further_members_of_thinking_are_refused_where_there_is_no_object_for_it() -> None:
    assert "thinking.extra" in refused(thinking=Thinking(effort="low", extra={"exclude": True}))


def test_another_servers_long_id_of_a_call_is_shortened_and_its_own_is_not() -> None:
    long = "chatcmpl-tool-" + "0a" * 16
    for origin, length in (("vllm", 40), ("openai", len(long)), (None, len(long))):
        call = ToolCallPart(id=long, name="f", origin=origin)
        turn, result = asked(user("q"), assistant(call), tool_result(call, "42"))["messages"][1:]
        assert (len(turn["tool_calls"][0]["id"]), result["tool_call_id"]) == (length, turn["tool_calls"][0]["id"])
