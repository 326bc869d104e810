"""Cohere's count of tokens: its input includes what was cached and leaves pictures out, its output includes reasoning.

`tokens` is what the model read and wrote, Cohere's own prompt around the conversation included. `billed_units` beside
it is what is charged for, less than that; answers keep it in `extra`.
"""

from typing import Any

from callboard.actors.wires.jsons import mapping, tokens
from callboard.messages.usage import Bill, Usage, apart


def bill_of(raw: Any) -> Bill | None:
    """What is charged for; None where it is not told."""
    billed = mapping(mapping(raw).get("billed_units"))
    charged = Usage(input=tokens(billed.get("input_tokens")), output=tokens(billed.get("output_tokens")))
    return Bill(usage=charged) if charged.total else None


def usage_of(raw: Any) -> Usage | None:
    """The partitions, or None when the provider did not count."""
    usage = mapping(raw)
    counts = mapping(usage.get("tokens")) or mapping(usage.get("billed_units"))
    if not counts:
        return None
    prompt = tokens(counts.get("input_tokens"))
    pictures = tokens(counts.get("image_tokens"))
    cached = min(tokens(usage.get("cached_tokens")), prompt)
    output = tokens(counts.get("output_tokens"))
    reasoning = min(tokens(counts.get("reasoning_tokens")), output)
    return Usage(
        input=prompt - cached,
        cached_read=cached,
        output=output - reasoning,
        reasoning=reasoning,
        apart=apart(image_input=pictures),
    )
