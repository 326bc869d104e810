"""Which wire an account speaks: the one place that makes them."""

from collections.abc import Callable

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.cohere_v1 import CohereV1
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.ollama_generate import OllamaGenerate
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_completions import OpenAICompletions
from callboard.actors.wires.openai_responses import OpenAIResponses
from callboard.actors.wires.rate_limits import FAMILIES
from callboard.actors.wires.wire import Wire
from callboard.config import ResolvedProvider


def wire(one: ResolvedProvider, utc: Callable[[], int]) -> Wire:
    """The protocol of this account. `utc` gives the time now, in nanoseconds since 1970."""
    preset = one.preset
    names = FAMILIES[preset.rate_limits or "openai"]
    stranger = one.name if one.is_stranger else None
    match preset.wire:
        case "openai":
            return OpenAIChat(preset.name, account=stranger, quirks=preset.quirks, rate_limits=names, utc=utc)
        case "openai-responses":
            return OpenAIResponses(preset.name, account=one.name, quirks=preset.quirks, rate_limits=names, utc=utc)
        case "openai-completions":
            return OpenAICompletions(preset.name, quirks=preset.quirks, rate_limits=names, utc=utc)
        case "anthropic":
            return AnthropicMessages(preset.name, account=stranger, version=one.config.version or "2023-06-01", utc=utc)
        case "gemini":
            return Gemini(preset.name, utc=utc)
        case "vertex":
            return Gemini(preset.name, vertex=True, utc=utc)
        case "cohere":
            return Cohere(preset.name, utc=utc)
        case "cohere-v1":
            return CohereV1(preset.name, utc=utc)
        case "ollama":
            return Ollama(preset.name, utc=utc)
        case "ollama-generate":
            return OllamaGenerate(preset.name, utc=utc)
