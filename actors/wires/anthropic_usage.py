"""Anthropic's count of tokens: its input leaves out what was cached, its output includes thinking.

What it took to sum a conversation up on the way stands beside its sums, among the single steps (`usage.iterations`).
Advice from another model does so too, at that one's prices, and is not counted.
"""

from typing import Any

from callboard.actors.wires.jsons import MOST_TOKENS, items, mapping, string, tokens
from callboard.actors.wires.searches import searched
from callboard.messages.usage import Bill, Usage, apart


def usage_of(counts: dict[str, Any]) -> Usage | None:
    """The partitions, or None when the provider did not count."""
    if not counts:
        return None
    total = _partitions(counts)
    for step in map(mapping, items(counts.get("iterations"))):
        if step.get("type") == "compaction" and total.total < MOST_TOKENS:
            total += _partitions(step)
    return searched(total, tokens(mapping(counts.get("server_tool_use")).get("web_search_requests")))


_USUAL = (None, "standard", "global", "not_available")
"""Of tier, speed and geography: models before 4.6 cannot be told where to run."""


def bill_of(counts: dict[str, Any]) -> Bill | None:
    """In which tier, at which speed and where it was served, of what has prices of its own."""
    tier, speed, geo = (_unusual(counts.get(name)) for name in ("service_tier", "speed", "inference_geo"))
    return Bill(tier=tier, speed=speed, geo=geo) if tier or speed or geo else None


def _unusual(told: Any) -> str | None:
    return None if told in _USUAL else string(told)


def _partitions(counts: dict[str, Any]) -> Usage:
    output = tokens(counts.get("output_tokens"))
    thinking = min(output, tokens(mapping(counts.get("output_tokens_details")).get("thinking_tokens")))
    written = tokens(counts.get("cache_creation_input_tokens"))
    for_an_hour = min(written, tokens(mapping(counts.get("cache_creation")).get("ephemeral_1h_input_tokens")))
    return Usage(
        input=tokens(counts.get("input_tokens")),
        cached_read=tokens(counts.get("cache_read_input_tokens")),
        cache_write=written - for_an_hour,
        output=output - thinking,
        reasoning=thinking,
        apart=apart(cache_write_1h=for_an_hour),
    )
