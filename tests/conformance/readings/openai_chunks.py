"""The chunks of a streamed chat completion, put together."""

from typing import Any

from tests.conformance.corpus import Record


def merged(chunks: list[Record]) -> Record:
    """The plain reply that a stream's chunks add up to: texts joined, calls put together by index, else by id."""
    said: Record = {"content": "", "refusal": "", "reasoning": "", "tool_calls": [], "function_call": {}}
    places: dict[Any, Record] = {}
    choices = [one for chunk in chunks for one in chunk.get("choices") or [] if one.get("index", 0) == 0]
    for piece in [one.get("delta") or one.get("message") or {} for one in choices]:
        said["content"] += words(piece.get("content"), "text")
        said["reasoning"] += thoughts(piece)
        said["refusal"] += piece.get("refusal") or ""
        for call in piece.get("tool_calls") or []:
            place = call.get("index", call.get("id"))
            if place not in places:
                said["tool_calls"].append(places.setdefault(place, {"function": {"name": "", "arguments": ""}}))
            for name in ("name", "arguments"):
                places[place]["function"][name] += call["function"].get(name) or ""
        for name, value in (piece.get("function_call") or {}).items():
            said["function_call"][name] = said["function_call"].get(name, "") + value
    ends = [one["finish_reason"] for one in choices if one.get("finish_reason")]
    usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    choice = {"message": said, "finish_reason": (ends or [None])[-1]}
    return {"choices": [choice], "usage": (usages or [None])[-1]}


def words(content: Any, kind: str) -> str:
    """Mistral's content may be a list of blocks."""
    return content or "" if not isinstance(content, list) else "".join(block.get(kind) or "" for block in content)


def thoughts(message: Record) -> str:
    """Under one of two names, or in Mistral's blocks."""
    content = message.get("content")
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    inner = "".join(words(block.get("thinking"), "text") for block in blocks)
    return message.get("reasoning_content") or message.get("reasoning") or inner
