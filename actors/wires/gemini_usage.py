"""Gemini's count of tokens: its prompt includes what was cached but neither tool results nor thoughts, which stand
beside it; its candidates leave thoughts out.

Source: ai.google.dev/api/generate-content, UsageMetadata: total = prompt + toolUsePrompt + candidates + thoughts.
"""

from typing import Any

from callboard.actors.wires.jsons import tokens
from callboard.messages.usage import Usage

_COUNTS = ("promptTokenCount", "candidatesTokenCount", "totalTokenCount", "thoughtsTokenCount")


def usage_of(counts: dict[str, Any]) -> Usage | None:
    """The partitions, or None when the provider did not count: Vertex sends `trafficType` alone at first."""
    if not any(name in counts for name in _COUNTS):
        return None
    prompt = tokens(counts.get("promptTokenCount"))
    cached = min(prompt, tokens(counts.get("cachedContentTokenCount")))
    return Usage(
        input=prompt - cached + tokens(counts.get("toolUsePromptTokenCount")),
        cached_read=cached,
        output=tokens(counts.get("candidatesTokenCount")),
        reasoning=tokens(counts.get("thoughtsTokenCount")),
    )
