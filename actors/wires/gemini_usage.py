"""Gemini's count of tokens: its prompt includes what was cached but neither tool results nor thoughts, which stand
beside it; its candidates leave thoughts out.

Source: ai.google.dev/api/generate-content, UsageMetadata: total = prompt + toolUsePrompt + candidates + thoughts.
"""

from typing import Any

from callboard.actors.wires.jsons import items, mapping, string, tokens
from callboard.actors.wires.modality import placed
from callboard.messages.usage import Bill, Usage, apart

_COUNTS = ("promptTokenCount", "candidatesTokenCount", "totalTokenCount", "thoughtsTokenCount")

_USUAL = ("", "unspecified", "standard", "traffic_type_unspecified", "on_demand")


def bill_of(counts: dict[str, Any]) -> Bill | None:
    """The tier that it was served in, as Gemini or, in `trafficType`, Vertex tells it; None for the usual one."""
    told = (string(counts.get("serviceTier")) or string(counts.get("trafficType")) or "").lower()
    return None if told in _USUAL else Bill(tier=told.removeprefix("on_demand_"))


def usage_of(counts: dict[str, Any]) -> Usage | None:
    """The partitions, or None when the provider did not count: Vertex sends `trafficType` alone at first."""
    if not any(name in counts for name in _COUNTS):
        return None
    prompt = tokens(counts.get("promptTokenCount"))
    cached = min(prompt, tokens(counts.get("cachedContentTokenCount")))
    written = tokens(counts.get("candidatesTokenCount"))
    asked, answered = counts.get("promptTokensDetails"), counts.get("candidatesTokensDetails")
    told = counts.get("cacheTokensDetails")
    heard, heard_before = placed(_of("AUDIO", asked), prompt - cached, cached, _of("AUDIO", told))
    fresh, kept = prompt - cached - heard, cached - heard_before
    seen, seen_before = placed(_of("IMAGE", asked), fresh, kept, _of("IMAGE", told))
    spoken = min(written, _of("AUDIO", answered))
    drawn = min(written - spoken, _of("IMAGE", answered))
    return Usage(
        input=fresh - seen + tokens(counts.get("toolUsePromptTokenCount")),
        cached_read=kept - seen_before,
        output=written - spoken - drawn,
        reasoning=tokens(counts.get("thoughtsTokenCount")),
        apart=apart(
            audio_input=heard,
            audio_cached=heard_before,
            audio_output=spoken,
            image_input=seen,
            image_cached=seen_before,
            image_output=drawn,
        ),
    )


def _of(modality: str, details: Any) -> int:
    """Tokens of one modality; those of the prompt include what was cached."""
    told = map(mapping, items(details))
    return sum(tokens(one.get("tokenCount")) for one in told if one.get("modality") == modality)
