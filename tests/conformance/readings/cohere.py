"""A reply of Cohere's chat, version 2, by its JSON paths."""

import json

from tests.conformance.corpus import Record

FINISH = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}


def merged(events: list[Record]) -> Record:
    """The plain reply that a stream's events add up to."""
    said: Record = {"content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    reply: Record = {"message": said}
    for event in events:
        delta = event.get("delta") or {}
        inner = delta.get("message") or {}
        match event["type"]:
            case "content-start" | "content-delta":
                said["content"].append(inner["content"])
            case "tool-plan-delta":
                said["tool_plan"] += inner["tool_plan"]
            case "tool-call-start":
                said["tool_calls"].append(inner["tool_calls"])
            case "tool-call-delta":
                function = said["tool_calls"][event["index"]]["function"]
                function["arguments"] += inner["tool_calls"]["function"]["arguments"]
            case "citation-start":
                said["citations"].append(inner["citations"])
            case "message-end":
                reply |= delta
            case _:
                pass
    return reply


def reading(whole: Record) -> Record:
    """What the reply says; the plan for its tools is thinking."""
    message, usage = whole["message"], whole.get("usage") or {}
    functions = [call["function"] for call in message.get("tool_calls") or []]
    blocks = message.get("content") or []
    counts = usage.get("tokens") or {}
    thinking = "".join(block.get("thinking") or "" for block in blocks)
    return {
        "text": "".join(block.get("text") or "" for block in blocks),
        "thinking": thinking + (message.get("tool_plan") or ""),
        "refusal": "",
        "tool_calls": [(one["name"], json.loads(one.get("arguments") or "{}")) for one in functions],
        "finish": FINISH.get(whole["finish_reason"], "other"),
        "usage.input_total": (counts.get("input_tokens") or 0) + (counts.get("image_tokens") or 0),
        "usage.cached_read": usage.get("cached_tokens") or 0,
        "usage.output_total": counts.get("output_tokens") or 0,
        "extra.citations": message.get("citations") or None,
        "extra.billed_units": usage.get("billed_units"),
        "usage.reasoning": counts.get("reasoning_tokens") or 0,
    }
