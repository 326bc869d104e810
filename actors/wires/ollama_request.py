"""A Request as the body of Ollama's chat.

Source: docs.ollama.com/api/chat. Sampling is nested in `options`, where `extra.options` (such as `num_ctx`) joins it.
"""

from typing import Any

import msgspec

from callboard.actors.wires.jsons import UNREADABLE, mapping, present
from callboard.actors.wires.media import to_base64
from callboard.actors.wires.wire import WireFault, unsupported
from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    ImagePart,
    Part,
    RefusalPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.request import Request, Thinking, Tool

_BESIDE = ("logprobs", "top_logprobs")
_EFFORTS: dict[str, bool | str] = {"none": False, "low": "low", "medium": "medium", "high": "high"}


def encode_body(request: Request, model: str, *, stream: bool, provider: str) -> dict[str, Any]:
    """The JSON members to send. Raises WireFault, UNSUPPORTED for what Ollama cannot do."""
    messages = [shown for message in request.messages for shown in _messages(message, provider)]
    sampling: dict[str, Any] = msgspec.to_builtins(request.sampling)
    beside = {name: sampling.pop(name) for name in _BESIDE if name in sampling}
    if "max_tokens" in sampling:
        sampling["num_predict"] = sampling.pop("max_tokens")
    extra = dict(request.extra or {})
    options = sampling | mapping(extra.pop("options", None))
    body = {
        "model": model,
        "messages": messages,
        "stream": stream,
        "tools": _tools(request, provider),
        "options": options or None,
        "think": _think(request.thinking, provider),
    }
    if request.output is not None and request.output.kind != "text":
        body["format"] = "json" if request.output.kind == "json" else request.output.schema
    return present(body) | beside | extra


def _think(thinking: Thinking | None, provider: str) -> Any:
    if thinking is None:
        return None
    if thinking.budget_tokens is not None:
        raise unsupported(provider, "a thinking budget in tokens; give an effort instead")
    if thinking.effort is None:
        return mapping(thinking.extra).get("think")
    if thinking.effort not in _EFFORTS:
        raise unsupported(provider, "this thinking effort; give none, low, medium or high")
    return _EFFORTS[thinking.effort]


def _tools(request: Request, provider: str) -> list[dict[str, Any]] | None:
    """Ollama lets the model choose; a model that must call none is shown none."""
    mode = request.tool_choice.mode if request.tool_choice else "auto"
    if not request.tools or mode == "none":
        return None
    if mode != "auto":
        raise unsupported(provider, "a tool choice that forces a call")
    if request.parallel_tool_calls is False:
        raise unsupported(provider, "parallel_tool_calls=False")
    return [_tool(tool) for tool in request.tools]


def _tool(tool: Tool) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {}} if tool.parameters is None else tool.parameters
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": present(function)} | (tool.extra or {})


def _messages(message: ChatMessage, provider: str) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [_result(part, provider) for part in message.parts if isinstance(part, ToolResultPart)]
    parts = message.parts
    thoughts = [
        part.text for part in parts if isinstance(part, ThinkingPart) and part.origin in (None, provider) and part.text
    ]
    shown = {
        "role": "system" if message.role == "developer" else message.role,
        **_said(parts, provider),
        "thinking": "".join(thoughts) or None,
        "tool_calls": [_call(part, provider) for part in parts if isinstance(part, ToolCallPart)] or None,
    }
    return [present(shown) | (message.extra or {})]


def _said(parts: tuple[Part, ...], provider: str) -> dict[str, Any]:
    """Text and pictures; Ollama has one string of text and a list of pictures beside it."""
    if any(isinstance(part, AudioPart | DocumentPart) for part in parts):
        raise unsupported(provider, "recordings and documents")
    words = "".join(part.text for part in parts if isinstance(part, TextPart | RefusalPart))
    pictures = [_picture(part, provider) for part in parts if isinstance(part, ImagePart)]
    return {"content": words, "images": pictures or None}


def _picture(part: ImagePart, provider: str) -> str:
    if part.data is None:
        raise unsupported(provider, "a picture by URL; give its bytes")
    return to_base64(part.data)


def _result(part: ToolResultPart, provider: str) -> dict[str, Any]:
    said = {"content": part.content} if isinstance(part.content, str) else _said(part.content, provider)
    return present({"role": "tool", **said, "tool_name": part.name, "tool_call_id": part.id})


def _call(part: ToolCallPart, provider: str) -> dict[str, Any]:
    try:
        arguments = msgspec.json.decode(part.arguments, type=dict[str, Any])
    except UNREADABLE:
        message = "the arguments of a tool call in the conversation are not a JSON object"
        raise WireFault(Fault(kind=FaultKind.INVALID_REQUEST, message=message, provider=provider)) from None
    return {"id": part.id, "function": {"name": part.name, "arguments": arguments}}
