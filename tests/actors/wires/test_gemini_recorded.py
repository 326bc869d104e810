"""Everything recorded of Gemini and Vertex, read by the wire and by the small reader below, which shares nothing with
it, and every recorded request read and written again."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import httpx

from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.gemini_inbound import decode_request
from callboard.actors.wires.redact import redact
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import ChatMessage, ImagePart, OpaquePart, TextPart, ThinkingPart, ToolCallPart, user
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.reply import Answer
from callboard.messages.request import Request
from callboard.messages.validate import check

Record = dict[str, Any]
Recorded = Callable[[str, str], list[Record]]
Pieces = Callable[[bytes, object], list[bytes]]

PROVIDERS = ("gemini", "vertex")
FINISH = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    1: "stop",
    2: "length",
}
RESPELLED = re.compile("_([a-z])")
OF_THE_CALLER = {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"}
PLAIN = "a JSON Schema that Google's own notation can hold is written as `parameters`, not `parametersJsonSchema`"
NOT_THE_SAME = {"8dafc1a0cf68": PLAIN, "efcad3758e50": PLAIN}
"""Requests that are written otherwise than they came, and why."""


def replies(recorded: Recorded) -> list[Record]:
    apis = ("generateContent", "streamGenerateContent")
    return [record for name in PROVIDERS for api in apis for record in recorded(name, api)]


def chunks(body: str) -> list[Record]:
    if body.lstrip()[:1] in "[{":
        whole = json.loads(body)
        return whole if isinstance(whole, list) else [whole]
    return [json.loads(line[5:]) for line in body.replace("\r\n", "\n").split("\n") if line.startswith("data:")]


def expected(record: Record) -> dict[str, Any]:
    came = chunks(record["response"]["body"])
    candidates = [candidate for chunk in came for candidate in chunk.get("candidates", [])]
    parts = [part for candidate in candidates for part in candidate["content"].get("parts", [])]
    reason = next(candidate["finishReason"] for candidate in reversed(candidates) if candidate.get("finishReason"))
    usage = came[-1].get("usageMetadata", {})
    prompt, cached, results, output, thoughts = (
        usage.get(f"{name}TokenCount", 0)
        for name in ("prompt", "cachedContent", "toolUsePrompt", "candidates", "thoughts")
    )
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    named = ("text", "functionCall", "inlineData")
    return {
        "text": "".join(part["text"] for part in parts if "text" in part and not part.get("thought")),
        "thinking": "".join(part["text"] for part in parts if "text" in part and part.get("thought")),
        "tool_calls": [(call["name"], call.get("args", {})) for call in calls if "name" in call],
        "signatures": [part["thoughtSignature"] for part in parts if "thoughtSignature" in part],
        "images": [part["inlineData"]["data"] for part in parts if "inlineData" in part],
        "opaque": [part for part in parts if not any(name in part for name in named)],
        "finish": "tool_calls" if calls and reason == "STOP" else FINISH[reason],
        "usage.input_total": prompt + results,
        "usage.cached_read": cached,
        "usage.output_total": output + thoughts,
        "usage.reasoning": thoughts,
        "id": came[0].get("responseId"),
        "model": came[0].get("modelVersion"),
        "grounding": next((c["groundingMetadata"] for c in reversed(candidates) if c.get("groundingMetadata")), None),
    }


def actual(answer: Answer) -> dict[str, Any]:
    assert answer.usage is not None
    calls = [part for part in answer.parts if isinstance(part, ToolCallPart)]
    thoughts = [part for part in answer.parts if isinstance(part, ThinkingPart)]
    signed = (part.signature for part in answer.parts if isinstance(part, ThinkingPart | ToolCallPart))
    images = [part.data for part in answer.parts if isinstance(part, ImagePart)]
    return {
        "text": "".join(part.text for part in answer.parts if isinstance(part, TextPart)),
        "thinking": "".join(part.text for part in thoughts),
        "tool_calls": [(call.name, json.loads(call.arguments)) for call in calls],
        "signatures": [signature for signature in signed if signature],
        "images": [base64.b64encode(data or b"").decode() for data in images],
        "opaque": [part.block for part in answer.parts if isinstance(part, OpaquePart)],
        "finish": answer.finish_reason,
        "usage.input_total": answer.usage.input_total,
        "usage.cached_read": answer.usage.cached_read,
        "usage.output_total": answer.usage.output_total,
        "usage.reasoning": answer.usage.reasoning,
        "id": answer.id,
        "model": answer.model,
        "grounding": (answer.extra or {}).get("groundingMetadata"),
    }


def streamed(wire: Gemini, body: list[bytes]) -> Answer:
    decoder = wire.decoder()
    deltas = [delta for piece in body for delta in decoder.feed(piece)]
    answer = decoder.close()
    assert "".join(delta.text for delta in deltas) == actual(answer)["text"]
    assert "".join(delta.thinking for delta in deltas) == actual(answer)["thinking"]
    for index, call in enumerate(part for part in answer.parts if isinstance(part, ToolCallPart)):
        own = [delta for delta in deltas if delta.tool_index == index]
        assert (own[0].tool_id, own[0].tool_name) == (call.id, call.name)
        assert "".join(delta.arguments for delta in own) == call.arguments
    return answer


def answered(record: Record, pieces: Pieces) -> Answer:
    wire, body = Gemini(), record["response"]["body"].encode()
    if record["api"] == "streamGenerateContent":
        return streamed(wire, pieces(body, record["id"]))
    return wire.decode(body)


def test_every_recorded_reply_reads_the_same_as_by_hand(recorded: Recorded, pieces: Pieces) -> None:
    """The arrays and the enum numbers too, on which other readers give up."""
    wrong, seen = [], 0
    for record in replies(recorded):
        response = record["response"]
        if response["status"] != 200 or "promptFeedback" in record["features"]:
            continue
        seen += 1
        want, got = expected(record), actual(answered(record, pieces))
        differing = [name for name in want if got[name] != want[name] and name not in record["unsure"]]
        wrong += [f"{record['id']} {name}: {got[name]!r} for {want[name]!r}" for name in differing]
    assert wrong == []
    assert seen > 230


def test_a_recorded_blocked_prompt_is_a_fault(recorded: Recorded, pieces: Pieces) -> None:
    blocked = [record for record in replies(recorded) if "promptFeedback" in record["features"]]
    for record in blocked:
        try:
            raise AssertionError(answered(record, pieces))
        except WireFault as error:
            assert (error.fault.kind, error.fault.code) == ("content_blocked", "MODEL_ARMOR")
            assert "Prompt Injection" in error.fault.message
    assert blocked


def test_every_recorded_error_is_told_by_what_google_says(recorded: Recorded) -> None:
    kinds = {400: "invalid_request", 404: "not_found", 429: "rate_limited"}
    seen = set()
    errors = [record for name in PROVIDERS for record in recorded(name, "embed") if record["response"]["status"] != 200]
    for record in errors + [record for record in replies(recorded) if record["response"]["status"] != 200]:
        response = record["response"]
        error = json.loads(response["body"])["error"]
        fault = Gemini().fault(response["status"], httpx.Headers(response["headers"]), response["body"].encode())
        want = kinds[response["status"]]
        want = "unauthorized" if error["message"].startswith("API key not valid") else want
        want = "context_too_long" if "exceeds the maximum number of tokens" in error["message"] else want
        assert (fault.kind, fault.status, fault.message) == (want, response["status"], redact(error["message"]))
        assert fault.retry_after == (34.4 if "34.4s" in response["body"] else None)
        seen.add(fault.kind)
    assert seen >= {"invalid_request", "not_found", "rate_limited", "unauthorized", "context_too_long"}


def test_a_recorded_reply_goes_back_as_it_came(recorded: Recorded, pieces: Pieces) -> None:
    """Signatures on the parts that they came on: what replaying a turn sends."""
    signed = 0
    for record in replies(recorded):
        response = record["response"]
        if response["status"] != 200 or "promptFeedback" in record["features"] or record["unsure"] - {"*"}:
            continue
        came = [
            part
            for chunk in chunks(response["body"])
            for candidate in chunk["candidates"]
            for part in candidate["content"].get("parts", [])
            if part != {"text": ""}
        ]
        request = Request(model="m", messages=(user("hi"), ChatMessage("assistant", answered(record, pieces).parts)))
        check(request)
        contents = json.loads(Gemini().encode(request, "m", stream=False).body)["contents"]
        back = [part for content in contents[1:] for part in content["parts"]]
        assert joined(back) == joined(came), record["id"]
        signed += sum("thoughtSignature" in part for part in back)
    assert signed > 90


def joined(parts: list[Record]) -> list[Record]:
    """Consecutive pieces of plain text as one; calls with the arguments that they left out."""
    together: list[Record] = []
    for came in parts:
        call = {"functionCall": {"args": {}} | came["functionCall"]} if "functionCall" in came else {}
        part = came | call
        if together and "text" in part and part.keys() <= {"text", "thought", "thoughtSignature"}:
            last = together[-1]
            if last.keys() == part.keys() - {"thoughtSignature"} and part["text"]:
                together[-1] = part | {"text": last["text"] + part["text"]}
                continue
        together.append(part)
    return together


def camel(value: Any) -> Any:
    """Protocol Buffers' JSON has two spellings for each member; the wire writes this one."""
    if isinstance(value, list):
        return [camel(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    named = {RESPELLED.sub(lambda found: found[1].upper(), name): inner for name, inner in value.items()}
    return {name: inner if name in OF_THE_CALLER else camel(inner) for name, inner in named.items()}


def test_every_recorded_request_is_written_as_it_came(recorded: Recorded) -> None:
    differing, seen = set(), 0
    for record in replies(recorded):
        body = (record["request"] or {}).get("body")
        if not body:
            continue
        seen += 1
        model, method = record["request"]["url"].split("?")[0].split("/")[-1].split(":")
        request = decode_request(json.dumps(body).encode(), model)
        sent = Gemini().encode(request, model, stream=record["api"] == "streamGenerateContent")
        assert sent.path.split("?")[0] == f"/models/{model}:{method}"
        if json.loads(sent.body) != camel(body):
            differing.add(record["id"])
    assert differing == NOT_THE_SAME.keys()
    assert len(differing) < 0.02 * seen
    assert seen > 200


def test_every_recorded_embedding_is_read_and_asked_for_alike(recorded: Recorded) -> None:
    for name in PROVIDERS:
        for record in recorded(name, "embed"):
            if record["response"]["status"] != 200:
                continue
            reply = json.loads(record["response"]["body"])
            vectors = [one["values"] for one in reply.get("embeddings") or [reply["embedding"]]]
            got = Gemini().decode_embeddings(record["response"]["body"].encode())
            assert [list(vector) for vector in got.vectors] == vectors
            assert (got.usage.input if got.usage else None) == reply.get("usageMetadata", {}).get("promptTokenCount")
            asked_alike(record["request"], Gemini(name, vertex=name == "vertex"))


def asked_alike(request: Record | None, wire: Gemini) -> None:
    """Requests that hold a picture are not for EmbeddingRequest."""
    body = (request or {}).get("body")
    if request is None or not body or "inline_data" in json.dumps(body):
        return
    one = body["requests"][0] if "requests" in body else body
    model, method = request["url"].split("/")[-1].split(":")
    asked = EmbeddingRequest(
        model=model,
        inputs=(one["content"]["parts"][0]["text"],),
        task=one.get("taskType"),
        dimensions=one.get("outputDimensionality"),
    )
    sent = wire.encode_embeddings(asked, model)
    assert json.loads(sent.body) == body
    assert sent.path == f"/models/{model}:{method}"


def test_every_recorded_model_is_listed(recorded: Recorded) -> None:
    lists = recorded("gemini", "models")
    for record in lists:
        entries = json.loads(record["response"]["body"])["models"]
        models = Gemini().decode_models(record["response"]["body"].encode())
        assert [f"models/{model.id}" for model in models] == [entry["name"] for entry in entries]
        assert [model.context for model in models] == [entry["inputTokenLimit"] for entry in entries]
    assert lists
