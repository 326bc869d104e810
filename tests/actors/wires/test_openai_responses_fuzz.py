"""Whatever bytes come as a response, a completion or an embedding: only a WireFault comes out, or a value."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.actors.wires.openai_completions import OpenAICompletions
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.openai_responses_inbound import decode_request
from callboard.actors.wires.wire import Wire, WireFault
from callboard.messages.reply import Answer, Delta
from callboard.messages.validate import InvalidRequest

WORDS = (
    "message", "reasoning", "function_call", "web_search_call", "output_text", "refusal", "summary_text", "input_text",
    "reasoning_text", "type", "id", "call_id", "name", "arguments", "content", "summary", "text", "annotations",
    "logprobs", "encrypted_content", "phase", "status", "completed", "incomplete", "failed", "error", "code", "usage",
    "input_tokens", "output_tokens_details", "model", "output", "incomplete_details", "reason", "role", "user",
)  # fmt: skip
EVENTS = (
    "response.created", "response.output_item.added", "response.output_item.done", "response.output_text.delta",
    "response.refusal.delta", "response.reasoning_text.delta", "response.function_call_arguments.delta",
    "response.completed", "response.incomplete", "response.failed", "error", "response.new",
)  # fmt: skip

leaves = st.none() | st.booleans() | st.integers(-3, 600) | st.floats() | st.sampled_from(WORDS) | st.text(max_size=4)
values: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
)
kinds = st.sampled_from(WORDS[:7])
blocks = st.lists(st.fixed_dictionaries({"type": kinds}, optional={"text": leaves, "refusal": leaves}), max_size=3)
item = values | st.fixed_dictionaries(
    {"type": kinds},
    optional={
        "id": leaves, "call_id": leaves, "name": leaves, "arguments": values, "content": blocks | values,
        "summary": blocks | values, "encrypted_content": leaves, "phase": values, "role": leaves, "output": values,
    },
)  # fmt: skip
response = values | st.fixed_dictionaries(
    {"output": st.lists(item, max_size=4) | values},
    optional={"status": leaves, "error": values, "usage": values, "incomplete_details": values, "model": values},
)
event = st.fixed_dictionaries(
    {"type": st.sampled_from(EVENTS)},
    optional={
        "output_index": st.integers(-1, 2) | values, "item_id": values, "item": item, "delta": values,
        "response": response, "error": values, "code": values, "message": values,
    },
)  # fmt: skip
choice = st.fixed_dictionaries(
    {}, optional={"text": values, "index": values, "finish_reason": values, "logprobs": values}
)
chunk = values | st.fixed_dictionaries({"choices": st.lists(choice, max_size=3) | values}, optional={"usage": values})


def stream(wire: Wire, body: bytes, cut: int) -> list[Delta]:
    """The deltas; checks that nothing but a WireFault comes out and that `partial` always answers."""
    decoder, deltas = wire.decoder(keep_raw=True), list[Delta]()
    try:
        deltas += decoder.feed(body[:cut])
        deltas += decoder.feed(body[cut:])
        assert isinstance(decoder.close(), Answer)
    except WireFault as error:
        assert str(error)
    assert isinstance(decoder.partial(), Answer)
    return deltas


def framed(events: list[Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in events)


@settings(max_examples=150, deadline=None)
@given(st.lists(event, max_size=6), st.integers(0, 400))
def test_a_stream_of_any_events_gives_the_same_deltas_wherever_it_is_split(events: list[Any], cut: int) -> None:
    body = framed(events)
    assert stream(OpenAIResponses(), body, cut) == stream(OpenAIResponses(), body, len(body))


@settings(max_examples=80, deadline=None)
@given(st.lists(chunk, max_size=4), st.integers(0, 300))
def test_a_stream_of_any_completions_gives_the_same_deltas_wherever_it_is_split(chunks: list[Any], cut: int) -> None:
    body = framed(chunks)
    assert stream(OpenAICompletions(), body, cut) == stream(OpenAICompletions(), body, len(body))


@settings(max_examples=150, deadline=None)
@given(response.map(lambda told: json.dumps(told).encode()) | st.binary(max_size=40))
def test_any_body_is_an_answer_or_a_fault(body: bytes) -> None:
    for decode in (OpenAIResponses().decode, OpenAICompletions().decode, OpenAIResponses().decode_embeddings):
        try:
            decode(body)
        except WireFault as error:
            assert str(error)


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {"model": leaves, "input": st.lists(item, max_size=4) | values},
        optional={"text": values, "tools": values, "reasoning": values, "stop": values},
    )
)
def test_any_inbound_body_is_a_request_or_refused(body: dict[str, Any]) -> None:
    try:
        decode_request(json.dumps(body).encode())
    except InvalidRequest as error:
        assert str(error)
