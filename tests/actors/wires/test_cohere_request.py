import json
from typing import Any

import pytest

from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.cohere_inbound import decode_request
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
    user,
)
from callboard.messages.request import Output, Request, Sampling, Thinking, Tool, ToolChoice

TOOLS = (Tool(name="f", description="d", parameters={"type": "object"}), Tool(name="g"))
PLAN = ThinkingPart(text="first f", origin="cohere", extra={"type": "tool_plan"})


def body(*messages: ChatMessage, stream: bool = False, **members: Any) -> dict[str, Any]:
    request = Request(model="fast", messages=messages or (user("hi"),), **members)
    sent: dict[str, Any] = json.loads(Cohere().encode(request, "command", stream=stream).body)
    return sent


def again(sent: dict[str, Any]) -> Request:
    return decode_request(json.dumps(sent).encode())


def refused(*messages: ChatMessage, **members: Any) -> str:
    with pytest.raises(WireFault) as caught:
        body(*messages, **members)
    assert caught.value.fault.kind == "unsupported"
    return caught.value.fault.message


def test_the_shortest_request_says_nothing_that_was_not_asked() -> None:
    assert body() == {"model": "command", "messages": [{"role": "user", "content": "hi"}]}
    assert body(stream=True)["stream"] is True


def test_sampling_goes_by_coheres_names() -> None:
    sampling = Sampling(
        max_tokens=1, temperature=0.5, top_p=0.25, top_k=3, seed=4, stop=("x",), presence_penalty=0.5,
        frequency_penalty=0.25, logprobs=True,
    )  # fmt: skip
    sent = body(sampling=sampling)
    assert {name: sent[name] for name in sent if name not in ("model", "messages")} == {
        "max_tokens": 1, "temperature": 0.5, "p": 0.25, "k": 3, "seed": 4, "stop_sequences": ["x"],
        "presence_penalty": 0.5, "frequency_penalty": 0.25, "logprobs": True,
    }  # fmt: skip
    assert again(sent).sampling == sampling


@pytest.mark.parametrize("sampling", [Sampling(min_p=0.1), Sampling(logprobs=True, top_logprobs=2)])
def test_sampling_that_cohere_does_not_know_is_unsupported(sampling: Sampling) -> None:
    assert "sampling." in refused(sampling=sampling)


@pytest.mark.parametrize(
    ("choice", "shown", "tools"),
    [
        (None, None, 2),
        (ToolChoice(), None, 2),
        (ToolChoice(mode="none"), "NONE", 2),
        (ToolChoice(mode="required"), "REQUIRED", 2),
        (ToolChoice(mode="named", name="g"), "REQUIRED", 1),
    ],
)
def test_a_named_tool_is_forced_by_sending_it_alone(choice: ToolChoice | None, shown: str | None, tools: int) -> None:
    sent = body(tools=TOOLS, tool_choice=choice)
    assert (sent.get("tool_choice"), len(sent["tools"])) == (shown, tools)
    assert sent["tools"][-1]["function"] == {"name": "g", "parameters": {"type": "object", "properties": {}}}


def test_one_strict_tool_makes_all_of_them_strict() -> None:
    assert "strict_tools" not in body(tools=TOOLS)
    assert body(tools=(*TOOLS, Tool(name="h", strict=True)))["strict_tools"] is True


def test_tool_calls_cannot_be_kept_from_running_in_parallel() -> None:
    assert "parallel" in refused(tools=TOOLS, parallel_tool_calls=False)
    assert body(tools=TOOLS, parallel_tool_calls=True).keys() == {"model", "messages", "tools"}


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (Output(kind="text"), {"type": "text"}),
        (Output(kind="json"), {"type": "json_object"}),
        (Output(schema={"type": "object"}), {"type": "json_object", "json_schema": {"type": "object"}}),
    ],
)
def test_structured_output_is_a_response_format(output: Output, shown: dict[str, Any]) -> None:
    sent = body(output=output)
    assert sent["response_format"] == shown
    assert again(sent).output == output


@pytest.mark.parametrize(
    ("thinking", "shown"),
    [
        (Thinking(effort="none"), {"type": "disabled"}),
        (Thinking(budget_tokens=500), {"type": "enabled", "token_budget": 500}),
        (Thinking(extra={"type": "enabled"}), {"type": "enabled"}),
    ],
)
def test_thinking_is_on_off_or_bounded(thinking: Thinking, shown: dict[str, Any]) -> None:
    sent = body(thinking=thinking)
    assert sent["thinking"] == shown
    assert again(sent).thinking == thinking
    assert "effort" in refused(thinking=Thinking(effort="low"))


def test_an_assistants_turn_goes_back_with_its_plan_and_its_thinking() -> None:
    turn = ChatMessage(
        "assistant",
        (
            ThinkingPart(text="hm", origin="cohere"),
            TextPart("a"),
            PLAN,
            ToolCallPart(id="c", name="f", arguments='{"x":1}', origin="cohere"),
        ),
    )
    (shown,) = body(turn)["messages"]
    assert shown == {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}],
        "tool_plan": "first f",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}],
    }
    (read,) = again(body(turn)).messages
    assert [type(part) for part in read.parts] == [type(part) for part in turn.parts]
    assert read.parts[2] == PLAN


def test_a_turn_of_calls_alone_has_no_content() -> None:
    (shown,) = body(ChatMessage("assistant", (ToolCallPart(id="c", name="f"),)))["messages"]
    assert shown.keys() == {"role", "tool_calls"}


@pytest.mark.parametrize(
    "content", ["", (), (ThinkingPart(text="hm", signature="s", origin="anthropic"),), (PLAN,)], ids=repr
)
def test_an_assistants_turn_without_content_and_calls_is_left_out(content: str | tuple[Part, ...]) -> None:
    shown = body(user("hi"), ChatMessage("assistant", content), user("again"))["messages"]
    assert [message["role"] for message in shown] == ["user", "user"]


@pytest.mark.parametrize(
    "part",
    [
        ThinkingPart(text="hm", signature="s", origin="anthropic"),
        ThinkingPart(redacted="x", origin="anthropic"),
        ThinkingPart(text="", origin="cohere"),
        OpaquePart(origin="anthropic", block={"type": "server_tool_use", "id": "t"}),
    ],
)
def test_what_only_another_provider_understands_is_not_sent(part: Part) -> None:
    (shown,) = body(ChatMessage("assistant", (part, TextPart("a", extra={"citations": [1]}))))["messages"]
    assert shown["content"] == [{"type": "text", "text": "a"}]


def test_what_came_from_cohere_goes_back_to_it() -> None:
    block = {"type": "smell", "data": "x"}
    own = ToolCallPart(id="c", name="f", origin="cohere", extra={"weight": 1})
    foreign = ToolCallPart(id="d", name="f", origin="openai", extra={"weight": 1})
    (shown,) = body(ChatMessage("assistant", (OpaquePart(origin="cohere", block=block), own, foreign)))["messages"]
    assert shown["content"] == [block]
    assert ["weight" in call for call in shown["tool_calls"]] == [True, False]


def test_pictures_go_by_url_and_by_bytes() -> None:
    parts = (
        ImagePart(url="https://example.org/a.png", detail="low"),
        ImagePart(data=b"\0\1\2", media_type="image/png"),
    )
    sent = body(user(*parts))
    assert [block["image_url"] for block in sent["messages"][0]["content"]] == [
        {"url": "https://example.org/a.png", "detail": "low"},
        {"url": "data:image/png;base64,AAEC"},
    ]
    assert again(sent).messages[0].content == parts


def test_every_tool_result_is_a_message_and_documents_in_it_can_be_cited() -> None:
    papers = (
        DocumentPart(data=b'{"title":"T"}', media_type="application/json", name="doc-1"),
        DocumentPart(data=b"words", media_type="text/plain"),
        TextPart("a"),
    )
    results = ChatMessage("tool", (ToolResultPart(id="c", content="5"), ToolResultPart(id="d", content=papers)))
    sent = body(results)
    assert sent["messages"] == [
        {"role": "tool", "tool_call_id": "c", "content": "5"},
        {
            "role": "tool",
            "tool_call_id": "d",
            "content": [
                {"type": "document", "document": {"id": "doc-1", "data": {"title": "T"}}},
                {"type": "document", "document": {"data": "words"}},
                {"type": "text", "text": "a"},
            ],
        },
    ]
    assert again(sent).messages[1].parts == (ToolResultPart(id="d", content=papers),)


def test_a_document_with_members_of_its_own_stays_as_it_is() -> None:
    block = {"type": "document", "document": {"data": "words", "shelf": 3}}
    sent = {"model": "m", "messages": [{"role": "tool", "tool_call_id": "c", "content": [block]}]}
    (result,) = again(sent).messages[0].parts
    assert result == ToolResultPart(id="c", content=(OpaquePart(origin="cohere", block=block),))
    assert body(ChatMessage("tool", (result,)))["messages"] == sent["messages"]


@pytest.mark.parametrize(
    "part",
    [
        AudioPart(data=b"x", media_type="audio/wav"),
        DocumentPart(data=b"x", media_type="text/plain"),
        DocumentPart(url="https://example.org/a.pdf"),
    ],
)
def test_recordings_and_documents_of_the_user_are_unsupported(part: Part) -> None:
    assert "cohere does not take" in refused(user(part))


@pytest.mark.parametrize(
    "part",
    [
        ImagePart(url="https://example.org/a.png"),
        DocumentPart(url="https://example.org/a.pdf"),
        DocumentPart(data=b"%PDF", media_type="application/pdf"),
        DocumentPart(data=b"\xff", media_type="text/plain"),
        DocumentPart(data=b"[1]", media_type="application/json"),
    ],
)
def test_a_tools_result_holds_text_and_readable_documents_only(part: Part) -> None:
    refused(ChatMessage("tool", (ToolResultPart(id="c", content=(part,)),)))


def test_instructions_of_either_kind_are_the_systems_and_a_refusal_is_text() -> None:
    turns = (ChatMessage("developer", "d"), ChatMessage("system", "s"), ChatMessage("assistant", (RefusalPart("no"),)))
    assert [(one["role"], one["content"]) for one in body(*turns)["messages"]] == [
        ("system", "d"), ("system", "s"), ("assistant", [{"type": "text", "text": "no"}]),
    ]  # fmt: skip


def test_what_has_no_name_here_passes_through() -> None:
    sent = body(extra={"documents": ["a"], "safety_mode": "OFF"}, user="u", tag="t", metadata={"k": "v"})
    assert sent.keys() == {"model", "messages", "documents", "safety_mode"}
    assert again(sent).extra == {"documents": ["a"], "safety_mode": "OFF"}
