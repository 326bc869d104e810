"""A reply of Ollama's by its JSON paths."""

from tests.conformance.corpus import Record

FINISH = {"stop": "stop", "length": "length"}


def merged(lines: list[Record]) -> Record:
    """The last line, with what the message said in all of them; a generation's words are in the line itself."""
    said = [line.get("message") or {"content": line.get("response")} for line in lines]
    message = {name: "".join(one.get(name) or "" for one in said) for name in ("content", "thinking")}
    calls = [call for one in said for call in one.get("tool_calls") or []]
    return lines[-1] | {"message": message | {"tool_calls": calls}}


def reading(whole: Record) -> Record:
    """What the reply says."""
    message = whole.get("message") or {"content": whole["response"]}
    functions = [call["function"] for call in message.get("tool_calls") or []]
    read = {
        "text": message.get("content") or "",
        "thinking": message.get("thinking") or "",
        "refusal": "",
        "tool_calls": [(one["name"], one.get("arguments") or {}) for one in functions],
        "finish": FINISH.get(str(whole.get("done_reason")), "other"),
    }
    if whole.get("eval_count") is None:
        return read | {"usage": None}
    return read | {
        "usage.input_total": whole.get("prompt_eval_count") or 0,
        "usage.cached_read": 0,
        "usage.output_total": whole["eval_count"],
        "usage.reasoning": 0,
    }
