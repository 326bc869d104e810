"""A reply of Cohere's chat, version 1, by its JSON paths."""

from tests.conformance.corpus import Record

FINISH = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length"}


def merged(lines: list[Record]) -> Record:
    """The last line holds the whole reply."""
    whole: Record = lines[-1]["response"]
    return whole


def reading(whole: Record) -> Record:
    """What the reply says."""
    meta = whole.get("meta") or {}
    counts = meta.get("tokens") or {}
    return {
        "text": whole["text"],
        "thinking": "",
        "refusal": "",
        "tool_calls": [],
        "finish": FINISH.get(whole["finish_reason"], "other"),
        "usage.input_total": counts.get("input_tokens") or 0,
        "usage.cached_read": meta.get("cached_tokens") or 0,
        "usage.output_total": counts.get("output_tokens") or 0,
        "extra.citations": whole.get("citations") or None,
        "extra.billed_units": meta.get("billed_units"),
        "usage.reasoning": 0,
    }
