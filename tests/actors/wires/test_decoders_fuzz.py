"""Bodies that were good until they were cut, doubled, shuffled or spoilt: every decoder of every wire reads them or
ends in its own fault, within time and memory that the body's length bounds."""

import contextlib
import json
import random
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.actors.wires.bodies import FAULTS, LISTS, PLAIN, REQUESTS, STREAMED, Json
from tests.proportion import in_proportion

from callboard.actors.wires import (
    anthropic_inbound,
    cohere_inbound,
    cohere_v1_inbound,
    gemini_inbound,
    ollama_inbound,
    openai_inbound,
    openai_responses_inbound,
)
from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.cohere_v1 import CohereV1
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.ollama_generate import OllamaGenerate
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_completions import OpenAICompletions
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.wire import Wire, WireFault
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.reply import Answer, Delta
from callboard.messages.validate import InvalidRequest

WIRES: dict[str, Wire] = {
    "openai": OpenAIChat(),
    "responses": OpenAIResponses(),
    "completions": OpenAICompletions(),
    "anthropic": AnthropicMessages(),
    "gemini": Gemini(),
    "vertex": Gemini("vertex", vertex=True),
    "cohere": Cohere(),
    "cohere-v1": CohereV1(),
    "ollama": Ollama(),
    "ollama-generate": OllamaGenerate(),
}


def framings(name: str, events: Iterable[Json]) -> list[bytes]:
    """A stream in each of the framings that its provider has."""
    texts = [json.dumps(event) for event in events]
    if name in ("gemini", "vertex"):
        return ["".join(f"data: {text}\r\n\r\n" for text in texts).encode(), f"[{', '.join(texts)}]".encode()]
    if name.startswith("ollama") or name == "cohere-v1":
        return ["".join(f"{text}\n" for text in texts).encode()]
    events_of = zip(events, texts, strict=True)
    named = "".join(f"event: {event.get('type', 'message')}\ndata: {text}\n\n" for event, text in events_of)
    return [(named + ": a comment\nid: 1\nretry: 5\n\ndata: [DONE]\n\n").encode("utf-8", "surrogatepass")]


ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**70,
    1e300,
    "",
    "x",
    [],
    {},
    [None],
    [[]],
    {"a": None},
    "\ud800",
    [1, "x", {}],
)


def spoilt(value: Any, chance: random.Random, rate: float) -> Any:
    """JSON with some of its values put out of shape, some left out and some doubled."""
    if chance.random() < rate:
        return chance.choice(ODD)
    if isinstance(value, list):
        kept = [spoilt(inner, chance, rate) for inner in value for _ in range(chance.choices((1, 0, 2), (12, 1, 1))[0])]
        return chance.sample(kept, len(kept)) if chance.random() < rate else kept
    if isinstance(value, dict):
        kept_names = [name for name in value if chance.random() > rate / 2]
        return {name: spoilt(value[name], chance, rate) for name in kept_names}
    return value


def torn(body: bytes, chance: random.Random) -> bytes:
    """Bytes cut, doubled, moved or changed at some places."""
    for _ in range(chance.randrange(4)):
        start, end = sorted(chance.randrange(len(body) + 1) for _ in range(2))
        body = chance.choice(
            (
                body[:end],
                body[start:],
                body[:end] + body[start:],
                body[:start] + body[end:],
                body[end:] + body[:start],
                body[:start] + chance.randbytes(3) + body[start:],
            )
        )
    return body


def mutants(good: Any, seed: int, write: Callable[[Any], bytes]) -> bytes:
    chance = random.Random(seed)
    return torn(write(spoilt(good, chance, chance.choice((0.0, 0.02, 0.1)))), chance)


def written(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def heard(wire: Wire, body: bytes, size: int) -> tuple[list[Delta], Answer | FaultKind]:
    """The deltas of a stream that comes in pieces of this size, and how it ends."""
    decoder, deltas = wire.decoder(keep_raw=True), list[Delta]()
    try:
        for start in range(0, len(body), size):
            deltas += decoder.feed(body[start : start + size])
        end: Answer | FaultKind = decoder.close()
    except WireFault as fault:
        assert fault.fault.provider == wire.name
        assert fault.fault.message
        end = fault.fault.kind
    assert isinstance(decoder.partial(), Answer)
    return deltas, end


seeds = st.integers(0, 2**40)
each = pytest.mark.parametrize("name", WIRES)


@each
@given(seed=seeds)
@settings(max_examples=150, deadline=None)
def test_a_stream_that_was_spoilt_is_read_or_is_a_fault_wherever_it_is_split(name: str, seed: int) -> None:
    wire, chance = WIRES[name], random.Random(seed)
    rate = chance.choice((0.0, 0.03, 0.12))
    events = [event for event in (spoilt(good, chance, rate) for good in STREAMED[name]) if isinstance(event, dict)]
    if chance.random() < 0.3:
        events = chance.sample(events, len(events))
    body = torn(chance.choice(framings(name, events)), chance)
    assert heard(wire, body, chance.randrange(1, 80)) == heard(wire, body, max(1, len(body)))


@each
@given(seed=seeds)
@settings(max_examples=150, deadline=None)
def test_a_plain_reply_that_was_spoilt_is_read_or_is_a_fault(name: str, seed: int) -> None:
    body = mutants(PLAIN[name], seed, written)
    try:
        assert isinstance(WIRES[name].decode(body, keep_raw=seed % 2 == 0), Answer)
    except WireFault as fault:
        assert fault.fault.provider == WIRES[name].name


@each
@given(seed=seeds)
@settings(max_examples=100, deadline=None)
def test_lists_of_any_kind_are_read_or_are_faults(name: str, seed: int) -> None:
    """Models, embeddings, rankings and images, each from the body of any."""
    wire = WIRES[name]
    body = mutants(LISTS[seed % len(LISTS)], seed, written)
    steps = (
        getattr(wire, step, None) for step in ("decode_models", "decode_embeddings", "decode_rerank", "decode_images")
    )
    for step in filter(None, steps):
        try:
            step(body)
        except WireFault as fault:
            assert fault.fault.provider == wire.name


HEADERS = (
    "retry-after", "retry-after-ms", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens-minute", "anthropic-ratelimit-tokens-reset",
    "anthropic-ratelimit-requests-remaining", "x-trial-endpoint-call-limit", "x-debug-trace-id", "request-id",
    "x-should-retry",
)  # fmt: skip
VALUES = ("", "0", "-1", "1.5", "1e999", "nan", "6m0s", "20ms", "Wed, 21 Oct 2026 07:28:00 GMT", "2026-11-21T08:00:00Z",
          "9" * 400, "x", "٣", "Wed, 99 Foo 99999 99:99:99 GMT")  # fmt: skip


@each
@given(seed=seeds, status=st.sampled_from((302, 400, 401, 402, 403, 404, 408, 413, 422, 429, 498, 500, 503, 529, 599)))
@settings(max_examples=100, deadline=None)
def test_a_refusal_of_any_kind_is_a_fault_with_a_message(name: str, seed: int, status: int) -> None:
    chance = random.Random(seed)
    headers = {header: chance.choice(VALUES) for header in HEADERS if chance.random() < 0.5}
    fault = WIRES[name].fault(status, headers, mutants(chance.choice(FAULTS), seed, written))
    assert isinstance(fault, Fault)
    assert (fault.provider, fault.status, bool(fault.message)) == (WIRES[name].name, status, True)
    assert fault.retry_after is None or fault.retry_after >= 0
    WIRES[name].limits(headers)


READERS: dict[str, Callable[[bytes], Any]] = {
    "openai": lambda body: openai_inbound.decode_request(body, "openai"),
    "responses": lambda body: openai_responses_inbound.decode_request(body, "openai"),
    "anthropic": anthropic_inbound.decode_request,
    "gemini": lambda body: gemini_inbound.decode_request(body, "m"),
    "cohere": cohere_inbound.decode_request,
    "cohere-v1": cohere_v1_inbound.decode_request,
    "ollama": ollama_inbound.decode_request,
}


@pytest.mark.parametrize("name", READERS)
@given(seed=seeds)
@settings(max_examples=100, deadline=None)
def test_a_request_of_any_kind_is_read_or_refused(name: str, seed: int) -> None:
    with contextlib.suppress(InvalidRequest):
        READERS[name](mutants(REQUESTS[seed % len(REQUESTS)], seed, written))


@each
def test_a_hostile_stream_takes_time_and_memory_in_proportion_to_its_length(name: str) -> None:
    """A quarter of a megabyte as one line, as empty lines, as deep JSON and as many small events, in small pieces."""
    event = framings(name, STREAMED[name][:1])[0]
    bodies = [b"data: " + b"x" * 250_000, b"\n" * 250_000, b"[" * 250_000, event * (250_000 // len(event))]

    def read(body: bytes) -> None:
        decoder = WIRES[name].decoder()
        with contextlib.suppress(WireFault):
            for start in range(0, len(body), 50):
                decoder.feed(body[start : start + 50])
            decoder.close()

    for body in bodies:
        in_proportion(lambda size, body=body: read(body[:size]), len(body))  # type: ignore[misc]
        tracemalloc.start()
        read(body)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20_000_000
