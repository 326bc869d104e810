"""Gemini's count of tokens: its prompt includes what was cached but neither tool results nor thoughts, which stand
beside it; its candidates leave thoughts out.

Source: ai.google.dev/api/generate-content, UsageMetadata: total = prompt + toolUsePrompt + candidates + thoughts.
"""

from typing import Any

from callboard.actors.wires.jsons import items, mapping, tokens
from callboard.actors.wires.sound import placed
from callboard.messages.usage import Usage, apart

_COUNTS = ("promptTokenCount", "candidatesTokenCount", "totalTokenCount", "thoughtsTokenCount")


def usage_of(counts: dict[str, Any]) -> Usage | None:
    """The partitions, or None when the provider did not count: Vertex sends `trafficType` alone at first."""
    if not any(name in counts for name in _COUNTS):
        return None
    prompt = tokens(counts.get("promptTokenCount"))
    cached = min(prompt, tokens(counts.get("cachedContentTokenCount")))
    written = tokens(counts.get("candidatesTokenCount"))
    told = _sound(counts.get("cacheTokensDetails"))
    heard, heard_before = placed(_sound(counts.get("promptTokensDetails")), prompt - cached, cached, told)
    spoken = min(written, _sound(counts.get("candidatesTokensDetails")))
    return Usage(
        input=prompt - cached - heard + tokens(counts.get("toolUsePromptTokenCount")),
        cached_read=cached - heard_before,
        output=written - spoken,
        reasoning=tokens(counts.get("thoughtsTokenCount")),
        apart=apart(audio_input=heard, audio_cached=heard_before, audio_output=spoken),
    )


def _sound(details: Any) -> int:
    """Tokens of sound, of a count by modality; those of the prompt include what was cached."""
    told = map(mapping, items(details))
    return sum(tokens(one.get("tokenCount")) for one in told if one.get("modality") == "AUDIO")
