"""A response of OpenAI's by its JSON paths."""

import json

from tests.conformance.corpus import Record

ENDS = ("response.completed", "response.incomplete")


def merged(events: list[Record]) -> Record:
    """What the last event tells in full."""
    return next(event["response"] for event in reversed(events) if event.get("type") in ENDS)


def reading(whole: Record) -> Record:
    """What the response says. Items of other types than these three are the server's own."""
    items = whole["output"]
    said = [block for item in items if item["type"] == "message" for block in item["content"]]
    thoughts = [item for item in items if item["type"] == "reasoning"]
    thinking = [block["text"] for item in thoughts for block in [*item["summary"], *(item.get("content") or [])]]
    calls = [item for item in items if item["type"] == "function_call"]
    return {
        "text": "".join(block["text"] for block in said if block["type"] == "output_text"),
        "thinking": "".join(thinking),
        "refusal": "".join(block["refusal"] for block in said if block["type"] == "refusal"),
        "tool_calls": [(call["name"], json.loads(call["arguments"])) for call in calls],
        "finish": finish(whole, bool(calls)),
    } | counts(whole.get("usage"))


def finish(whole: Record, calls: bool) -> str | None:
    """From the status, and the reason why it is incomplete."""
    reason = (whole.get("incomplete_details") or {}).get("reason")
    match whole["status"], reason:
        case "completed", _:
            return "tool_calls" if calls else "stop"
        case "incomplete", "content_filter":
            return "content_filter"
        case "incomplete", _:
            return "length"
        case _:
            return None


def counts(usage: Record | None) -> Record:
    """Cached tokens are part of the input, reasoning of the output."""
    if not usage:
        return {"usage": None}
    return {
        "usage.input_total": usage["input_tokens"],
        "usage.cached_read": (usage.get("input_tokens_details") or {}).get("cached_tokens") or 0,
        "usage.output_total": usage["output_tokens"],
        "usage.reasoning": (usage.get("output_tokens_details") or {}).get("reasoning_tokens") or 0,
    }
