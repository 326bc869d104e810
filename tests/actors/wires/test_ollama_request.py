import json
from typing import Any

import pytest

from callboard.actors.wires.media import to_base64, to_data_url
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    ImagePart,
    Part,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    assistant,
    system,
    user,
)
from callboard.messages.request import Output, Request, Sampling, Thinking, Tool, ToolChoice

TOOL = Tool(name="add")


def sent(*messages: ChatMessage, **members: Any) -> dict[str, Any]:
    request = Request(model="m", messages=messages or (user("hi"),), **members)
    body: dict[str, Any] = json.loads(Ollama().encode(request, "m", stream=False).body)
    return body


def test_a_plain_request_is_the_least_that_ollama_needs() -> None:
    assert sent() == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": False}


def test_a_developer_speaks_as_the_system() -> None:
    assert [message["role"] for message in sent(system("a"), ChatMessage("developer", "b"))["messages"]] == [
        "system"
    ] * 2


def test_sampling_goes_into_the_options_under_their_names_and_joins_those_of_extra() -> None:
    body = sent(sampling=Sampling(max_tokens=5, top_k=2, logprobs=True), extra={"options": {"num_ctx": 8}, "raw": True})
    assert body["options"] == {"num_predict": 5, "top_k": 2, "num_ctx": 8}
    assert (body["logprobs"], body["raw"]) == (True, True)


@pytest.mark.parametrize(
    ("output", "expected"),
    [(Output(kind="json"), "json"), (Output(schema={"type": "object"}), {"type": "object"})],
)
def test_structured_output_is_the_format(output: Output, expected: Any) -> None:
    assert sent(output=output)["format"] == expected
    assert "format" not in sent(output=Output(kind="text"))


@pytest.mark.parametrize(("effort", "think"), [("none", False), ("low", "low"), ("high", "high")])
def test_an_effort_is_a_level_of_thinking(effort: Any, think: Any) -> None:
    assert sent(thinking=Thinking(effort=effort))["think"] == think


def test_members_for_thinking_that_have_no_name_stand_beside_the_effort_or_in_its_place() -> None:
    beside = sent(thinking=Thinking(effort="low", extra={"think_budget": 9}))
    assert (beside["think"], beside["think_budget"]) == ("low", 9)
    assert sent(thinking=Thinking(effort="low", extra={"think": "max"}))["think"] == "max"
    assert sent(thinking=Thinking(extra={"think": True}))["think"] is True
    assert "think" not in sent(thinking=Thinking())


def test_a_picture_in_a_data_url_is_sent_by_its_bytes() -> None:
    shown = sent(user("what?", ImagePart(url=to_data_url(b"x", "image/png"))))["messages"][0]
    assert shown == {"role": "user", "content": "what?", "images": [to_base64(b"x")]}


def test_a_model_that_must_call_no_tool_is_shown_none() -> None:
    assert "tools" not in sent(tools=(TOOL,), tool_choice=ToolChoice(mode="none"))
    assert sent(tools=(TOOL,))["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}


def test_reasoning_goes_back_only_to_ollama_itself() -> None:
    said = assistant(ThinkingPart(text="mine", origin="ollama"), ThinkingPart(text="theirs", origin="anthropic"), "so")
    assert sent(user("hi"), said)["messages"][1] == {"role": "assistant", "content": "so", "thinking": "mine"}


def test_a_result_of_many_parts_is_text_and_pictures() -> None:
    content: tuple[Part, ...] = (ImagePart(data=b"x", media_type="image/png"),)
    turn = ChatMessage("tool", (ToolResultPart(id="c", name="add", content=content),))
    expected = {"role": "tool", "content": "", "images": ["eA=="], "tool_name": "add", "tool_call_id": "c"}
    assert sent(user("hi"), assistant(ToolCallPart(id="c", name="add")), turn)["messages"][2] == expected


@pytest.mark.parametrize(
    ("message", "members", "what"),
    [
        (user(ImagePart(url="https://x")), {}, "a picture by URL"),
        (user(ImagePart(url="data:image/png,x")), {}, "a picture by URL"),
        (user(AudioPart(data=b"x")), {}, "recordings"),
        (user(DocumentPart(data=b"x")), {}, "documents"),
        (user("hi"), {"thinking": Thinking(budget_tokens=9)}, "a thinking budget"),
        (user("hi"), {"thinking": Thinking(effort="xhigh")}, "this thinking effort"),
        (user("hi"), {"tools": (TOOL,), "tool_choice": ToolChoice(mode="required")}, "forces a call"),
        (user("hi"), {"tools": (TOOL,), "parallel_tool_calls": False}, "parallel_tool_calls"),
    ],
)
def test_what_ollama_cannot_do_is_refused_before_anything_is_sent(
    message: ChatMessage, members: dict[str, Any], what: str
) -> None:
    with pytest.raises(WireFault, match=what) as refused:
        sent(message, **members)
    assert refused.value.fault.kind == "unsupported"
