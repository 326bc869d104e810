import json
from typing import Any

import pytest

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_inbound import decode_request
from callboard.actors.wires.presets import PRESETS
from callboard.messages.chat import ThinkingPart, tool_result, user
from callboard.messages.reply import Answer, Delta
from callboard.messages.request import Request

Members = dict[str, Any]

CALL = {"index": 0, "id": "toolu_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
SIGNED = {"type": "thinking", "thinking": "Step 1. Step 2.", "signature": "sig"}
REDACTED = {"type": "redacted_thinking", "data": "E"}


def piece(text: str, signature: str = "") -> Members:
    return {"thinking_blocks": [{"type": "thinking", "thinking": text, "signature": signature}]}


def litellm(name: str = "litellm") -> OpenAIChat:
    return OpenAIChat(name, quirks=PRESETS["litellm"].quirks)


def streamed(*deltas: Members, model: str = "smart") -> tuple[Answer, list[Delta]]:
    told: list[Members] = [{"index": 0, "delta": delta} for delta in (*deltas, {"tool_calls": [CALL]})]
    told.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    decoder = litellm().decoder()
    body = b"".join(f"data: {json.dumps({'model': model, 'choices': [one]})}\n\n".encode() for one in told)
    came = decoder.feed(body)
    return decoder.close(), came


def whole(*blocks: Members) -> Answer:
    message = {"reasoning_content": "Step 1. Step 2.", "thinking_blocks": list(blocks), "tool_calls": [CALL]}
    body = {"model": "smart", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    return litellm().decode(json.dumps(body).encode())


def sent(answer: Answer, model: str = "smart", name: str = "litellm") -> Members:
    result = tool_result(answer.tool_calls[0], "sunny")
    request = Request(model="m", messages=(user("q"), answer.message, result))
    told: Members = json.loads(litellm(name).encode(request, model, stream=False).body)["messages"][1]
    return told


def test_what_claude_signed_behind_litellm_goes_back_with_its_tool_calls() -> None:
    assert sent(whole(SIGNED, REDACTED))["thinking_blocks"] == [SIGNED, REDACTED]
    assert sent(whole(SIGNED))["reasoning_content"] == "Step 1. Step 2."


STREAMS: dict[str, tuple[Members, ...]] = {
    "whole once it is signed": (
        {"reasoning_content": "Step 1. "},
        {"reasoning_content": "Step 2."},
        piece("Step 1. Step 2.", "sig"),
    ),
    "in pieces, the last of which is signed": (
        {"reasoning_content": "Step 1. "} | piece("Step 1. "),
        {"reasoning_content": "Step 2."} | piece("Step 2."),
        piece("", "sig"),
    ),
    "in pieces, and once more with its signature": (
        {"reasoning_content": "Step 1. Step 2."} | piece("Step 1. Step 2."),
        piece("Step 1. Step 2.", "sig"),
    ),
}


@pytest.mark.parametrize("deltas", STREAMS.values(), ids=STREAMS)
def test_a_streamed_block_goes_back_whole_and_its_thinking_is_told_once(deltas: tuple[Members, ...]) -> None:
    answer, told = streamed(*deltas, {"thinking_blocks": [REDACTED]})
    assert sent(answer)["thinking_blocks"] == [SIGNED, REDACTED]
    assert "".join(delta.thinking for delta in told) == answer.thinking == "Step 1. Step 2."


def test_each_block_of_a_turn_keeps_its_own_signature() -> None:
    answer, _ = streamed(piece("a"), piece("", "A"), {"content": "so"}, piece("b"), piece("", "B"))
    assert [(one["thinking"], one["signature"]) for one in sent(answer)["thinking_blocks"]] == [("a", "A"), ("b", "B")]


def test_thinking_that_is_only_signed_goes_back_and_no_empty_reasoning_beside_it() -> None:
    told = sent(streamed(piece("", "sig"))[0])
    assert told["thinking_blocks"] == [{"type": "thinking", "thinking": "", "signature": "sig"}]
    assert "reasoning_content" not in told


def test_what_was_never_signed_does_not_go_back() -> None:
    assert "thinking_blocks" not in sent(streamed({"reasoning_content": "Step"} | piece("Step"))[0])


@pytest.mark.parametrize(
    ("model", "name", "taken"),
    [
        ("smart", "litellm", True),
        ("anthropic/claude-haiku-4-5", "litellm", True),
        ("fireworks/glm-5", "litellm", False),
        ("smart", "openai", False),
    ],
)
def test_blocks_go_back_to_their_own_model_or_a_claude_of_their_origin_alone(
    model: str, name: str, taken: bool
) -> None:
    assert ("thinking_blocks" in sent(whole(SIGNED), model, name)) is taken


def test_inbound_blocks_are_the_origins_own() -> None:
    message = {"role": "assistant", "content": "hi", "thinking_blocks": [SIGNED]}
    request = decode_request(json.dumps({"model": "m", "messages": [message]}).encode(), "litellm")
    for name, taken in (("litellm", True), ("groq", False)):
        again = json.loads(litellm(name).encode(request, "claude-opus-5", stream=False).body)["messages"][0]
        assert ("thinking_blocks" in again) is taken


def test_nonsense_in_place_of_blocks_costs_nothing() -> None:
    nonsense: tuple[Any, ...] = (7, "x", [7, None, {}, {"thinking": 3, "signature": []}], {"a": 1})
    for told in nonsense:
        answer, _ = streamed({"content": "hi", "thinking_blocks": told})
        assert answer.text == "hi"
        assert not any(isinstance(part, ThinkingPart) for part in answer.parts)
