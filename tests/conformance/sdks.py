"""The same bodies read by the providers' own clients: their models for plain replies, their accumulators for streams.

Where a client has no accumulator (google-genai, cohere, ollama) its models read each event, and the table adds them up.
The clients are no dependency: the extra `conformance` installs them.
"""

import importlib
import os
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance import ours
from tests.conformance.corpus import Record, payloads, streamed

CLIENTS = {
    "chat_completions": "openai",
    "responses": "openai",
    "messages": "anthropic",
    "generateContent": "google.genai",
    "streamGenerateContent": "google.genai",
    "v2/chat": "cohere",
    "v1/chat": "cohere",
    "api/chat": "ollama",
    "api/generate": "ollama",
}
"""Whose client reads which API."""


_BLOCKS = "Mistral's content turns from a string into a list of blocks, which OpenAI's accumulator confuses"
UNREADABLE = {
    "12b74dbf8ad7": _BLOCKS,
    "520dd1f430e8": _BLOCKS,
    "726e68eac645": _BLOCKS,
    "566b5b53906d": "OpenRouter's reasoning_details come without the index that OpenAI's accumulator wants",
}
"""Streams that the official accumulator cannot add up, and why."""


def need(api: str) -> None:
    """Skips when the API's client is not installed; in CI that is an error."""
    name = CLIENTS[api]
    try:
        importlib.import_module(name)
    except ImportError:
        missing = f"the client {name} is not installed; pip install -e '.[conformance]' does it"
        pytest.fail(missing) if "CI" in os.environ else pytest.skip(missing)


def reading(record: Record) -> Record:
    """What the client makes of the reply, by the table."""
    api = record["api"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # their models' complaints of members that they do not know
        whole = _READERS[CLIENTS[api]](record)
    read: Record = ours.READINGS[api].reading(whole)
    return {name: value for name, value in read.items() if not name.startswith("extra.")}


def _module(name: str) -> Any:
    return importlib.import_module(name)


def _openai(record: Record) -> Record:
    if record["api"] == "responses":
        return _openai_response(record)
    types, came = _module("openai.types.chat"), payloads(record)
    if not streamed(record):
        return _dumped(types.ChatCompletion.construct(**came[0]))
    state = _module("openai.lib.streaming.chat").ChatCompletionStreamState()
    for chunk in came:
        state.handle_chunk(types.ChatCompletionChunk.construct(**chunk))
    return _dumped(state.current_completion_snapshot)


def _openai_response(record: Record) -> Record:
    types, came = _module("openai.types.responses"), payloads(record)
    if not streamed(record):
        return _dumped(types.Response.construct(**came[0]))
    models = _module("openai._models")
    state = _module("openai.lib.streaming.responses._responses").ResponseStreamState(
        input_tools=_module("openai").omit, text_format=_module("openai").omit
    )
    for event in came:
        state.handle_event(models.construct_type(value=event, type_=types.ResponseStreamEvent))
    return _dumped(state._completed_response)


def _anthropic(record: Record) -> Record:
    types, came = _module("anthropic.types"), payloads(record)
    if not streamed(record):
        return _dumped(types.Message.construct(**came[0]))
    streaming, models = _module("anthropic.lib.streaming._messages"), _module("anthropic._models")
    message: Any = None
    texts: dict[int, bytes] = {}
    for event in came:
        if event["type"] in ("ping", "message_stop"):
            continue
        read = models.construct_type(value=event, type_=types.RawMessageStreamEvent)
        message = streaming.accumulate_event(event=read, current_snapshot=message, json_bufs=texts)
    return _dumped(message)


def _genai(record: Record) -> Record:
    response = _module("google.genai.types").GenerateContentResponse
    came = [
        response._from_response(response=chunk, kwargs={}).model_dump(mode="json", by_alias=True, exclude_none=True)
        for chunk in payloads(record)
    ]
    merged: Callable[[list[Record]], Record] = ours.READINGS[record["api"]].merged
    return merged(came)


def _cohere(record: Record) -> Record:
    types, construct = _module("cohere.v2.types"), _module("cohere.core.unchecked_base_model").construct_type
    if record["api"] == "v1/chat":
        whole = payloads(record)[-1]
        return _dumped(construct(type_=_module("cohere").NonStreamedChatResponse, object_=whole.get("response", whole)))
    if not streamed(record):
        return _dumped(construct(type_=types.V2ChatResponse, object_=payloads(record)[0]))
    events = [construct(type_=types.V2ChatStreamResponse, object_=event) for event in payloads(record)]
    merged: Callable[[list[Record]], Record] = ours.READINGS[record["api"]].merged
    return merged([_dumped(event) for event in events])


def _ollama(record: Record) -> Record:
    client = _module("ollama")
    response = client.ChatResponse if record["api"] == "api/chat" else client.GenerateResponse
    merged: Callable[[list[Record]], Record] = ours.READINGS[record["api"]].merged
    return merged([_dumped(response.model_validate(line)) for line in payloads(record)])


def _dumped(model: Any) -> Record:
    dumped: Record = model.model_dump(mode="json", warnings=False, exclude_unset=False)
    return dumped


_READERS: dict[str, Callable[[Record], Record]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "google.genai": _genai,
    "cohere": _cohere,
    "ollama": _ollama,
}
