"""callboard's reading of a reply, in the words of the tables, and how it differs from another."""

import json
from collections.abc import Callable
from types import ModuleType

from tests.conformance.corpus import Record
from tests.conformance.readings import anthropic, cohere, cohere_v1, gemini, ollama, openai, responses
from tests.conformance.replay import Heard

import callboard
from callboard.actors.wires.media import to_base64
from callboard.messages.chat import ImagePart, RefusalPart

READINGS: dict[str, ModuleType] = {
    "chat_completions": openai,
    "responses": responses,
    "messages": anthropic,
    "generateContent": gemini,
    "streamGenerateContent": gemini,
    "v2/chat": cohere,
    "v1/chat": cohere_v1,
    "api/chat": ollama,
    "api/generate": ollama,
}


def reading(reply: callboard.Reply) -> Record:
    """What the reply says."""
    usage = reply.usage
    read = {
        "text": reply.text,
        "thinking": reply.thinking,
        "refusal": "".join(part.text for part in reply.parts if isinstance(part, RefusalPart)),
        "tool_calls": [(call.name, json.loads(call.arguments)) for call in reply.tool_calls],
        "finish": reply.finish_reason,
        "images": [to_base64(part.data or b"") for part in reply.parts if isinstance(part, ImagePart)],
    } | {f"extra.{name}": value for name, value in (reply.extra or {}).items()}
    if reply.estimated:
        return read | {"usage": None}
    return read | {
        "usage.input_total": usage.input_total,
        "usage.cached_read": usage.cached_total,
        "usage.cache_write": usage.cache_write,
        "usage.output_total": usage.output_total,
        "usage.reasoning": usage.reasoning,
    }


def differences(record: Record, heard: Heard, wanted: Callable[[], Record]) -> list[str]:
    """The fields that the reply and the other reading tell differently; of an ambiguous one either reading is right."""
    if "*" in record["unsure"]:
        return []
    if heard.reply is None:
        return [f"{record['id']}: {heard.error}"]
    want, got = wanted(), reading(heard.reply)
    unsure = record["unsure"] | ({"usage.reasoning"} if "usage.output_total" in record["unsure"] else set())
    wrong = [
        name
        for name in sorted(want.keys() | {"usage"} & got.keys())
        if got.get(name) != want.get(name) and not (name in unsure and other(name, got, want))
    ]
    return [f"{record['id']} {name}: {got.get(name)!r:.300} for {want.get(name)!r:.300}" for name in wrong]


def other(name: str, got: Record, want: Record) -> bool:
    """Whether this is the other honest reading of an ambiguous field."""
    match name:
        case "usage.input_total":  # Grok on Azure: cached tokens are counted beside the prompt's
            return bool(got[name] == want[name] + want["usage.cached_read"])
        case "usage.output_total":  # reasoning is counted beside the completion
            return bool(got[name] == want[name] + got["usage.reasoning"])
        case "usage.reasoning":  # or told only by an earlier piece, and in the total
            return bool(got[name] == got["usage.output_total"] - want["usage.output_total"])
        case "finish":  # an empty one is none
            return bool(got[name] is None and want[name] == "")
        case "tool_calls":  # the official client leaves arguments in pieces
            return bool([(called, {}) for called, _ in got[name]] == want[name])
        case _:
            return False
