import json
from typing import Any

import pytest

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.anthropic_request import DEFAULT_MAX_TOKENS
from callboard.actors.wires.wire import WireFault
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
    assistant,
    system,
    tool_result,
    user,
)
from callboard.messages.request import Effort, Output, Request, Sampling, Thinking, Tool, ToolChoice

Json = dict[str, Any]
OLD, NEW = AnthropicMessages(), AnthropicMessages(version="2026-10-21")
TOOL = Tool(name="f", description="d", parameters={"type": "object"}, strict=True)
CALL = ToolCallPart(id="c", name="f", arguments='{"a": 1}')


def asked(*messages: ChatMessage, wire: AnthropicMessages = OLD, **members: Any) -> Json:
    request = Request(model="x", messages=messages or (user("hi"),), **members)
    body: Json = json.loads(wire.encode(request, "claude", stream=False).body)
    return body


def refused(*messages: ChatMessage, wire: AnthropicMessages = OLD, **members: Any) -> str:
    with pytest.raises(WireFault) as caught:
        asked(*messages, wire=wire, **members)
    assert caught.value.fault.kind == "unsupported"
    return caught.value.fault.message


def turns(*messages: ChatMessage, wire: AnthropicMessages = OLD) -> list[Json]:
    found: list[Json] = asked(*messages, wire=wire)["messages"]
    return found


def test_a_plain_request_is_as_small_as_can_be() -> None:
    assert asked(user("hi")) == {
        "model": "claude",
        "max_tokens": DEFAULT_MAX_TOKENS,
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_a_bound_on_output_is_always_sent_and_leaves_room_for_the_thinking_budget() -> None:
    assert asked(sampling=Sampling(max_tokens=7))["max_tokens"] == 7
    assert asked(thinking=Thinking(budget_tokens=1024))["max_tokens"] == DEFAULT_MAX_TOKENS + 1024
    assert "thinking budget" in refused(sampling=Sampling(max_tokens=1024), thinking=Thinking(budget_tokens=1024))


def test_a_lone_system_string_stays_one_and_others_become_blocks() -> None:
    assert asked(system("s"), user("hi"))["system"] == "s"
    cached = TextPart("b", extra={"cache_control": {"type": "ephemeral"}})
    body = asked(system("a"), user("hi"), ChatMessage("developer", (cached,)))
    assert body["system"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}},
    ]
    assert [turn["role"] for turn in body["messages"]] == ["user"]


def test_tool_results_in_a_row_and_what_the_user_then_says_are_one_turn() -> None:
    results = ChatMessage(
        "tool", (ToolResultPart(id="a", content="1"), ToolResultPart(id="b", content="2", is_error=True))
    )
    seen = ToolResultPart(id="c", content=(TextPart("3"), ImagePart(url="https://e.org/a.png")))
    before, after = (user("q"), assistant(CALL)), (user("and?"), user("well?"), assistant("x"), user("y"))
    assert turns(*before, results, ChatMessage("tool", (seen,)), *after) == [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                {"type": "tool_result", "tool_use_id": "b", "content": "2", "is_error": True},
                {
                    "type": "tool_result",
                    "tool_use_id": "c",
                    "content": [
                        {"type": "text", "text": "3"},
                        {"type": "image", "source": {"type": "url", "url": "https://e.org/a.png"}},
                    ],
                },
                {"type": "text", "text": "and?"},
                {"type": "text", "text": "well?"},
            ],
        },
        {"role": "assistant", "content": "x"},
        {"role": "user", "content": "y"},
    ]


def test_every_part_of_a_users_message() -> None:
    parts = (
        TextPart("t", extra={"cache_control": {"type": "ephemeral", "ttl": "1h"}}),
        ImagePart(data=b"\0", media_type="image/png"),
        ImagePart(url="data:image/gif;base64,AA=="),
        DocumentPart(data=b"\0", media_type="application/pdf", name="n", extra={"citations": {"enabled": True}}),
        DocumentPart(data=b"words", media_type="text/plain"),
        DocumentPart(url="https://e.org/a.pdf"),
        DocumentPart(file_id="f"),
        OpaquePart(origin="anthropic", block={"type": "search_result"}),
    )
    assert turns(user(*parts))[0]["content"] == [
        {"type": "text", "text": "t", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "AA=="}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
            "title": "n",
            "citations": {"enabled": True},
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        {"type": "document", "source": {"type": "url", "url": "https://e.org/a.pdf"}},
        {"type": "document", "source": {"type": "file", "file_id": "f"}},
        {"type": "search_result"},
    ]


def test_recordings_are_not_taken() -> None:
    assert refused(user(AudioPart(data=b"\0", media_type="audio/wav"))) == "anthropic does not take recordings"


def test_thinking_goes_back_with_its_signature_only_when_it_came_from_here() -> None:
    ours = assistant(
        ThinkingPart(text="hm", signature="s", origin="anthropic"),
        ThinkingPart(redacted="r", origin="anthropic"),
        TextPart("a"),
    )
    foreign = assistant(
        ThinkingPart(text="hm", signature="s", origin="gemini"),
        ThinkingPart(text="hm", signature="s"),
        ThinkingPart(text="hm", origin="anthropic"),
        OpaquePart(origin="openai", block={"type": "x"}),
        ToolCallPart(id="c", name="f", origin="gemini", signature="g", extra={"x": 1}),
    )
    assert turns(user("q"), ours, user("q"), foreign)[1::2] == [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "redacted_thinking", "data": "r"},
                {"type": "text", "text": "a"},
            ],
        },
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
    ]


def test_a_turn_of_which_nothing_is_left_is_left_out() -> None:
    assert len(turns(user("q"), assistant(ThinkingPart(text="hm")), assistant(), assistant(""), user("r"))) == 2


def test_a_refusal_goes_back_as_text() -> None:
    assert turns(assistant(RefusalPart("no")))[0]["content"] == [{"type": "text", "text": "no"}]


def test_ids_of_other_providers_calls_are_made_fit_alike_in_call_and_result() -> None:
    call = ToolCallPart(id="functions.add:0", name="f")
    sent = turns(assistant(call), tool_result(call, "1"))
    assert sent[0]["content"][0]["id"] == sent[1]["content"][0]["tool_use_id"] == "functions_add_0"


def test_tools_are_schemas_and_anthropics_own_are_what_they_are() -> None:
    search = Tool(name="web_search", extra={"type": "web_search_20250305", "max_uses": 3})
    assert asked(tools=(TOOL, search, Tool(name="g", extra={"cache_control": {}})))["tools"] == [
        {"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True},
        {"name": "web_search", "type": "web_search_20250305", "max_uses": 3},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}, "cache_control": {}},
    ]


@pytest.mark.parametrize(
    ("choice", "parallel", "shown"),
    [
        (None, None, None),
        (ToolChoice(mode="auto"), None, {"type": "auto"}),
        (ToolChoice(mode="required"), True, {"type": "any", "disable_parallel_tool_use": False}),
        (ToolChoice(mode="named", name="f"), False, {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="none"), False, {"type": "none"}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
def test_tool_choice_and_parallel_use_are_one_member(
    choice: ToolChoice | None, parallel: bool | None, shown: Json | None
) -> None:
    assert asked(tools=(TOOL,), tool_choice=choice, parallel_tool_calls=parallel).get("tool_choice") == shown
    assert "tool_choice" not in asked(parallel_tool_calls=parallel)


@pytest.mark.parametrize(
    ("thinking", "members"),
    [
        (Thinking(budget_tokens=1024), {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        (
            Thinking(budget_tokens=1024, extra={"display": "omitted"}),
            {"thinking": {"type": "enabled", "budget_tokens": 1024, "display": "omitted"}},
        ),
        (Thinking(effort="xhigh"), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}),
        (Thinking(effort="minimal"), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        (Thinking(effort="none"), {"thinking": {"type": "disabled"}}),
        (Thinking(extra={"type": "adaptive"}), {"thinking": {"type": "adaptive"}}),
    ],
)
def test_thinking_by_budget_or_by_effort(thinking: Thinking, members: Json) -> None:
    body = asked(thinking=thinking)
    assert {name: body[name] for name in body if name in ("thinking", "output_config")} == members


def test_a_schema_is_an_output_format_and_joins_other_output_config() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
    body = asked(output=Output(schema=schema), extra={"output_config": {"effort": "low"}})
    closed = {
        "type": "object",
        "properties": {"a": {"type": "integer", "description": "{minimum: 1}"}},
        "additionalProperties": False,
    }
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": closed}, "effort": "low"}
    assert "output_config" not in asked(output=Output(kind="text"))
    assert "JSON output" in refused(output=Output(kind="json"))


def test_sampling_goes_by_anthropics_names() -> None:
    body = asked(sampling=Sampling(temperature=0, top_p=0.5, top_k=3, stop=("a",), logprobs=False, presence_penalty=0))
    del body["messages"], body["model"], body["max_tokens"]
    assert body == {"temperature": 0, "top_p": 0.5, "top_k": 3, "stop_sequences": ["a"]}


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(seed=0),
        Sampling(min_p=0.1),
        Sampling(presence_penalty=1),
        Sampling(frequency_penalty=0.1),
        Sampling(logprobs=True),
        Sampling(temperature=1.5),
    ],
)
def test_sampling_that_anthropic_lacks_is_refused(sampling: Sampling) -> None:
    assert refused(sampling=sampling).startswith("anthropic does not take ")


@pytest.mark.parametrize("sampling", [Sampling(temperature=1), Sampling(top_p=1), Sampling(top_k=0)])
def test_version_2026_10_21_takes_no_sampling_even_at_its_defaults(sampling: Sampling) -> None:
    assert "since API version 2026-10-21" in refused(sampling=sampling, wire=NEW)
    assert asked(sampling=Sampling(stop=("a",), max_tokens=1), wire=NEW)["stop_sequences"] == ["a"]


def test_version_2026_10_21_takes_no_documents_from_the_assistant_and_no_citations_from_the_user() -> None:
    document = DocumentPart(file_id="f")
    cited = TextPart("t", extra={"citations": [{"cited_text": "x"}]})
    uncited = TextPart("t", extra={"citations": []})
    for message in (assistant(document), user(cited)):
        assert turns(message)
        assert "since API version 2026-10-21" in refused(message, wire=NEW)
    assert turns(user(document, uncited), assistant(cited), wire=NEW)


def test_user_and_extra_are_sent_and_tag_and_metadata_are_not() -> None:
    body = asked(user="u", tag="t", metadata={"a": "b"}, extra={"service_tier": "auto"})
    del body["messages"], body["max_tokens"]
    assert body == {"model": "claude", "metadata": {"user_id": "u"}, "service_tier": "auto"}


@pytest.mark.parametrize("text", ["", "\n\n", " \t"])
def test_a_text_of_white_space_alone_is_not_sent(text: str) -> None:
    said = ChatMessage("assistant", (TextPart(text), ToolCallPart(id="c", name="f")))
    assert [block["type"] for block in turns(user("hi"), said)[1]["content"]] == ["tool_use"]


def test_a_turn_of_white_space_alone_is_left_out_and_a_users_is_refused() -> None:
    assert len(turns(user("q"), assistant("\n\n"), assistant(RefusalPart(" ")), user("r"))) == 2
    assert "says nothing" in refused(user(" \n"))
    assert "says nothing" in refused(user(TextPart("\t")))


def test_instructions_of_white_space_alone_are_not_sent() -> None:
    assert "system" not in asked(system(" \n"), user("hi"))
    assert asked(system(" \n"), system("s"), user("hi"))["system"] == [{"type": "text", "text": "s"}]


@pytest.mark.parametrize("content", ["", "\n", (TextPart("\n"),)])
def test_a_tools_result_of_white_space_alone_has_no_content(content: str | tuple[TextPart, ...]) -> None:
    result = ChatMessage("tool", (ToolResultPart(id="c", content=content),))
    assert turns(assistant(CALL), result)[1]["content"] == [{"type": "tool_result", "tool_use_id": "c"}]


def test_white_space_is_not_sent_for_what_it_holds_beside() -> None:
    cached = TextPart("\n", extra={"cache_control": {"type": "ephemeral"}})
    assert turns(user(TextPart("q"), cached))[0]["content"] == [{"type": "text", "text": "q"}]


@pytest.mark.parametrize("stop", [("\n\n",), ("a", " "), ("",)])
def test_a_stop_sequence_of_white_space_alone_is_refused_before_anything_is_sent(stop: tuple[str, ...]) -> None:
    assert "stop sequence" in refused(sampling=Sampling(stop=stop))


def test_thinking_is_told_in_the_models_own_words() -> None:
    request = Request(model="x", messages=(user("hi"),), thinking=Thinking(effort="low"))
    body = json.loads(OLD.encode(request, "claude-haiku-4-5", stream=False).body)
    assert (body["thinking"], body["max_tokens"]) == (
        {"type": "enabled", "budget_tokens": 1024},
        DEFAULT_MAX_TOKENS + 1024,
    )
    assert "output_config" not in body


@pytest.mark.parametrize(("model", "thinking"), [("claude-sonnet-4-5", "low"), ("claude-sonnet-4-6", None)])
def test_thinking_by_budget_is_left_out_after_another_providers_call(model: str, thinking: Effort | None) -> None:
    asked_for = Thinking(effort=thinking) if thinking else Thinking(budget_tokens=2000)
    foreign = assistant(ThinkingPart(text="hm", origin="gemini"), CALL)
    request = Request(model="x", messages=(user("q"), foreign, tool_result(CALL, "1")), thinking=asked_for)
    body = json.loads(OLD.encode(request, model, stream=False).body)
    assert "thinking" not in body
    assert "output_config" not in body
    assert body["max_tokens"] == DEFAULT_MAX_TOKENS


def test_thinking_by_effort_goes_on_after_another_providers_call() -> None:
    body = asked(user("q"), assistant(CALL), tool_result(CALL, "1"), thinking=Thinking(effort="low"))
    assert body["thinking"] == {"type": "adaptive"}


def test_the_least_thinking_is_told_in_the_models_own_words() -> None:
    request = Request(model="x", messages=(user("hi"),), thinking=Thinking(effort="none"))
    bodies = [
        json.loads(OLD.encode(request, model, stream=False).body) for model in ("claude-opus-5-5", "claude-sonnet-5-5")
    ]
    assert [body["thinking"] for body in bodies] == [
        {"type": "adaptive", "display": "summarized"},
        {"type": "between_tools"},
    ]
    assert [body.get("output_config") for body in bodies] == [{"effort": "low"}, None]


def test_an_effort_has_room_below_the_bound_on_output() -> None:
    bound = Sampling(max_tokens=2048)
    request = Request(model="x", messages=(user("hi"),), sampling=bound, thinking=Thinking(effort="high"))
    body = json.loads(OLD.encode(request, "claude-haiku-4-5", stream=False).body)
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (2048, 1638)


@pytest.mark.parametrize("model", ["claude-opus-4-7", "claude-opus-5-5", "claude-fable-5", "claude-mythos-preview"])
def test_thinking_that_a_model_would_hide_is_asked_to_be_shown(model: str) -> None:
    def told(thinking: Thinking | None, model: str) -> Json | None:
        request = Request(model="x", messages=(user("hi"),), thinking=thinking)
        shown: Json | None = json.loads(OLD.encode(request, model, stream=True).body).get("thinking")
        return shown

    assert told(Thinking(effort="high"), model) == {"type": "adaptive", "display": "summarized"}
    hidden = {"type": "adaptive", "display": "omitted"}
    assert told(Thinking(effort="high", extra={"display": "omitted"}), model) == hidden
    assert told(None, model) is None
    assert told(Thinking(effort="high"), "claude-opus-4-6") == {"type": "adaptive"}


@pytest.mark.parametrize(
    ("model", "thinking", "room"),
    [
        ("claude-opus-4-7", Thinking(budget_tokens=16_000), 16_000),
        ("claude-opus-4-7", Thinking(effort="high"), 32_768),
        ("claude-sonnet-4-6", Thinking(effort="xhigh"), 49_152),
        ("claude-sonnet-4-6", Thinking(extra={"type": "adaptive"}), 32_768),
        ("claude-opus-4-7", None, 0),
        ("claude-opus-5", None, 32_768),
        ("claude-opus-5", Thinking(effort="none"), 0),
        ("claude-opus-5-5", Thinking(effort="none"), 8_192),
        ("claude-sonnet-5-5", Thinking(effort="none"), 0),
        ("claude-haiku-4-5", Thinking(budget_tokens=2_000), 2_000),
        ("claude-haiku-4-5", Thinking(extra={"type": "enabled", "budget_tokens": 3_000}), 3_000),
        ("of-my-own", Thinking(effort="high"), 0),
        ("of-my-own", Thinking(budget_tokens=2_000), 2_000),
    ],
)
def test_thinking_has_room_of_its_own_where_the_request_sets_no_bound(
    model: str, thinking: Thinking | None, room: int
) -> None:
    for bound, most in ((None, DEFAULT_MAX_TOKENS + room), (3_500, 3_500)):
        sampling = Sampling(max_tokens=bound)
        request = Request(model="x", messages=(user("hi"),), sampling=sampling, thinking=thinking)
        assert json.loads(OLD.encode(request, model, stream=False).body)["max_tokens"] == most


@pytest.mark.parametrize(
    ("model", "budget", "most"),
    [
        ("claude-opus-4-1", 30_000, 32_000),
        ("claude-opus-4-1", 32_000, 32_000 + DEFAULT_MAX_TOKENS),
        ("claude-sonnet-4-5", 63_000, 64_000),
        ("claude-sonnet-4-6", 63_000, 64_000),
        ("claude-opus-4-6", 100_000, 104_096),
        ("claude-opus-4-7", 200_000, 128_000),
    ],
)
def test_room_for_thinking_stays_within_what_a_model_may_write(model: str, budget: int, most: int) -> None:
    request = Request(model="x", messages=(user("hi"),), thinking=Thinking(budget_tokens=budget))
    assert json.loads(OLD.encode(request, model, stream=False).body)["max_tokens"] == most


def test_a_calls_id_that_comes_again_is_told_apart_in_the_call_and_its_result() -> None:
    call = ToolCallPart(id="w:0", name="f", origin="openai")
    loop = (assistant(call), tool_result(call, "1"))
    shown = turns(user("q"), *loop, *loop)
    assert [turn["content"][0]["id"] for turn in shown[1::2]] == ["w_0", "w_0_2"]
    assert [turn["content"][0]["tool_use_id"] for turn in shown[2::2]] == ["w_0", "w_0_2"]


def test_a_picture_in_the_assistants_turn_is_left_out() -> None:
    picture = ImagePart(data=b"A", media_type="image/png")
    shown = turns(user("draw"), assistant(TextPart("here"), picture), user("q"), assistant(picture), user(picture))
    assert [turn["role"] for turn in shown] == ["user", "assistant", "user", "user"]
    assert shown[1]["content"] == [{"type": "text", "text": "here"}]
    assert shown[3]["content"][0]["type"] == "image"
    result = ToolResultPart(id="c", content=(picture,))
    assert turns(assistant(CALL), ChatMessage("tool", (result,)))[1]["content"][0]["content"][0]["type"] == "image"


@pytest.mark.parametrize("media_type", ["text/plain", "text/markdown", "text/csv", "application/json"])
def test_a_document_of_text_goes_as_plain_text(media_type: str) -> None:
    plain = {"type": "text", "media_type": "text/plain", "data": "a,b"}
    for part in (
        DocumentPart(data=b"a,b", media_type=media_type),
        DocumentPart(url=f"data:{media_type};base64,YSxi"),
    ):
        assert turns(user(part))[0]["content"] == [{"type": "document", "source": plain}]
    assert "URL" in refused(user(DocumentPart(url="https://x/y", media_type=media_type)))


def test_a_document_that_is_neither_pdf_nor_text_is_refused_before_anything_is_sent() -> None:
    assert "documents" in refused(user(DocumentPart(data=b"A", media_type="application/msword")))
    assert "documents" in refused(user(DocumentPart(url="data:application/zip;base64,QQ==")))
    assert turns(user(DocumentPart(url="https://x/y", media_type="application/pdf")))


@pytest.mark.parametrize("name", ["catalog.search", "mcp:f", "", "f" * 129, "naïve"])
def test_a_tools_name_that_anthropic_refuses_is_told_before_anything_is_sent(name: str) -> None:
    assert "a tool whose name" in refused(tools=(Tool(name=name),))
    assert asked(tools=(Tool(name="a-Z_9" + "f" * 123),))["tools"]


def test_another_servers_tools_may_have_names_that_anthropic_refuses() -> None:
    request = Request(model="m", messages=(user("q"),), tools=(Tool(name="files.read"),))
    body = json.loads(AnthropicMessages(account="box").encode(request, "m", stream=False).body)
    assert body["tools"][0]["name"] == "files.read"
    with pytest.raises(WireFault, match="name"):
        AnthropicMessages().encode(request, "m", stream=False)


def test_no_turn_of_the_models_ends_with_thinking() -> None:
    thought = ThinkingPart(text="hm", signature="S", origin="anthropic")
    hidden = ThinkingPart(redacted="E", origin="anthropic")
    call = ToolCallPart(id="c", name="f", origin="anthropic")
    kinds = [
        [block["type"] for block in turns(user("q"), assistant(*parts), user("on"))[1]["content"]]
        for parts in ((thought, "a", thought, hidden), (thought, call), (thought, "a"))
    ]
    assert kinds == [["thinking", "text"], ["thinking", "tool_use"], ["thinking", "text"]]
    assert turns(user("q"), assistant(thought, hidden), user("on")) == turns(user("q"), user("on"))
