"""Every recorded reply of Cohere's, read by the wire and by the small reader below, which shares nothing with it."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.cohere_inbound import decode_request
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Answer
from callboard.messages.validate import check

Record = dict[str, Any]
Recorded = Callable[[str, str], list[Record]]
Pieces = Callable[[bytes, object], list[bytes]]

WIRE = Cohere()
FINISH = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}


def events(record: Record) -> list[Record]:
    body = record["response"]["body"]
    lines = [line[5:].strip() for line in body.split("\n") if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def merged(record: Record) -> Record:
    """The plain reply that a stream's events add up to."""
    said: Record = {"content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    reply: Record = {"message": said}
    for event in events(record):
        delta = event.get("delta", {})
        inner = delta.get("message", {})
        if event["type"] == "message-start":
            reply["id"] = event["id"]
        elif event["type"].startswith("content-") and inner:
            said["content"].append(inner["content"])
        elif event["type"] == "tool-plan-delta":
            said["tool_plan"] += inner["tool_plan"]
        elif event["type"] == "tool-call-start":
            said["tool_calls"].append(inner["tool_calls"])
        elif event["type"] == "tool-call-delta":
            said["tool_calls"][event["index"]]["function"]["arguments"] += inner["tool_calls"]["function"]["arguments"]
        elif event["type"] == "citation-start":
            said["citations"].append(inner["citations"])
        elif event["type"] == "message-end":
            reply |= delta
    return reply


def expected(record: Record) -> Record:
    reply = merged(record) if record["stream"] else json.loads(record["response"]["body"])
    message, usage = reply["message"], reply["usage"]
    counts, blocks = usage["tokens"], message.get("content") or []
    return {
        "id": reply["id"],
        "text": "".join(block.get("text", "") for block in blocks),
        "thinking": "".join(block.get("thinking", "") for block in blocks) + (message.get("tool_plan") or ""),
        "tool_calls": [
            (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"] or "{}"))
            for call in message.get("tool_calls") or []
        ],
        "finish": FINISH[reply["finish_reason"]],
        "usage.input_total": counts["input_tokens"] + counts.get("image_tokens", 0),
        "usage.cached_read": usage.get("cached_tokens", 0),
        "usage.output_total": counts["output_tokens"],
        "usage.reasoning": counts.get("reasoning_tokens", 0),
        "citations": message.get("citations") or [],
        "billed": usage["billed_units"],
    }


def actual(answer: Answer) -> Record:
    usage, extra = answer.usage, answer.extra or {}
    assert usage is not None
    return {
        "id": answer.id,
        "text": "".join(part.text for part in answer.parts if isinstance(part, TextPart)),
        "thinking": "".join(part.text for part in answer.parts if isinstance(part, ThinkingPart)),
        "tool_calls": [
            (part.id, part.name, json.loads(part.arguments)) for part in answer.parts if isinstance(part, ToolCallPart)
        ],
        "finish": answer.finish_reason,
        "usage.input_total": usage.input_total,
        "usage.cached_read": usage.cached_read,
        "usage.output_total": usage.output_total,
        "usage.reasoning": usage.reasoning,
        "citations": extra.get("citations", []),
        "billed": extra.get("billed_units"),
    }


def read(record: Record, pieces: Pieces) -> Answer:
    body = record["response"]["body"].encode()
    if not record["stream"]:
        return WIRE.decode(body)
    decoder = WIRE.decoder()
    deltas = [delta for piece in pieces(body, record["id"]) for delta in decoder.feed(piece)]
    answer = decoder.close()
    assert "".join(delta.text for delta in deltas) == actual(answer)["text"]
    assert "".join(delta.thinking for delta in deltas) == actual(answer)["thinking"]
    return answer


def failed(record: Record) -> bool:
    return record["response"]["status"] != 200 or '"error_type"' in record["response"]["body"]


def test_every_recorded_reply_reads_the_same_as_by_hand(recorded: Recorded, pieces: Pieces) -> None:
    records = [record for record in recorded("cohere", "v2/chat") if not failed(record) and not record["unsure"]]
    for record in records:
        assert actual(read(record, pieces)) == expected(record), record["id"]
    assert len(records) > 60


def test_every_recorded_error_inside_a_stream_is_the_fault_it_tells(recorded: Recorded, pieces: Pieces) -> None:
    records = [record for record in recorded("cohere", "v2/chat") if failed(record)]
    for record in records:
        with pytest.raises(WireFault) as caught:
            read(record, pieces)
        fault = caught.value.fault
        assert (fault.kind, fault.code) == ("invalid_request", "INVALID_TOOL_GENERATION")
        assert fault.message == events(record)[-1]["delta"]["error"]
        assert fault.request_id == events(record)[0]["id"]
    assert records


@pytest.mark.parametrize("api", ["v1/chat", "embed"])
def test_every_recorded_refusal_is_told_by_its_status(api: str, recorded: Recorded) -> None:
    records = [record for record in recorded("cohere", api) if record["response"]["status"] != 200]
    for record in records:
        response = record["response"]
        fault = WIRE.fault(response["status"], httpx.Headers(response["headers"]), response["body"].encode())
        told = json.loads(response["body"])
        assert (fault.kind, fault.status, fault.request_id) == ("not_found", 404, told["id"])
        assert fault.message == told["message"]
    assert records


def test_every_recorded_embedding_keeps_its_numbers_and_count(recorded: Recorded) -> None:
    records = [record for record in recorded("cohere", "embed") if record["response"]["status"] == 200]
    for record in records:
        reply = json.loads(record["response"]["body"])
        read = WIRE.decode_embeddings(record["response"]["body"].encode())
        (vectors,) = reply["embeddings"].values()
        assert [list(vector) for vector in read.vectors] == vectors, record["id"]
        assert read.usage is not None
        assert read.usage.input_total == reply["meta"]["billed_units"]["input_tokens"]
    assert len(records) >= 6


def test_every_recorded_model_is_read(recorded: Recorded) -> None:
    for record in recorded("cohere", "models"):
        (model,) = WIRE.decode_models(record["response"]["body"].encode())
        told = json.loads(record["response"]["body"])
        assert (model.id, model.context) == (told["name"], told["context_length"])


def test_every_recorded_request_is_valid_and_is_sent_again_as_it_came(recorded: Recorded) -> None:
    sent_again = 0
    for record in recorded("cohere", "v2/chat"):
        body = record["request"].get("body")
        if body:
            request = decode_request(json.dumps(body).encode())
            check(request)
            encoded = WIRE.encode(request, request.model, stream=body.get("stream") is True)
            assert json.loads(encoded.body) == {name: body[name] for name in body if name != "stream" or body[name]}
            sent_again += 1
    assert sent_again > 60
