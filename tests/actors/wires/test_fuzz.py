"""Whatever bytes a provider sends: deltas, an answer or a WireFault come out, never another error, in bounded time."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.wire import Wire, WireFault
from callboard.messages.reply import Answer, Delta

WIRES: tuple[Wire, ...] = (OpenAIChat(), AnthropicMessages())
both = pytest.mark.parametrize("wire", WIRES, ids=lambda wire: str(wire.name))

WORDS = (
    "id",
    "model",
    "choices",
    "index",
    "delta",
    "message",
    "content",
    "role",
    "assistant",
    "text",
    "type",
    "thinking",
    "reasoning_content",
    "reasoning",
    "refusal",
    "tool_calls",
    "function",
    "function_call",
    "name",
    "arguments",
    "error",
    "code",
    "status_code",
    "details",
    "error_code",
    "usage",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "prompt_tokens_details",
    "cached_tokens",
    "logprobs",
    "annotations",
    "audio",
    "citations",
    "finish_reason",
    "stop",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_start",
    "message_delta",
    "message_stop",
    "ping",
    "text_delta",
    "thinking_delta",
    "input_json_delta",
    "signature_delta",
    "citations_delta",
    "partial_json",
    "signature",
    "citation",
    "content_block",
    "tool_use",
    "redacted_thinking",
    "input",
    "data",
    "stop_reason",
    "end_turn",
    "input_tokens",
    "output_tokens",
    "output_tokens_details",
    "container",
    "metadata",
    "raw",
    "detail",
    "request_id",
)

leaves = st.none() | st.booleans() | st.integers(-3, 600) | st.floats() | st.sampled_from(WORDS) | st.text(max_size=4)
values: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=25,
)
objects = st.dictionaries(st.sampled_from(WORDS), values, max_size=6)


def shaped(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of the right shape with anything in their leaves."""
    return st.fixed_dictionaries({}, optional=members)


numbers = st.integers(0, 3)
function = shaped(name=leaves, arguments=values)
calls = st.lists(shaped(index=numbers | leaves, id=leaves, function=function, extra_content=values), max_size=3)
piece = shaped(content=values, reasoning=leaves, refusal=leaves, tool_calls=calls, function_call=function, audio=values)
choice = shaped(index=numbers, delta=piece, message=piece, finish_reason=values, logprobs=values, error=values)
block = objects | shaped(
    type=st.sampled_from(["text", "thinking", "tool_use", "redacted_thinking", "new"]),
    text=leaves,
    thinking=leaves,
    id=leaves,
    name=leaves,
    input=values,
    data=leaves,
    citations=values,
)
deltas = objects | shaped(
    type=st.sampled_from([word for word in WORDS if word.endswith("_delta")]),
    text=leaves,
    partial_json=leaves,
    signature=leaves,
    citation=values,
    input=values,
)
kinds = st.sampled_from([word for word in WORDS if word.startswith(("content_block_", "message_"))])
SHAPED = {
    "openai": shaped(choices=st.lists(choice, max_size=2), usage=values, error=values, citations=values),
    "anthropic": st.fixed_dictionaries(
        {"type": kinds},
        optional={"index": numbers, "delta": deltas, "content_block": block, "message": values, "usage": values},
    ),
}


def chunk(**delta: Any) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


GOOD: dict[str, list[Any]] = {
    "openai": [
        chunk(role="assistant", content=""),
        chunk(reasoning_content="hm"),
        chunk(content="Hé"),
        chunk(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}]),
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}},
    ],
    "anthropic": [
        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        },
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"é": 1}'}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ],
}


def framed(events: list[Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n" for event in events)


def read(wire: Wire, body: bytes, split: int) -> tuple[list[Delta], Answer | str]:
    """The deltas, and how it ended. The answer so far can be had at every moment."""
    decoder, deltas = wire.decoder(keep_raw=True), []
    try:
        for start in range(0, len(body), split):
            deltas += decoder.feed(body[start : start + split])
            decoder.partial()
        return deltas, decoder.close()
    except WireFault as fault:
        decoder.partial()
        return deltas, fault.fault.kind


@both
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_streams_that_are_cut_repeated_shuffled_and_corrupted_end_in_an_answer_or_a_fault(
    wire: Wire, data: st.DataObject
) -> None:
    events = data.draw(st.lists(st.sampled_from(GOOD[wire.name]), max_size=12))
    body = bytearray(framed(events))
    for place, byte in data.draw(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4)):
        if body:
            body[place % len(body)] = byte
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    whole, split = (read(wire, cut, size) for size in (max(1, len(cut)), data.draw(st.integers(1, 60))))
    assert whole == split


@both
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_streams_of_json_that_means_nothing_end_in_an_answer_or_a_fault(wire: Wire, data: st.DataObject) -> None:
    read(wire, framed(data.draw(st.lists(SHAPED[wire.name] | objects, max_size=6))), 50)


@both
@given(
    body=st.binary(max_size=200)
    | (values | SHAPED["openai"] | st.lists(block).map(lambda blocks: {"content": blocks}))
    .map(json.dumps)
    .map(str.encode)
)
@settings(max_examples=100, deadline=None)
def test_plain_replies_errors_and_model_lists_of_any_kind_are_read_or_are_faults(wire: Wire, body: bytes) -> None:
    for step in (wire.decode, wire.decode_models):
        try:
            step(body)
        except WireFault as fault:
            assert fault.fault.provider == wire.name
    assert wire.fault(500, {}, body).message
