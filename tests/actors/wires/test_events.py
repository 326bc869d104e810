"""Bodies that are no event stream where one was asked for."""

import json
import random
from typing import Any

import pytest

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.cohere_v1 import CohereV1
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.lines import MARK
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_completions import OpenAICompletions
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.wire import Wire, WireFault
from callboard.messages.chat import ToolCallPart
from callboard.messages.faults import FaultKind
from callboard.messages.reply import Answer, Delta

Told = dict[str, Any]
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
CHAT = {"role": "assistant", "content": "Hi", "reasoning_content": "hm", "tool_calls": [CALL]}
BLOCKS = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hi"}]
USED = {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}
ITEMS = [
    {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'},
]
PARTS = [{"text": "hm", "thought": True}, {"text": "Hi"}, {"functionCall": {"id": "c", "name": "f", "args": {"a": 1}}}]
OLLAMA_CALL = {"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}

WHOLE: dict[str, tuple[Wire, Told]] = {
    "chat": (OpenAIChat(), {"id": "r", "choices": [{"index": 0, "message": CHAT, "finish_reason": "tool_calls"}]}),
    "completions": (OpenAICompletions(), {"id": "r", "choices": [{"text": "Hi", "index": 0, "finish_reason": "stop"}]}),
    "responses": (OpenAIResponses(), {"id": "r", "status": "completed", "output": ITEMS}),
    "anthropic": (AnthropicMessages(), {"type": "message", "content": [*BLOCKS, USED], "stop_reason": "tool_use"}),
    "gemini": (Gemini(), {"candidates": [{"content": {"parts": PARTS}, "finishReason": "STOP"}]}),
    "cohere": (
        Cohere(),
        {"id": "r", "finish_reason": "TOOL_CALL", "message": {"content": BLOCKS, "tool_calls": [CALL]}},
    ),
    "cohere-v1": (CohereV1(), {"response_id": "r", "text": "Hi", "finish_reason": "COMPLETE"}),
    "ollama": (
        Ollama(),
        {
            "message": {"content": "Hi", "thinking": "hm", "tool_calls": [OLLAMA_CALL]},
            "done": True,
            "done_reason": "stop",
        },
    ),
}
ERRORS: dict[str, tuple[Wire, Told]] = {
    "chat": (OpenAIChat(), {"error": {"message": "Rate limit", "type": "rate_limit_error", "code": None}}),
    "chat, beside": (OpenAIChat(), {"object": "error", "message": "Slow", "type": "rate_limit_error"}),
    "completions": (OpenAICompletions(), {"error": {"message": "Slow", "type": "rate_limit_error"}}),
    "responses": (OpenAIResponses(), {"error": {"message": "Slow", "code": "rate_limit_exceeded"}}),
    "anthropic": (AnthropicMessages(), {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow"}}),
    "gemini": (Gemini(), {"error": {"code": 429, "message": "Slow", "status": "RESOURCE_EXHAUSTED"}}),
}
LINES = {"cohere-v1", "ollama"}


def pieces(body: bytes, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    places = sorted(chance.randrange(len(body) + 1) for _ in range(chance.randrange(6)))
    return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]


def streamed(wire: Wire, body: bytes, seed: int = 0) -> tuple[list[Delta], Answer]:
    decoder = wire.decoder()
    deltas = [delta for piece in pieces(body, seed) for delta in decoder.feed(piece)]
    return deltas, decoder.close()


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("indent", [None, 2], ids=["in one line", "in many lines"])
@pytest.mark.parametrize("before", [b"\n ", MARK, MARK + b"\n"], ids=["blanks", "mark", "both"])
def test_a_plain_reply_in_place_of_a_stream_is_a_reply_whose_deltas_tell_all_of_it(
    name: str, indent: int | None, before: bytes
) -> None:
    wire, told = WHOLE[name]
    if indent and name in LINES:
        pytest.skip("lines of JSON are lines")
    body = json.dumps(told, indent=indent).encode()
    whole = wire.decode(body)
    assert wire.decode(before + body) == whole
    for seed in range(20):
        deltas, answer = streamed(wire, before + body + b"\n\n", seed)
        assert answer == whole
        assert "".join(delta.text for delta in deltas) == "Hi"
        assert "".join(delta.thinking for delta in deltas) == "".join(
            getattr(part, "text", "") for part in whole.parts if type(part).__name__ == "ThinkingPart"
        )
        calls = [part for part in whole.parts if isinstance(part, ToolCallPart)]
        assert [delta.tool_id for delta in deltas if delta.tool_id] == [call.id for call in calls]
        assert "".join(delta.arguments for delta in deltas) == "".join(call.arguments for call in calls)


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_in_place_of_a_stream_is_its_fault(name: str) -> None:
    wire, told = ERRORS[name]
    for seed in range(20):
        with pytest.raises(WireFault) as caught:
            streamed(wire, json.dumps(told, indent=2).encode(), seed)
        assert caught.value.fault.kind is FaultKind.RATE_LIMITED
    with pytest.raises(WireFault) as caught:
        wire.decode(json.dumps(told).encode())
    assert caught.value.fault.kind is FaultKind.RATE_LIMITED


@pytest.mark.parametrize("name", ["cohere", "cohere-v1", "ollama"])
def test_an_error_without_a_kind_in_place_of_a_stream_is_the_servers(name: str) -> None:
    for told in ({"error": "went wrong"}, {"message": "went wrong"}):
        if (name, "message" in told) in (("cohere-v1", False), ("ollama", True)):
            continue
        for read in (lambda body: streamed(WHOLE[name][0], body), WHOLE[name][0].decode):
            with pytest.raises(WireFault, match="went wrong") as caught:
                read(json.dumps(told).encode())
            assert caught.value.fault.kind is FaultKind.SERVER


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("body", [b"<html><title>Bad gateway</title></html>", b"upstream lost", b"{}", b"[]x", b"7"])
def test_rubbish_in_place_of_a_stream_is_malformed_and_not_quoted(name: str, body: bytes) -> None:
    if (name, body) == ("ollama", b"{}") or (name == "gemini" and body == b"{}"):
        pytest.skip("an empty piece of a stream")
    for seed in range(5):
        with pytest.raises(WireFault) as caught:
            streamed(WHOLE[name][0], body + b"\n", seed)
        assert caught.value.fault.kind is FaultKind.MALFORMED_REPLY
        assert "Bad gateway" not in caught.value.fault.message


@pytest.mark.parametrize("name", WHOLE)
def test_a_plain_reply_that_is_cut_is_interrupted(name: str) -> None:
    wire, told = WHOLE[name]
    with pytest.raises(WireFault) as caught:
        streamed(wire, json.dumps(told).encode()[:-1])
    assert caught.value.fault.kind is FaultKind.INTERRUPTED


@pytest.mark.parametrize("name", WHOLE)
def test_no_body_at_all_is_interrupted(name: str) -> None:
    with pytest.raises(WireFault) as caught:
        streamed(WHOLE[name][0], b" \n")
    assert caught.value.fault.kind is FaultKind.INTERRUPTED
