"""Every recorded Anthropic message, read by the wire and by the small reader below, which shares nothing with it."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.messages.chat import ChatMessage, OpaquePart, TextPart, ThinkingPart, ToolCallPart, user
from callboard.messages.reply import Answer
from callboard.messages.request import Request

Record = dict[str, Any]
Recorded = Callable[[str, str], list[Record]]
Pieces = Callable[[bytes, object], list[bytes]]

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
}
DELTAS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
    "signature_delta": "signature",
}


def events(record: Record) -> list[Record]:
    lines = record["response"]["body"].replace("\r\n", "\n").split("\n")
    return [json.loads(line[5:]) for line in lines if line.startswith("data:")]


def message(record: Record) -> Record:
    """The whole message; a stream's blocks put together again."""
    if not record["stream"]:
        whole: Record = json.loads(record["response"]["body"])
        return whole
    built: Record = {}
    for event in events(record):
        match event["type"]:
            case "message_start":
                built = event["message"]
            case "content_block_start":
                built["content"].append(event["content_block"] | {"partial_json": ""})
            case "content_block_delta" if event["delta"]["type"] in DELTAS:
                name = DELTAS[event["delta"]["type"]]
                block = built["content"][event["index"]]
                block[name] = (block.get(name) or "") + event["delta"][name]
            case "message_delta":
                built["stop_reason"] = event["delta"]["stop_reason"]
                built["usage"] |= {name: value for name, value in event["usage"].items() if value is not None}
            case _:
                pass
    for block in built["content"]:
        partial = block.pop("partial_json")
        if partial:
            block["input"] = json.loads(partial)
    return built


def expected(record: Record) -> dict[str, Any]:
    whole = message(record)
    blocks, usage = whole["content"], whole["usage"]
    cached, written = (usage.get(f"cache_{name}_input_tokens") or 0 for name in ("read", "creation"))
    known = ("text", "thinking", "redacted_thinking", "tool_use")
    return {
        "text": "".join(block["text"] for block in blocks if block["type"] == "text"),
        "thinking": [(b["thinking"], b.get("signature")) for b in blocks if b["type"] == "thinking"],
        "redacted": [block["data"] for block in blocks if block["type"] == "redacted_thinking"],
        "tool_calls": [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"],
        "opaque": [block["type"] for block in blocks if block["type"] not in known],
        "finish": FINISH.get(whole["stop_reason"], "other"),
        "usage.input": usage["input_tokens"],
        "usage.cached_read": cached,
        "usage.cache_write": written,
        "usage.output_total": usage["output_tokens"],
        "id": whole["id"],
        "model": whole["model"],
    }


def actual(answer: Answer) -> dict[str, Any]:
    assert answer.usage is not None
    thoughts = [part for part in answer.parts if isinstance(part, ThinkingPart)]
    calls = [part for part in answer.parts if isinstance(part, ToolCallPart)]
    return {
        "text": "".join(part.text for part in answer.parts if isinstance(part, TextPart)),
        "thinking": [(part.text, part.signature) for part in thoughts if part.redacted is None],
        "redacted": [part.redacted for part in thoughts if part.redacted is not None],
        "tool_calls": [(part.id, part.name, json.loads(part.arguments)) for part in calls],
        "opaque": [part.block["type"] for part in answer.parts if isinstance(part, OpaquePart)],
        "finish": answer.finish_reason,
        "usage.input": answer.usage.input,
        "usage.cached_read": answer.usage.cached_read,
        "usage.cache_write": answer.usage.cache_write,
        "usage.output_total": answer.usage.output_total,
        "id": answer.id,
        "model": answer.model,
    }


def streamed(wire: AnthropicMessages, body: list[bytes]) -> Answer:
    decoder = wire.decoder()
    deltas = [delta for piece in body for delta in decoder.feed(piece)]
    assert decoder.done
    answer = decoder.close()
    calls = [part for part in answer.parts if isinstance(part, ToolCallPart)]
    assert "".join(delta.text for delta in deltas) == actual(answer)["text"]
    assert "".join(delta.thinking for delta in deltas) == "".join(text for text, _ in actual(answer)["thinking"])
    for index, call in enumerate(calls):
        own = [delta for delta in deltas if delta.tool_index == index]
        assert (own[0].tool_id, own[0].tool_name) == (call.id, call.name)
        assert ("".join(delta.arguments for delta in own) or "{}") == call.arguments
    return answer


def test_every_recorded_reply_reads_the_same_as_by_hand(recorded: Recorded, pieces: Pieces) -> None:
    wire, wrong, seen = AnthropicMessages(), [], 0
    for record in recorded("anthropic", "messages"):
        body = record["response"]["body"].encode()
        if record["response"]["status"] != 200:
            continue
        seen += 1
        answer = streamed(wire, pieces(body, record["id"])) if record["stream"] else wire.decode(body)
        want, got = expected(record), actual(answer)
        if "*" not in record["unsure"]:
            wrong += [
                f"{record['id']} {name}: {got[name]!r} for {want[name]!r}" for name in want if got[name] != want[name]
            ]
    assert wrong == []
    assert seen > 200


def test_every_recorded_error_is_told_by_its_status(recorded: Recorded) -> None:
    kinds = {400: "invalid_request", 401: "unauthorized", 404: "not_found"}
    wire = AnthropicMessages()
    for record in recorded("anthropic", "messages"):
        response = record["response"]
        if response["status"] == 200:
            continue
        error = json.loads(response["body"])
        fault = wire.fault(response["status"], httpx.Headers(response["headers"]), response["body"].encode())
        assert (fault.kind, fault.status) == (kinds[response["status"]], response["status"])
        assert fault.code == error["error"]["type"]
        assert fault.message == error["error"]["message"]
        assert fault.request_id == response["headers"].get("request-id", error.get("request_id"))


def test_a_recorded_reply_goes_back_as_it_came(recorded: Recorded) -> None:
    """Thinking with its signature, redacted thinking, tool calls and unknown blocks: what replaying a turn sends."""
    wire, replayed = AnthropicMessages(), set()
    for record in recorded("anthropic", "messages"):
        body = record["response"]["body"].encode()
        if record["response"]["status"] != 200 or "*" in record["unsure"]:
            continue
        came = [essence(block) for block in message(record)["content"] if block.get("text") != ""]
        answer = streamed(wire, [body]) if record["stream"] else wire.decode(body)
        request = Request(model="x", messages=(user("hi"), ChatMessage("assistant", answer.parts), user("on")))
        turns = json.loads(wire.encode(request, "x", stream=False).body)["messages"]
        assert [essence(block) for turn in turns[1:-1] for block in turn["content"]] == came, record["id"]
        replayed |= {block["type"] for block in came}
    assert {"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use"} <= replayed


def essence(block: Record) -> Record:
    names = ("type", "text", "thinking", "signature", "data", "id", "name", "input")
    return {name: block[name] for name in names if name in block}
