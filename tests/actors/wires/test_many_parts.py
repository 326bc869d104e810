"""A reply of very many parts is no reply: each part is looked at by itself, and nobody else has a turn meanwhile."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.jsons import MOST_PARTS
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.wire import Wire, WireFault

Json = dict[str, Any]

CALL = {"function": {"name": "f", "arguments": {}}}
BLOCK = {"type": "later"}


def chat(**message: Any) -> Json:
    return {"choices": [{"message": message}]}


def replies(count: int) -> list[tuple[Wire, Json]]:
    calls, blocks = [CALL] * count, [BLOCK] * count
    named = [{"type": "tool_use", "id": "c", "name": "f", "input": {}}] * count
    return [
        (OpenAIChat(), chat(tool_calls=[{**CALL, "index": number} for number in range(count)])),
        (OpenAIChat(), chat(content=blocks)),
        (AnthropicMessages(), {"type": "message", "content": named}),
        (Gemini(), {"candidates": [{"content": {"parts": [{"later": 1}] * count}}]}),
        (Cohere(), {"message": {"tool_calls": calls}}),
        (Ollama(), {"message": {"tool_calls": calls}, "done": True}),
        (OpenAIResponses(), {"output": blocks, "status": "completed"}),
    ]


@contextmanager
def counted() -> Iterator[list[str]]:
    """The names of the Python functions that are called meanwhile."""
    names: list[str] = []
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: names.append(frame.f_code.co_name) if event == "call" else None)
    try:
        yield names
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize("number", range(len(replies(0))))
def test_a_reply_of_very_many_parts_is_malformed_before_more_of_them_are_looked_at(number: int) -> None:
    wire, reply = replies(MOST_PARTS)[number]
    body = json.dumps(reply).encode()
    with counted() as most:
        assert len(wire.decode(body).parts) == MOST_PARTS
    wire, reply = replies(12 * MOST_PARTS)[number]
    body = json.dumps(reply).encode()
    with counted() as those_of_more, pytest.raises(WireFault, match="more than 10,000 parts"):
        wire.decode(body)
    assert len(those_of_more) < 1.01 * len(most)


def test_a_stream_of_very_many_blocks_ends_with_what_had_come() -> None:
    decoder = AnthropicMessages().decoder()
    block = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    with pytest.raises(WireFault, match="more than 10,000 parts"):
        for index in range(MOST_PARTS + 2):
            start = {"type": "content_block_start", "index": index, "content_block": block}
            decoder.feed(b"data: " + json.dumps(start).encode() + b"\n\n")
    assert len(decoder.partial().parts) == MOST_PARTS
