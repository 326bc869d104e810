"""OpenAI's count of tokens, sorted into partitions that never overlap.

`prompt_tokens` includes what was cached, `completion_tokens` includes reasoning. The imitations that count otherwise
are told by their sums: at xAI and Vercel's gateway total = prompt + completion + reasoning; behind Gemini's endpoint
reasoning is only in the total; Grok on Azure counts cached tokens beside the prompt.
"""

from typing import Any

from callboard.actors.wires.jsons import mapping, tokens
from callboard.actors.wires.modality import placed
from callboard.actors.wires.searches import searched
from callboard.messages.usage import Usage, apart

_CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens")
"""DeepSeek; Together and Moonshot; Mistral; Snowflake."""
_LITELLM = "cache_creation_token_details"
"""What LiteLLM tells of Claude's cache, as Anthropic does."""
_CACHED_APART = "cached_tokens_details"
_RARE = ("audio_tokens", "image_tokens", _CACHED_APART, _LITELLM)

_RESPONSES = {
    "input_tokens": "prompt_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens": "completion_tokens",
    "output_tokens_details": "completion_tokens_details",
}
"""What a response calls its counts, and a chat completion."""


def usage_of(raw: Any) -> Usage | None:
    """The partitions, or None when the provider did not count."""
    counts = mapping(raw)
    if not counts:
        return None
    prompt, completion = tokens(counts.get("prompt_tokens")), tokens(counts.get("completion_tokens"))
    read, written = mapping(counts.get("prompt_tokens_details")), mapping(counts.get("completion_tokens_details"))
    fresh, cached, kept = _input(prompt, read, counts)
    output, reasoning = _output(prompt, completion, written, counts)
    plain = Usage(input=fresh, cached_read=cached, cache_write=kept, output=output, reasoning=reasoning)
    rare = any(map(read.get, _RARE)) or written.get("audio_tokens") or written.get("image_tokens")
    usage = _set_apart(plain, read, written) if rare else plain
    tools = counts.get("server_tool_use_details") or counts.get("server_tool_use")  # OpenRouter; LiteLLM
    return searched(usage, tokens(mapping(tools).get("web_search_requests"))) if tools else usage


def responses_usage_of(raw: Any) -> Usage | None:
    """The same for a response, which calls everything differently and counts alike."""
    return usage_of({_RESPONSES.get(name, name): value for name, value in mapping(raw).items()})


def _set_apart(plain: Usage, read: dict[str, Any], written: dict[str, Any]) -> Usage:
    sound, pictures = tokens(read.get("audio_tokens")), tokens(read.get("image_tokens"))
    told = mapping(read.get(_CACHED_APART))
    heard, heard_before = placed(sound, plain.input, plain.cached_read, tokens(told.get("audio_tokens")))
    fresh, cached = plain.input - heard, plain.cached_read - heard_before
    seen, seen_before = placed(pictures, fresh, cached, tokens(told.get("image_tokens")))
    spoken = min(plain.output, tokens(written.get("audio_tokens")))
    drawn = min(plain.output - spoken, tokens(written.get("image_tokens")))
    for_an_hour = min(plain.cache_write, tokens(mapping(read.get(_LITELLM)).get("ephemeral_1h_input_tokens")))
    return Usage(
        input=fresh - seen,
        cached_read=cached - seen_before,
        cache_write=plain.cache_write - for_an_hour,
        output=plain.output - spoken - drawn,
        reasoning=plain.reasoning,
        apart=apart(
            audio_input=heard,
            audio_cached=heard_before,
            audio_output=spoken,
            cache_write_1h=for_an_hour,
            image_input=seen,
            image_cached=seen_before,
            image_output=drawn,
        ),
    )


def _input(prompt: int, details: dict[str, Any], counts: dict[str, Any]) -> tuple[int, int, int]:
    cached = tokens(details.get("cached_tokens")) or _cached(counts)
    written = tokens(details.get("cache_write_tokens")) or tokens(counts.get("cache_creation_input_tokens"))
    beside = cached + written > prompt
    return prompt if beside else prompt - cached - written, cached, written


def _cached(counts: dict[str, Any]) -> int:
    for name in _CACHED:
        if name in counts and (cached := tokens(counts[name])):
            return cached
    return 0


def _output(prompt: int, completion: int, details: dict[str, Any], counts: dict[str, Any]) -> tuple[int, int]:
    reasoning = tokens(details.get("reasoning_tokens"))
    unnamed = tokens(counts.get("total_tokens")) - prompt - completion
    if unnamed > 0 and unnamed >= reasoning:
        return completion, unnamed
    beside = reasoning > completion
    return completion if beside else completion - reasoning, reasoning
