"""Members that nobody knows yet, one in every object of a request: they come back, and go to no other protocol."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from callboard.actors.wires import (
    anthropic_inbound,
    cohere_inbound,
    gemini_inbound,
    ollama_inbound,
    openai_inbound,
    openai_responses_inbound,
)
from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.wire import Wire, WireFault
from callboard.messages.request import Request

Record = dict[str, Any]
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}
IMAGE = "data:image/png;base64,AAEC"
LATER = {"later": {"a": 1}}

CHAT: Record = {
    "model": "m",
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "q"},
                {"type": "image_url", "image_url": {"url": IMAGE}},
                {"type": "input_audio", "input_audio": {"data": "AAEC", "format": "wav"}},
                {"type": "file", "file": {"file_id": "f"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAEC", "filename": "n"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "7"},
    ],
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {"type": "json_object"},
}
ANTHROPIC: Record = {
    "model": "m",
    "max_tokens": 2048,
    "system": [{"type": "text", "text": "s"}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAEC"}},
                {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
                {"type": "document", "source": {"type": "file", "file_id": "f"}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "t", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "7"}]},
    ],
    "tools": [{"name": "f", "input_schema": SCHEMA}],
    "tool_choice": {"type": "tool", "name": "f"},
    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "metadata": {"user_id": "u"},
}
RESPONSES: Record = {
    "model": "m",
    "store": True,
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "q"}, {"type": "input_file", "file_id": "f"}]},
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "E"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "7"},
    ],
    "tools": [{"type": "function", "name": "f"}],
    "tool_choice": {"type": "function", "name": "f"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}},
    "reasoning": {"effort": "low"},
}
GEMINI: Record = {
    "systemInstruction": {"parts": [{"text": "s"}]},
    "contents": [
        {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAEC"}}]},
        {"role": "model", "parts": [{"functionCall": {"id": "c", "name": "f", "args": {}}, "thoughtSignature": "s"}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "c", "name": "f", "response": {"a": 7}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "generationConfig": {"thinkingConfig": {"thinkingBudget": 5}},
}
COHERE: Record = {
    "model": "m",
    "messages": [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]},
        {
            "role": "assistant",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {
            "role": "tool",
            "tool_call_id": "c",
            "content": [{"type": "document", "document": {"id": "d", "data": "7"}}],
        },
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
    "response_format": {"type": "json_object", "json_schema": SCHEMA},
    "thinking": {"type": "enabled", "token_budget": 5},
}
OLLAMA: Record = {
    "model": "m",
    "messages": [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}]},
        {"role": "tool", "content": "7", "tool_call_id": "c"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
    "options": {"temperature": 1},
}
WIRES: dict[str, tuple[Record, Callable[[bytes], Request], Wire]] = {
    "chat": (CHAT, openai_inbound.decode_request, OpenAIChat()),
    "anthropic": (ANTHROPIC, anthropic_inbound.decode_request, AnthropicMessages()),
    "responses": (RESPONSES, openai_responses_inbound.decode_request, OpenAIResponses(stateless=False)),
    "gemini": (GEMINI, lambda body: gemini_inbound.decode_request(body, "gemini-3"), Gemini()),
    "cohere": (COHERE, cohere_inbound.decode_request, Cohere()),
    "ollama": (OLLAMA, ollama_inbound.decode_request, Ollama()),
}
OF_THE_CALLER = {"parameters", "schema", "json_schema", "input_schema", "args", "response", "input", "arguments"}


def aged(value: Any) -> Any:
    """With a member of a later day in every object that is not the caller's own."""
    if isinstance(value, list):
        return [aged(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    inner = {name: one if is_the_callers(name, one) else aged(one) for name, one in value.items()}
    return inner | LATER


def is_the_callers(name: str, value: Any) -> bool:
    return name in OF_THE_CALLER and isinstance(value, dict)


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: plain(inner) for name, inner in value.items() if inner is not None and (name, inner) != ("stream", False)
    }


@pytest.mark.parametrize("name", WIRES)
@pytest.mark.parametrize("age", [lambda body: body, aged], ids=["as it is", "with members of a later day"])
def test_a_request_read_and_written_again_is_the_same(name: str, age: Callable[[Any], Any]) -> None:
    body, read, wire = WIRES[name]
    came = age(body)
    request = read(json.dumps(came).encode())
    assert plain(json.loads(wire.encode(request, request.model, stream=False).body)) == plain(came)


@pytest.mark.parametrize("source", WIRES)
@pytest.mark.parametrize("target", WIRES)
def test_what_stands_inside_a_members_object_goes_to_no_other_protocol(source: str, target: str) -> None:
    """Each protocol's own objects (`source`, `function`, `functionCall` …) would be refused by the others."""
    body, read, _ = WIRES[source]
    request = read(json.dumps(aged(body)).encode())
    try:
        sent = json.loads(WIRES[target][2].encode(request, "m", stream=False).body)
    except WireFault:
        return  # a kind of part that the other does not take
    kin = {source, *({"chat", "cohere"} if source in ("chat", "cohere") else ())}
    if target not in kin:
        found = [name for name in ("source", "file", "input_audio", "image_url", "function", "functionCall")
                 if LATER.items() <= {**(inside(sent, name) or {})}.items()]  # fmt: skip
        assert found == []


def inside(value: Any, name: str) -> Record | None:
    """The first object that has only a member of a later day under this name."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and value.get(name) == LATER:
        return LATER
    return next((found for one in inner if (found := inside(one, name)) is not None), None)
