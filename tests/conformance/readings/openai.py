"""A chat completion by its JSON paths; a stream is put together first."""

import json

from tests.conformance.corpus import Record
from tests.conformance.readings.openai_chunks import merged, thoughts, words

__all__ = ["merged", "reading"]

FINISH = {"function_call": "tool_calls", "eos": "stop", "error": "error"}
"""What does not go by its own name."""
CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens")


def reading(whole: Record) -> Record:
    """What the reply says."""
    choice = whole["choices"][0]
    message, finish = choice["message"], choice.get("finish_reason")
    functions = [call["function"] for call in message.get("tool_calls") or []]
    legacy = message.get("function_call") or {}
    functions += [legacy] if legacy.get("name") else []
    return {
        "text": words(message.get("content"), "text"),
        "thinking": thoughts(message),
        "refusal": message.get("refusal") or "",
        "tool_calls": [(one["name"], json.loads(one.get("arguments") or "{}")) for one in functions],
        "finish": FINISH.get(finish, finish),
    } | counts(whole.get("usage"))


def counts(usage: Record | None) -> Record:
    """Some leave reasoning out of `completion_tokens`: then it is what the total is larger by."""
    if not usage:
        return {"usage": None}
    prompt, said = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    details = usage.get("prompt_tokens_details") or {}
    reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    beside = reasoning and usage["total_tokens"] == prompt + said + reasoning
    cached = next((usage[name] for name in CACHED if usage.get(name)), 0)
    return {
        "usage.input_total": prompt,
        "usage.cached_read": details.get("cached_tokens") or cached,
        "usage.output_total": said + reasoning if beside else said,
        "usage.reasoning": reasoning,
    }
