"""Every recorded response, read by the wire and by the small reader below, which shares nothing with it."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.openai_responses_inbound import decode_request
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import ChatMessage, OpaquePart, RefusalPart, TextPart, ThinkingPart, ToolCallPart, user
from callboard.messages.reply import Answer
from callboard.messages.request import Request
from callboard.messages.validate import check

Record = dict[str, Any]
Recorded = Callable[[str, str], list[Record]]
Pieces = Callable[[bytes, object], list[bytes]]

FAMILIES = ("openai", "azure", "deepseek", "openrouter", "compat_other")
OWN = ("message", "reasoning", "function_call")

EXCEPTIONS = {
    "36e880dddfa7": "its system prompt, a string in the first message, is sent as `instructions`, which is the same",
}
"""Requests that are sent again in another form, and why: under 2 % of the records."""


def final(record: Record) -> Record:
    """The response in full: the body, or what the stream's last event tells."""
    body: str = record["response"]["body"]
    if not record["stream"]:
        loaded: Record = json.loads(body)
        return loaded
    lines = [line[5:].strip() for line in body.replace("\r\n", "\n").split("\n") if line.startswith("data:")]
    events = [json.loads(line) for line in lines if line and line != "[DONE]"]
    ends: list[Record] = [
        event["response"] for event in events if event["type"] in ("response.completed", "response.incomplete")
    ]
    return ends[-1] if ends else {"status": "failed"}


def texts(response: Record, kind: str, member: str = "text") -> str:
    blocks = [block for item in response["output"] if item["type"] == "message" for block in item["content"]]
    return "".join(block[member] for block in blocks if block["type"] == kind)


def expected(response: Record) -> dict[str, Any]:
    calls = [item for item in response["output"] if item["type"] == "function_call"]
    thoughts = [item for item in response["output"] if item["type"] == "reasoning"]
    finish = {"completed": "tool_calls" if calls else "stop", "incomplete": "length"}.get(response["status"])
    usage = response.get("usage") or {}
    return {
        "text": texts(response, "output_text"),
        "refusal": texts(response, "refusal", "refusal"),
        "thinking": "".join(
            block["text"] for item in thoughts for block in [*item["summary"], *(item.get("content") or [])]
        ),
        "encrypted": sum(bool(item.get("encrypted_content")) for item in thoughts),
        "tool_calls": [(call["call_id"], call["name"], json.loads(call["arguments"])) for call in calls],
        "opaque": [item["type"] for item in response["output"] if item["type"] not in OWN],
        "finish": finish,
        "id": response["id"],
        "model": response["model"],
        "usage.input_total": usage.get("input_tokens", 0),
        "usage.cached_read": (usage.get("input_tokens_details") or {}).get("cached_tokens", 0),
        "usage.output_total": usage.get("output_tokens", 0),
        "usage.reasoning": (usage.get("output_tokens_details") or {}).get("reasoning_tokens", 0),
    }


def actual(answer: Answer) -> dict[str, Any]:
    thoughts = [part for part in answer.parts if isinstance(part, ThinkingPart)]
    calls = [part for part in answer.parts if isinstance(part, ToolCallPart)]
    blocks = [part.block["type"] for part in answer.parts if isinstance(part, OpaquePart)]
    return {
        "text": "".join(part.text for part in answer.parts if isinstance(part, TextPart)),
        "refusal": "".join(part.text for part in answer.parts if isinstance(part, RefusalPart)),
        "thinking": "".join(part.text for part in thoughts),
        "encrypted": sum(part.redacted is not None for part in thoughts),
        "tool_calls": [(call.id, call.name, json.loads(call.arguments)) for call in calls],
        "opaque": [kind for kind in blocks if kind != "message"],
        "finish": answer.finish_reason,
        "id": answer.id,
        "model": answer.model,
        "usage.input_total": answer.usage.input_total if answer.usage else 0,
        "usage.cached_read": answer.usage.cached_read if answer.usage else 0,
        "usage.output_total": answer.usage.output_total if answer.usage else 0,
        "usage.reasoning": answer.usage.reasoning if answer.usage else 0,
    }


def streamed(wire: OpenAIResponses, body: list[bytes]) -> Answer:
    decoder = wire.decoder()
    deltas = [delta for piece in body for delta in decoder.feed(piece)]
    assert decoder.done
    answer = decoder.close()
    assert "".join(delta.text for delta in deltas) == actual(answer)["text"]
    assert "".join(delta.thinking for delta in deltas) == actual(answer)["thinking"]
    for index, call in enumerate(part for part in answer.parts if isinstance(part, ToolCallPart)):
        own = [delta for delta in deltas if delta.tool_index == index]
        assert (own[0].tool_id, own[0].tool_name) == (call.id, call.name)
        assert "".join(delta.arguments for delta in own) == call.arguments
    return answer


@pytest.mark.parametrize("family", FAMILIES)
def test_every_recorded_response_reads_the_same_as_by_hand(family: str, recorded: Recorded, pieces: Pieces) -> None:
    wire, wrong = OpenAIResponses(family), []
    for record in recorded(family, "responses"):
        if record["response"]["status"] != 200 or final(record)["status"] == "failed":
            continue
        body = record["response"]["body"].encode()
        answer = streamed(wire, pieces(body, record["id"])) if record["stream"] else wire.decode(body)
        want, got = expected(final(record)), actual(answer)
        if "*" not in record["unsure"]:
            fields = want.keys() - record["unsure"]
            wrong += [
                f"{record['id']} {name}: {got[name]!r} for {want[name]!r}" for name in fields if got[name] != want[name]
            ]
    assert wrong == []


@pytest.mark.parametrize("family", FAMILIES)
def test_every_recorded_error_is_told(family: str, recorded: Recorded) -> None:
    kinds = {"model_not_found": "not_found", "invalid_api_key": "unauthorized", "invalid-argument": "invalid_request"}
    for record in recorded(family, "responses"):
        response = record["response"]
        if response["status"] != 200:
            error = json.loads(response["body"])
            code = error.get("code") or error["error"]["code"]
            fault = OpenAIResponses(family).fault(
                response["status"], httpx.Headers(response["headers"]), response["body"].encode()
            )
            assert (fault.kind, fault.status, fault.code) == (kinds[code], response["status"], code)


@pytest.mark.parametrize(("record_id", "kind", "code"), [
    ("2f4bf5bf5327", "rate_limited", "rate_limit_exceeded"),
    ("43322881d035", "server", "unknown-error"),
])  # fmt: skip
def test_an_error_inside_a_stream_is_told(
    record_id: str, kind: str, code: str, recorded: Recorded, pieces: Pieces
) -> None:
    record = next(record for record in recorded("openai", "responses") if record["id"] == record_id)
    decoder = OpenAIResponses().decoder()
    with pytest.raises(WireFault) as caught:
        for piece in pieces(record["response"]["body"].encode(), 3):
            decoder.feed(piece)
    assert (caught.value.fault.kind, caught.value.fault.code) == (kind, code)


def canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: canonical(inner) for name, inner in value.items() if inner is not None}
    return [canonical(inner) for inner in value] if isinstance(value, list) else value


def spelled_out(body: Record) -> Record:
    """The one way to say what clients say in several: a string for one message, `stream` only when it is true."""
    body = canonical(body)
    if body.get("stream") is False:
        del body["stream"]
    if isinstance(body["input"], str):
        body["input"] = [{"role": "user", "content": body["input"]}]
    return body


def test_every_recorded_request_is_valid_and_is_sent_again_as_it_came(recorded: Recorded) -> None:
    wrong, seen = [], 0
    for family in FAMILIES:
        wire = OpenAIResponses(family, stateless=False)
        for record in recorded(family, "responses"):
            body = record["request"]["body"]
            if not body:
                continue
            seen += 1
            request = decode_request(json.dumps(body).encode(), f"{family}-responses")
            check(request)
            sent = wire.encode(request, request.model, stream=body.get("stream") is True)
            if canonical(json.loads(sent.body)) != spelled_out(body):
                wrong.append(record["id"])
    assert sorted(wrong) == sorted(EXCEPTIONS)
    assert len(EXCEPTIONS) < 0.02 * seen


def test_a_recorded_reply_goes_back_with_its_reasoning_calls_and_own_items(recorded: Recorded) -> None:
    replayed = set()
    for family in FAMILIES:
        wire = OpenAIResponses(family)
        for record in recorded(family, "responses"):
            if record["response"]["status"] != 200 or final(record)["status"] == "failed" or "*" in record["unsure"]:
                continue
            body = record["response"]["body"].encode()
            answer = streamed(wire, [body]) if record["stream"] else wire.decode(body)
            request = Request(model="x", messages=(user("hi"), ChatMessage("assistant", answer.parts), user("on")))
            items = json.loads(wire.encode(request, "x", stream=False).body)["input"]
            came = [essence(item) for item in final(record)["output"] if worth_sending(item)]
            assert [essence(item) for item in items[1:-1]] == came, record["id"]
            replayed |= {item.get("type", "message") for item in items[1:-1]}
    assert {"message", "reasoning", "function_call", "web_search_call", "mcp_call", "local_shell_call"} <= replayed


def worth_sending(item: Record) -> bool:
    """An answer without text is not sent, nor reasoning whose content stayed with the server."""
    if item["type"] == "message":
        return any(block.get("text") for block in item["content"])
    return item["type"] != "reasoning" or bool(item.get("encrypted_content") or item.get("content"))


def essence(item: Record) -> Record:
    kind = item.get("type", "message")
    if kind == "message":
        return {"phase": item.get("phase"), "content": [(block["type"], block["text"]) for block in item["content"]]}
    if kind not in OWN:
        return item
    names = ("type", "summary", "content", "call_id", "name", "arguments", "namespace")
    encrypted = bool(item.get("encrypted_content"))  # written anew for each of a stream's tellings
    return {name: item[name] for name in names if item.get(name)} | {"encrypted": encrypted}
