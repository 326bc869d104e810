"""Whatever bytes Google sends: deltas, an answer or a WireFault come out, never another error, in bounded time."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.proportion import in_proportion

from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.gemini_inbound import decode_request
from callboard.actors.wires.wire import WireFault
from callboard.messages.reply import Answer, Delta
from callboard.messages.validate import InvalidRequest

WIRE = Gemini()
WORDS = (
    "candidates", "content", "parts", "text", "thought", "thoughtSignature", "functionCall", "name", "args", "id",
    "partialArgs", "jsonPath", "stringValue", "numberValue", "willContinue", "inlineData", "fileData", "mimeType",
    "data", "fileUri", "finishReason", "STOP", "index", "usageMetadata", "promptTokenCount", "promptFeedback",
    "blockReason", "error", "code", "message", "details", "@type", "violations", "retryDelay", "citationMetadata",
    "logprobsResult", "groundingMetadata", "embeddings", "values", "embedding", "models", "inputTokenLimit",
    "contents", "role", "tools", "functionDeclarations", "parameters", "functionResponse", "generationConfig",
    "thinkingConfig", "thinkingLevel", "systemInstruction", "toolConfig", "functionCallingConfig", "responseSchema",
    "responseMimeType", "$.a.b", "$.a[0]", "$['a']", "image/png", "QQ==",
)  # fmt: skip

leaves = st.none() | st.booleans() | st.integers(-3, 600) | st.floats() | st.sampled_from(WORDS) | st.text(max_size=4)
values: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=25,
)


def shaped(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of the right shape with anything in their leaves."""
    return st.fixed_dictionaries({}, optional=members)


paths = st.sampled_from(["$.a", "$.a.b", "$.a[0]", "$.a[1].b", "$['a b']", "$", "$.a[999999]", "$" + ".a" * 60])
arguments = st.lists(
    shaped(jsonPath=paths | leaves, stringValue=leaves, numberValue=leaves, nullValue=leaves), max_size=3
)
call = shaped(id=leaves, name=leaves, args=values, partialArgs=arguments | values, willContinue=st.booleans() | leaves)
media = shaped(mimeType=leaves, data=leaves, fileUri=leaves, displayName=leaves)
part = values | shaped(
    text=leaves, thought=leaves, thoughtSignature=leaves, functionCall=call, inlineData=media, fileData=media
)
content = shaped(role=leaves, parts=st.lists(part, max_size=4) | values)
candidate = shaped(
    content=content,
    finishReason=values,
    index=leaves,
    citationMetadata=values,
    logprobsResult=values,
    safetyRatings=values,
)
detail = shaped(violations=values, retryDelay=leaves, reason=leaves) | values
error = shaped(code=leaves, message=leaves, status=leaves, details=st.lists(detail, max_size=3)) | values
reply = shaped(
    candidates=st.lists(candidate, max_size=2) | values, promptFeedback=values, usageMetadata=values, error=error
)
request = shaped(
    contents=st.lists(content, max_size=3) | values,
    tools=st.lists(
        shaped(functionDeclarations=st.lists(shaped(name=leaves, parameters=values), max_size=2)), max_size=2
    ),
    systemInstruction=content | values,
    toolConfig=shaped(functionCallingConfig=shaped(mode=leaves, allowedFunctionNames=values)) | values,
    generationConfig=shaped(thinkingConfig=values, responseSchema=values, topK=leaves, stopSequences=values) | values,
)


def piece(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts)}, **more}], "responseId": "r"}


GOOD = [
    piece({"text": "hm", "thought": True}),
    piece({"text": "Hé"}, {"text": "", "thoughtSignature": "QQ=="}),
    piece({"functionCall": {"name": "f", "args": {"x": 'é"}'}}, "thoughtSignature": "QQ=="}),
    piece({"functionCall": {"name": "g", "willContinue": True}}),
    piece({"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "b"}], "willContinue": True}}),
    piece({"functionCall": {}}),
    piece({"inlineData": {"mimeType": "image/png", "data": "QQ=="}}),
    piece({"text": "."}, finishReason="STOP") | {"usageMetadata": {"promptTokenCount": 1}},
]


def framed(pieces: list[Any], array: bool) -> bytes:
    texts = [json.dumps(one, ensure_ascii=False).encode() for one in pieces]
    if array:
        return b"[" + b",\r\n".join(texts) + b"]"
    return b"".join(b"data: " + text + b"\r\n\r\n" for text in texts)


def read(body: bytes, split: int) -> tuple[list[Delta], Answer | str]:
    """The deltas, and how it ended. The answer so far can be had at every moment."""
    decoder, deltas = WIRE.decoder(keep_raw=True), []
    try:
        for start in range(0, len(body), split):
            deltas += decoder.feed(body[start : start + split])
            decoder.partial()
        return deltas, decoder.close()
    except WireFault as fault:
        decoder.partial()
        return deltas, fault.fault.kind


@given(data=st.data(), array=st.booleans())
@settings(max_examples=120, deadline=None)
def test_streams_that_are_cut_repeated_shuffled_and_corrupted_end_alike_however_they_are_split(
    data: st.DataObject, array: bool
) -> None:
    body = bytearray(framed(data.draw(st.lists(st.sampled_from(GOOD), max_size=10)), array))
    for place, byte in data.draw(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4)):
        if body:
            body[place % len(body)] = byte
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    whole, split = (read(cut, size) for size in (max(1, len(cut)), data.draw(st.integers(1, 60))))
    assert whole == split


@given(pieces=st.lists(reply | values, max_size=5), array=st.booleans())
@settings(max_examples=150, deadline=None)
def test_streams_of_json_that_means_nothing_end_in_an_answer_or_a_fault(pieces: list[Any], array: bool) -> None:
    read(framed(pieces, array), 50)


@given(body=st.binary(max_size=200) | (values | reply | st.lists(reply, max_size=2)).map(json.dumps).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_plain_replies_errors_vectors_and_lists_of_any_kind_are_read_or_are_faults(body: bytes) -> None:
    for step in (WIRE.decode, WIRE.decode_models, WIRE.decode_embeddings):
        try:
            step(body)
        except WireFault as fault:
            assert fault.fault.provider == "gemini"
    assert WIRE.fault(429, {}, body).message


@given(body=(request | values).map(json.dumps).map(str.encode) | st.binary(max_size=50))
@settings(max_examples=150, deadline=None)
def test_requests_of_any_kind_are_read_or_are_invalid(body: bytes) -> None:
    try:
        decode_request(body, "gemini-2.5-flash")
    except InvalidRequest as error:
        assert error.wrong


@pytest.mark.parametrize("array", [False, True])
def test_a_hostile_stream_takes_time_in_proportion_to_its_length(array: bool) -> None:
    """Many pieces of one call's argument, many texts, and depth without end."""
    piece_of_call = piece(
        {"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "x" * 50}], "willContinue": True}}
    )
    bodies = [
        framed([GOOD[3]] + [piece_of_call] * 5_000, array),
        framed([piece({"text": "x" * 50})] * 5_000, array),
        b'{"a":' * 100_000,
        b"data: " + b"[" * 500_000 + b"\n\n",
    ]

    def read(body: bytes) -> None:
        decoder = WIRE.decoder()
        with contextlib.suppress(WireFault):
            for start in range(0, len(body), 97):
                decoder.feed(body[start : start + 97])
            decoder.close()

    for body in bodies:
        in_proportion(lambda size, body=body: read(body[:size]), len(body))  # type: ignore[misc]
