"""A message of Anthropic's by its JSON paths."""

import json

from tests.conformance.corpus import Record

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
    None: None,
}
DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "json"}


def merged(events: list[Record]) -> Record:
    """The message that a stream's events add up to."""
    message: Record = {}
    for event in events:
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                message["content"].append(event["content_block"] | {"json": ""})
            case "content_block_delta" if event["delta"]["type"] in DELTAS:
                name = DELTAS[event["delta"]["type"]]
                block = message["content"][event["index"]]
                block[name] += next(value for key, value in event["delta"].items() if key != "type")
            case "message_delta":
                message |= event["delta"]
                message["usage"] |= {name: count for name, count in event["usage"].items() if count is not None}
            case _:
                pass
    for block in message["content"]:
        if block["json"]:
            block["input"] = json.loads(block["json"])
    return message


def reading(whole: Record) -> Record:
    """What the message says. Blocks of other types are the server's own."""
    blocks, usage = whole["content"], whole["usage"]
    cached, written = (usage.get(f"cache_{name}_input_tokens") or 0 for name in ("read", "creation"))
    return {
        "text": "".join(block["text"] for block in blocks if block["type"] == "text"),
        "thinking": "".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        "refusal": "",
        "tool_calls": [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"],
        "finish": FINISH.get(whole["stop_reason"], "other"),
        "usage.input_total": usage["input_tokens"] + cached + written,
        "usage.cached_read": cached,
        "usage.cache_write": written,
        "usage.output_total": usage["output_tokens"],
    }
