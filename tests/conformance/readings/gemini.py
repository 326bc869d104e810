"""A reply of Gemini's by its JSON paths."""

from tests.conformance.corpus import Record

FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", 1: "stop", 2: "length"}


def merged(chunks: list[Record]) -> Record:
    """Chunks are whole replies: the parts of all, the last count and the last reason."""
    candidates = [one for chunk in chunks for one in chunk.get("candidates") or []]
    parts = [part for one in candidates for part in (one.get("content") or {}).get("parts") or []]
    reasons = [one["finishReason"] for one in candidates if one.get("finishReason")]
    found = [one["groundingMetadata"] for one in candidates if one.get("groundingMetadata")]
    usages = [chunk["usageMetadata"] for chunk in chunks if chunk.get("usageMetadata")]
    blocked = [chunk["promptFeedback"] for chunk in chunks if chunk.get("promptFeedback")]
    candidate = {"finishReason": (reasons or [None])[-1], "groundingMetadata": (found or [None])[-1]}
    return {
        "candidates": [candidate | {"content": {"parts": parts}}],
        "usageMetadata": (usages or [None])[-1],
        "promptFeedback": (blocked or [None])[-1],
    }


def reading(whole: Record) -> Record:
    """What the reply says. A call ends with STOP as a text does."""
    candidate = whole["candidates"][0]
    parts = (candidate.get("content") or {}).get("parts") or []
    texts = [part for part in parts if part.get("text")]
    calls = [part["functionCall"] for part in parts if part.get("functionCall")]
    reason = candidate.get("finishReason")
    return {
        "text": "".join(part["text"] for part in texts if not part.get("thought")),
        "thinking": "".join(part["text"] for part in texts if part.get("thought")),
        "refusal": "",
        "tool_calls": [(call["name"], call.get("args") or {}) for call in calls if call.get("name")],
        "images": [part["inlineData"]["data"] for part in parts if part.get("inlineData")],
        "extra.groundingMetadata": candidate.get("groundingMetadata") or None,
        "finish": "tool_calls" if calls and reason == "STOP" else FINISH.get(reason, "other"),
    } | counts(whole.get("usageMetadata"))


def counts(usage: Record | None) -> Record:
    """Thoughts are counted beside the candidates, what tools brought beside the prompt, cached tokens within it."""
    if not usage:
        return {"usage": None}
    names = ("prompt", "toolUsePrompt", "cachedContent", "candidates", "thoughts")
    prompt, tools, cached, said, thoughts = (usage.get(f"{name}TokenCount") or 0 for name in names)
    return {
        "usage.input_total": prompt + tools,
        "usage.cached_read": cached,
        "usage.output_total": said + thoughts,
        "usage.reasoning": thoughts,
    }
