import base64
import json
from typing import Any

import pytest

from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.gemini_parts import is_made
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import (
    AudioPart,
    DocumentPart,
    ImagePart,
    OpaquePart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
)
from callboard.messages.reply import Answer, Delta
from callboard.messages.usage import Usage, apart

PNG = base64.b64encode(b"png").decode()


def piece(*parts: Any, **candidate: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **candidate}], "responseId": "r"}


def whole(*parts: Any, **candidate: Any) -> Answer:
    return Gemini().decode(json.dumps(piece(*parts, **candidate)).encode())


def stream(*pieces: Any) -> tuple[list[Delta], Answer]:
    decoder = Gemini().decoder()
    body = "".join(f"data: {json.dumps(one)}\r\n\r\n" for one in pieces).encode()
    return decoder.feed(body), decoder.close()


def test_text_thoughts_and_signatures_keep_their_places() -> None:
    answer = whole(
        {"text": "hm", "thought": True, "thoughtSignature": "s1"},
        {"text": "hi", "thoughtSignature": "s2"},
        {"text": "", "thoughtSignature": "s3"},
        {"text": ""},
    )
    assert answer.parts == (
        ThinkingPart(text="hm", signature="s1", origin="gemini"),
        TextPart("hi"),
        ThinkingPart(signature="s2", origin="gemini"),
        ThinkingPart(signature="s3", origin="gemini", extra={"text": ""}),
    )


def test_a_stream_joins_pieces_of_one_kind_and_tells_of_each() -> None:
    deltas, answer = stream(
        piece({"text": "a", "thought": True}),
        piece({"text": "b", "thought": True}),
        piece({"text": "c"}),
        piece({"text": "d"}, {"text": "e", "thoughtSignature": "s"}),
        piece({"text": "f"}, finishReason="STOP"),
    )
    assert answer.parts == (
        ThinkingPart(text="ab", origin="gemini"),
        TextPart("cd"),
        TextPart("e"),
        ThinkingPart(signature="s", origin="gemini"),
        TextPart("f"),
    )
    assert deltas == [Delta(thinking=text) for text in "ab"] + [Delta(text=text) for text in "cdef"]


def test_calls_without_ids_get_ids_of_their_own_that_stay_the_same() -> None:
    parts = [{"functionCall": {"name": "f", "args": {"x": n}}} for n in (1, 2)]
    first, second = whole(*parts).parts
    assert isinstance(first, ToolCallPart)
    assert isinstance(second, ToolCallPart)
    assert first.id != second.id
    assert is_made(first.id)
    assert (first.name, first.arguments) == ("f", '{"x":1}')
    deltas, streamed = stream(piece(parts[0]), piece(parts[1], finishReason="STOP"))
    assert streamed.parts == (first, second)
    assert deltas[0] == Delta(tool_index=0, tool_id=first.id, tool_name="f")
    assert deltas[3] == Delta(tool_index=1, arguments='{"x":2}')


def test_calls_without_ids_in_replies_without_ids_differ_when_the_calls_do() -> None:
    def call_id(n: int) -> str:
        body = piece({"functionCall": {"name": "f", "args": {"x": n}}}) | {"responseId": None}
        (part,) = Gemini().decode(json.dumps(body).encode()).parts
        assert isinstance(part, ToolCallPart)
        return part.id

    assert call_id(1) == call_id(1) != call_id(2)


def test_a_call_keeps_its_id_and_its_signature() -> None:
    answer = whole({"functionCall": {"id": "c1", "name": "f"}, "thoughtSignature": "s"}, finishReason="STOP")
    assert answer.parts == (ToolCallPart(id="c1", name="f", arguments="{}", signature="s", origin="gemini"),)
    assert answer.finish_reason == "tool_calls"


def test_arguments_that_come_by_their_paths_make_one_call() -> None:
    def call(*values: dict[str, Any], **more: Any) -> dict[str, Any]:
        return piece({"functionCall": {"partialArgs": list(values), **more}})

    deltas, answer = stream(
        piece({"functionCall": {"id": "c", "name": "f", "willContinue": True}, "thoughtSignature": "s"}),
        call({"jsonPath": "$.city", "stringValue": "Bos", "willContinue": True}, willContinue=True),
        call({"jsonPath": "$.city", "stringValue": "ton"}, willContinue=True),
        call(
            {"jsonPath": "$.days[0].n", "numberValue": 2},
            {"jsonPath": "$['a b']", "boolValue": True},
            willContinue=True,
        ),
        call(
            {"jsonPath": "$.none", "nullValue": "NULL_VALUE"},
            {"jsonPath": "$.days[9]", "numberValue": 1},
            willContinue=True,
        ),
        piece({"functionCall": {}}),
        piece({"text": "ok"}, finishReason="STOP"),
    )
    call_part, text = answer.parts
    assert isinstance(call_part, ToolCallPart)
    want = {"city": "Boston", "days": [{"n": 2}], "a b": True, "none": None}
    assert json.loads(call_part.arguments) == want
    assert (call_part.id, call_part.signature, text) == ("c", "s", TextPart("ok"))
    assert deltas == [
        Delta(tool_index=0, tool_id="c", tool_name="f"),
        Delta(tool_index=0, arguments=call_part.arguments),
        Delta(text="ok"),
    ]


def test_pictures_sound_and_files_come_as_bytes_or_urls_with_their_signatures() -> None:
    blob = {"data": PNG}
    answer = whole(
        {"inlineData": {"mimeType": "image/png", **blob}, "thoughtSignature": "s"},
        {"inlineData": {"mimeType": "audio/wav", **blob}},
        {"inlineData": {"mimeType": "text/csv", **blob}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://x/y"}},
    )
    assert answer.parts == (
        ImagePart(data=b"png", media_type="image/png"),
        ThinkingPart(signature="s", origin="gemini"),
        AudioPart(data=b"png", media_type="audio/wav"),
        DocumentPart(data=b"png", media_type="text/csv"),
        ImagePart(url="https://x/y", media_type="image/png"),
    )


@pytest.mark.parametrize(
    "part",
    [
        {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "s"},
        {"inlineData": {"mimeType": "image/png", "data": "no base64!"}},
        {"inlineData": {"mimeType": "image/png", "data": PNG}, "thought": True},
        {"inlineData": {"mimeType": "image/png", "data": PNG, "ofALaterDay": 1}},
        {"inlineData": {"mimeType": "image/png", "data": PNG, "displayName": "a.png"}},
        {"toolCall": {"toolType": "GOOGLE_SEARCH"}},
    ],
)
def test_what_has_no_name_here_is_kept_whole(part: dict[str, Any]) -> None:
    assert whole(part).parts == (OpaquePart(origin="gemini", block=part),)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        (1, "stop"),
        ("MAX_TOKENS", "length"),
        (2, "length"),
        ("SAFETY", "content_filter"),
        (3, "content_filter"),
        (10, "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        (9, "error"),
        ("OTHER", "other"),
        ("OF_A_LATER_DAY", "other"),
        (99, "other"),
        (-1, "other"),
        (None, None),
    ],
)
def test_every_reason_to_finish_is_named_or_other(reason: Any, finish: str | None) -> None:
    assert whole({"text": "a"}, finishReason=reason).finish_reason == finish


def test_a_blocked_prompt_is_a_fault_plain_and_streamed() -> None:
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}
    with pytest.raises(WireFault) as plain:
        Gemini().decode(json.dumps(body).encode())
    with pytest.raises(WireFault) as streamed:
        stream(body)
    for caught in (plain, streamed):
        assert (caught.value.fault.kind, caught.value.fault.code) == ("content_blocked", "SAFETY")


def test_a_reply_without_candidates_cannot_be_read_and_one_without_parts_can() -> None:
    with pytest.raises(WireFault, match="no candidates"):
        Gemini().decode(b'{"usageMetadata": {}}')
    answer = Gemini().decode(b'{"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}]}')
    assert (answer.parts, answer.finish_reason) == ((), "length")


def test_tokens_are_sorted_into_partitions_and_the_last_counts_count() -> None:
    early, late = (
        {
            "promptTokenCount": 10,
            "cachedContentTokenCount": 4,
            "toolUsePromptTokenCount": 5,
            "trafficType": "ON_DEMAND",
        },
        {"promptTokenCount": 10, "candidatesTokenCount": 7, "thoughtsTokenCount": 3, "totalTokenCount": 25},
    )
    _, answer = stream(
        piece({"text": "a"}) | {"usageMetadata": {"trafficType": "ON_DEMAND"}},
        piece({"text": "b"}) | {"usageMetadata": early},
        piece(finishReason="STOP") | {"usageMetadata": late},
    )
    assert answer.usage == Usage(input=11, cached_read=4, output=7, reasoning=3)
    assert answer.usage.total == 25
    _, answer = stream(piece({"text": "a"}, finishReason="STOP") | {"usageMetadata": {"trafficType": "ON_DEMAND"}})
    assert answer.usage is None


@pytest.mark.parametrize(
    ("model", "queries", "searches"),
    [
        ("gemini-3-pro-preview", ["a", "b", "a", "", 7], 2),
        ("gemini-2.5-flash", ["a", "b"], 1),
        ("models/gemini-2.5-flash", ["a", "b"], 1),
        ("gemini-2.5-flash", [], 0),
        ("gemini-3-pro-preview", "many", 0),
        (None, ["a"], 1),
    ],
)
def test_searches_are_counted_as_the_model_bills_them(model: str | None, queries: object, searches: int) -> None:
    grounded = piece(finishReason="STOP", groundingMetadata={"webSearchQueries": queries})
    told = {"modelVersion": model, "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}}
    _, answer = stream(piece({"text": "a"}) | told, grounded | told)
    assert answer.usage == Usage(input=3, output=2, apart=apart(web_searches=searches))


def test_only_the_first_candidate_is_read() -> None:
    body = {"candidates": [{"index": n, "content": {"parts": [{"text": str(n)}]}} for n in (1, 0)]}
    assert Gemini().decode(json.dumps(body).encode()).parts == (TextPart("0"),)


def test_grounding_citations_and_log_probabilities_are_kept() -> None:
    def cited(uri: str) -> dict[str, Any]:
        return {"citationSources": [{"uri": uri}]}

    _, answer = stream(
        piece(
            {"text": "a"},
            citationMetadata=cited("x"),
            logprobsResult={"chosenCandidates": [1], "logProbabilitySum": -1},
        ),
        piece(
            {"text": "b"},
            citationMetadata=cited("y"),
            logprobsResult={"chosenCandidates": [2], "logProbabilitySum": -2},
        ),
        piece(finishReason="STOP", groundingMetadata={"webSearchQueries": ["q"]}, safetyRatings=[{"category": "c"}]),
    )
    assert answer.extra == {
        "citationMetadata": {"citationSources": [{"uri": "x"}, {"uri": "y"}]},
        "logprobsResult": {"chosenCandidates": [1, 2], "logProbabilitySum": -2},
        "groundingMetadata": {"webSearchQueries": ["q"]},
        "safetyRatings": [{"category": "c"}],
    }


def test_a_stream_ends_whole_only_after_a_reason_to_finish() -> None:
    decoder = Gemini().decoder()
    assert decoder.feed(b'data: {"candidates": [{"content": {"parts": [{"text": "a"}]}}]}\r\n\r\n') == [Delta(text="a")]
    with pytest.raises(WireFault) as caught:
        decoder.close()
    assert caught.value.fault.kind == "interrupted"
    assert decoder.partial().parts == (TextPart("a"),)


def test_an_array_that_is_cut_within_an_object_is_an_interruption() -> None:
    decoder = Gemini().decoder()
    body = json.dumps([piece({"text": "a"}), piece({"text": "b"}, finishReason="STOP")]).encode()
    decoder.feed(body[:-20])
    with pytest.raises(WireFault) as caught:
        decoder.close()
    assert caught.value.fault.kind == "interrupted"


def test_an_error_after_text_comes_after_the_text() -> None:
    decoder = Gemini().decoder()
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    assert decoder.feed(json.dumps([piece({"text": "a"}), error]).encode()) == [Delta(text="a")]
    with pytest.raises(WireFault) as caught:
        decoder.close()
    assert (caught.value.fault.kind, caught.value.fault.status) == ("overloaded", 503)


def test_a_call_that_is_still_open_is_part_of_what_has_come() -> None:
    decoder = Gemini().decoder()
    open_call = piece({"functionCall": {"id": "c", "name": "f", "willContinue": True}})
    assert decoder.feed(json.dumps(open_call).encode()) == [Delta(tool_index=0, tool_id="c", tool_name="f")]
    assert decoder.partial().parts == (ToolCallPart(id="c", name="f", origin="gemini"),)


def test_the_raw_reply_is_kept_on_demand_only() -> None:
    body = json.dumps(piece({"text": "a"}) | {"new": 1}).encode()
    assert Gemini().decode(body).raw is None
    assert Gemini().decode(body, keep_raw=True).raw == json.loads(body)


def test_a_call_that_nobody_closed_ends_with_the_reply() -> None:
    deep = "$" + ".a" * 1_000
    values = [{"jsonPath": "$.x", "numberValue": 1}, {"jsonPath": deep, "numberValue": 1}]
    deltas, answer = stream(
        piece({"functionCall": {"id": "c", "name": "f", "partialArgs": values, "willContinue": True}}),
        piece(finishReason="STOP"),
    )
    assert deltas[-1] == Delta(tool_index=0, arguments='{"x":1}')
    assert answer.parts == (ToolCallPart(id="c", name="f", arguments='{"x":1}', origin="gemini"),)


def test_more_cached_tokens_than_the_prompt_has_do_not_make_a_partition_negative() -> None:
    body = piece({"text": "a"}) | {"usageMetadata": {"promptTokenCount": 3, "cachedContentTokenCount": 9}}
    assert Gemini().decode(json.dumps(body).encode()).usage == Usage(input=0, cached_read=3)
