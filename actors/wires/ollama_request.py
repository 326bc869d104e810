"""A Request as the body of Ollama's chat, and what its generation of text shares with it.

Source: docs.ollama.com/api/chat. Sampling is nested in `options`, where `extra.options` (such as `num_ctx`) joins it.
"""

from typing import Any

import msgspec

from callboard.actors.wires import made_ids
from callboard.actors.wires.arguments import arguments_of
from callboard.actors.wires.functions import encode_tool
from callboard.actors.wires.jsons import mapping, present
from callboard.actors.wires.media import from_data_url, to_base64
from callboard.actors.wires.wire import unsupported
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
from callboard.messages.request import Output, Request, Thinking

SAMPLING: dict[str, str] = {
    "num_predict": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "stop": "stop",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
"""What Ollama's `options` call the members of Sampling."""

BESIDE = {"logprobs": "logprobs", "top_logprobs": "top_logprobs"}
"""Members of Sampling that stand beside `options`."""

_NAMES = {ours: theirs for theirs, ours in SAMPLING.items()}
_EFFORTS: dict[str, bool | str] = {"none": False, "low": "low", "medium": "medium", "high": "high"}


def encode_body(request: Request, model: str, *, stream: bool, provider: str) -> dict[str, Any]:
    """The JSON members to send. Raises WireFault, UNSUPPORTED for what Ollama cannot do."""
    messages = [shown for message in request.messages for shown in _messages(message, provider)]
    body = {"model": model, "messages": messages, "stream": stream, "tools": _tools(request, provider)}
    return present(body) | manner(request, provider)


def manner(request: Request, provider: str) -> dict[str, Any]:
    """How the model is to write, with the members that have no name here. Raises WireFault(UNSUPPORTED)."""
    sampling: dict[str, Any] = msgspec.to_builtins(request.sampling)
    beside = {name: sampling.pop(name) for name in BESIDE if name in sampling}
    extra = dict(request.extra or {})
    asked = extra.pop("options", None)
    options = {_NAMES[name]: value for name, value in sampling.items()} | mapping(asked)
    body = {
        "options": options if options or asked is not None else None,
        "format": _format(request.output),
    }
    return present(body) | _thinking(request.thinking, provider) | beside | extra


def _format(output: Output | None) -> Any:
    if output is None or output.kind == "text":
        return None
    return "json" if output.kind == "json" else output.schema


def _thinking(thinking: Thinking | None, provider: str) -> dict[str, Any]:
    """Ollama has no object for it: what has no name here stands beside `think`, or in its place."""
    if thinking is None:
        return {}
    if thinking.budget_tokens is not None:
        raise unsupported(provider, "a thinking budget in tokens; give an effort instead")
    if thinking.effort is not None and thinking.effort not in _EFFORTS:
        raise unsupported(provider, "this thinking effort; give none, low, medium or high")
    effort = {} if thinking.effort is None else {"think": _EFFORTS[thinking.effort]}
    return effort | (thinking.extra or {})


def _tools(request: Request, provider: str) -> list[dict[str, Any]] | None:
    """Ollama lets the model choose; a model that must call none is shown none."""
    mode = request.tool_choice.mode if request.tool_choice else "auto"
    if not request.tools or mode == "none":
        return None
    if mode != "auto":
        raise unsupported(provider, "a tool choice that forces a call")
    if request.parallel_tool_calls is False:
        raise unsupported(provider, "parallel_tool_calls=False")
    return [encode_tool(tool) for tool in request.tools]


def _messages(message: ChatMessage, provider: str) -> list[dict[str, Any]]:
    if message.role == "tool":
        results = [part for part in message.parts if isinstance(part, ToolResultPart)]
        return [_result(part, provider) | (message.extra or {}) for part in results]
    parts = message.parts
    thoughts = [
        part.text for part in parts if isinstance(part, ThinkingPart) and part.origin in (None, provider) and part.text
    ]
    shown = {
        "role": "system" if message.role == "developer" else message.role,
        **said(parts, provider),
        "thinking": "".join(thoughts) or None,
        "tool_calls": [_call(part, provider) for part in parts if isinstance(part, ToolCallPart)] or None,
    }
    return [present(shown) | (message.extra or {})]


def said(parts: tuple[Part, ...], provider: str) -> dict[str, Any]:
    """Text and pictures; Ollama has one string of text and a list of pictures beside it."""
    if any(isinstance(part, AudioPart | DocumentPart) for part in parts):
        raise unsupported(provider, "recordings and documents")
    words = "".join(part.text for part in parts if isinstance(part, TextPart | RefusalPart))
    pictures = [_picture(part, provider) for part in parts if isinstance(part, ImagePart)]
    return {"content": words, "images": pictures or None}


def _picture(part: ImagePart, provider: str) -> str:
    inline = from_data_url(part.url) if part.url is not None else None
    data = part.data if inline is None else inline[0]
    if data is None:
        raise unsupported(provider, "a picture by URL; give its bytes")
    return to_base64(data)


def _result(part: ToolResultPart, provider: str) -> dict[str, Any]:
    content = part.content
    answer = {"content": content} if isinstance(content, str) else said(content, provider)
    return present({"role": "tool", **answer, "tool_name": part.name, "tool_call_id": made_ids.theirs(part.id)})


def _call(part: ToolCallPart, provider: str) -> dict[str, Any]:
    extra = dict(part.extra or {}) if part.origin in (None, provider) else {}
    function = {"name": part.name, "arguments": arguments_of(part)} | mapping(extra.pop("function", None))
    return present({"id": made_ids.theirs(part.id), "function": function}) | extra
