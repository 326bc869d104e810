"""Every recorded chat completion, read by the wire and by the small reader below, which shares nothing with it."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import RefusalPart, ToolCallPart
from callboard.messages.reply import Answer

Record = dict[str, Any]
Recorded = Callable[[str, str], list[Record]]
Pieces = Callable[[bytes, object], list[bytes]]

FAMILIES = (
    "openai", "azure", "groq", "deepseek", "openrouter", "mistral",
    "cerebras", "together", "compat_other", "ollama", "gemini",
)  # fmt: skip

FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "eos": "stop",
    None: None,
}


def payloads(record: Record) -> list[Record]:
    """The JSON of a body: its events, or the one object."""
    body = record["response"]["body"]
    if not record["stream"]:
        return [json.loads(body)]
    lines = [line[5:].strip() for line in body.replace("\r\n", "\n").split("\n") if line.startswith("data:")]
    return [json.loads(line) for line in lines if line and line != "[DONE]"]


def choices(record: Record) -> list[Record]:
    return [choice for payload in payloads(record) for choice in payload.get("choices") or [] if choice["index"] == 0]


def said(record: Record) -> list[Record]:
    return [choice.get("delta") or choice.get("message") or {} for choice in choices(record)]


def words(content: Any) -> str:
    if isinstance(content, list):
        return "".join(block.get("text") or "" for block in content)
    return content or ""


def thoughts(piece: Record) -> str:
    found = piece.get("reasoning_content") or piece.get("reasoning") or ""
    if isinstance(piece.get("content"), list):
        found += "".join(inner["text"] for block in piece["content"] for inner in block.get("thinking", []))
    return str(found)


def calls(record: Record) -> list[tuple[str, Any]]:
    """Name and arguments of each call: pieces belong together by index, or else one piece is one call."""
    by_index: dict[Any, list[str]] = {}
    for number, piece in enumerate(said(record)):
        for place, call in enumerate(piece.get("tool_calls") or []):
            own = call.get("index") if record["stream"] and call.get("index") is not None else (number, place)
            entry = by_index.setdefault(own, ["", ""])
            entry[0] = entry[0] or call["function"].get("name") or ""
            entry[1] += call["function"].get("arguments") or ""
        legacy = piece.get("function_call") or {}
        if legacy.get("name"):
            by_index["legacy"] = [legacy["name"], legacy["arguments"]]
    return [(name, json.loads(arguments or "{}")) for name, arguments in by_index.values()]


def counts(record: Record) -> dict[str, Any] | None:
    usages = [payload["usage"] for payload in payloads(record) if payload.get("usage")]
    if not usages:
        return None
    usage = usages[-1]
    prompt, completion, total = (usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    details = usage.get("prompt_tokens_details") or {}
    names = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")
    cached = details.get("cached_tokens") or next((usage[name] for name in names if usage.get(name)), 0)
    reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    beside = total == prompt + completion + reasoning
    return {
        "usage.input_total": prompt,
        "usage.cached_read": cached,
        "usage.output_total": completion + (reasoning if beside else 0),
        "usage.reasoning": reasoning,
    }


def expected(record: Record) -> dict[str, Any]:
    finishes = [choice["finish_reason"] for choice in choices(record) if choice.get("finish_reason")]
    read: dict[str, Any] = {
        "text": "".join(words(piece.get("content")) for piece in said(record)),
        "thinking": "".join(map(thoughts, said(record))),
        "refusal": "".join(piece.get("refusal") or "" for piece in said(record)),
        "tool_calls": calls(record),
        "finish": FINISH[finishes[-1] if finishes else None],
    }
    return read | (counts(record) or {"usage": None})


def actual(answer: Answer) -> dict[str, Any]:
    usage = answer.usage
    parts = answer.parts
    read: dict[str, Any] = {
        "text": "".join(getattr(part, "text", "") for part in parts if type(part).__name__ == "TextPart"),
        "thinking": "".join(getattr(part, "text", "") for part in parts if type(part).__name__ == "ThinkingPart"),
        "refusal": "".join(part.text for part in parts if isinstance(part, RefusalPart)),
        "tool_calls": [(part.name, json.loads(part.arguments)) for part in parts if isinstance(part, ToolCallPart)],
        "finish": answer.finish_reason,
    }
    if usage is None:
        return read | {"usage": None}
    return read | {
        "usage.input_total": usage.input_total,
        "usage.cached_read": usage.cached_read,
        "usage.output_total": usage.output_total,
        "usage.reasoning": usage.reasoning,
    }


def differences(record: Record, answer: Answer) -> list[str]:
    want, got = expected(record), actual(answer)
    fields = (want.keys() | got.keys()) - record["unsure"]
    if "*" in record["unsure"]:
        return []
    if "usage.output_total" in record["unsure"]:
        fields -= {"usage.reasoning"}
    wrong = [name for name in fields if want.get(name) != got.get(name)]
    return [f"{record['id']} {name}: {got.get(name)!r} for {want.get(name)!r}" for name in wrong]


def streamed(wire: OpenAIChat, body: list[bytes]) -> Answer:
    decoder = wire.decoder()
    deltas = [delta for piece in body for delta in decoder.feed(piece)]
    answer = decoder.close()
    assert "".join(delta.text for delta in deltas) == actual(answer)["text"]
    assert "".join(delta.thinking for delta in deltas) == actual(answer)["thinking"]
    return answer


@pytest.mark.parametrize("family", FAMILIES)
def test_every_recorded_reply_reads_the_same_as_by_hand(family: str, recorded: Recorded, pieces: Pieces) -> None:
    wire = OpenAIChat(family)
    wrong = []
    for record in recorded(family, "chat_completions"):
        body = record["response"]["body"].encode()
        if record["response"]["status"] != 200 or any("error" in payload for payload in payloads(record)):
            continue
        answer = streamed(wire, pieces(body, record["id"])) if record["stream"] else wire.decode(body)
        wrong += differences(record, answer)
    assert wrong == []


@pytest.mark.parametrize("family", FAMILIES)
def test_every_recorded_error_is_told_by_its_status_and_keeps_no_secret(family: str, recorded: Recorded) -> None:
    kinds = {400: "invalid_request", 401: "unauthorized", 404: "not_found", 429: "rate_limited", 500: "server"}
    wire = OpenAIChat(family)
    for record in recorded(family, "chat_completions"):
        response = record["response"]
        if response["status"] == 200:
            continue
        fault = wire.fault(response["status"], httpx.Headers(response["headers"]), response["body"].encode())
        too_long = "context length" in response["body"]
        assert fault.kind == ("context_too_long" if too_long else kinds[response["status"]]), record["id"]
        assert fault.status == response["status"]
        assert fault.request_id == response["headers"].get("x-request-id")
        assert fault.message
        assert "sk-" not in fault.message


@pytest.mark.parametrize(("family", "record_id", "kind"), [
    ("groq", "58b970edab81", "invalid_request"),
    ("openrouter", "3a4761571bea", "invalid_request"),
])  # fmt: skip
def test_an_error_inside_a_stream_ends_it_and_keeps_what_came(
    family: str, record_id: str, kind: str, recorded: Recorded, pieces: Pieces
) -> None:
    record = next(record for record in recorded(family, "chat_completions") if record["id"] == record_id)
    decoder = OpenAIChat(family).decoder()
    with pytest.raises(WireFault) as caught:
        for piece in pieces(record["response"]["body"].encode(), 7):
            decoder.feed(piece)
        decoder.close()
    assert caught.value.fault.kind == kind
    assert caught.value.fault.status == 400
    assert decoder.done
    assert decoder.partial().parts
