"""A Request as the body of Cohere's chat.

Source: docs.cohere.com/reference/chat. One tool that must be called is sent alone with `tool_choice: REQUIRED`, since
Cohere's choice names no tool.
"""

from typing import Any, assert_never

import msgspec

from callboard.actors.wires.cohere_reply import TOOL_PLAN
from callboard.actors.wires.foreign import foreign_to, without
from callboard.actors.wires.functions import encode_tool
from callboard.actors.wires.jsons import UNREADABLE, joined, present
from callboard.actors.wires.media import to_data_url
from callboard.actors.wires.wire import unsupported
from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    Extra,
    ImagePart,
    OpaquePart,
    Part,
    RefusalPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from callboard.messages.request import Output, Request, Thinking

SAMPLING: dict[str, str] = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "p": "top_p",
    "k": "top_k",
    "seed": "seed",
    "stop_sequences": "stop",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "logprobs": "logprobs",
}
"""What Cohere calls the members of Sampling."""

_FOREIGN = foreign_to("cohere")

_NAMES = {ours: theirs for theirs, ours in SAMPLING.items()}


def encode_body(request: Request, model: str, *, stream: bool, provider: str) -> dict[str, Any]:
    """The JSON members to send. Raises WireFault(UNSUPPORTED)."""
    messages = _Messages(provider)
    for message in request.messages:
        messages.add(message)
    body: dict[str, Any] = {"model": model, "messages": messages.done}
    body |= _tools(request, provider)
    if request.output is not None:
        body["response_format"] = _response_format(request.output)
    for name, value in msgspec.to_builtins(request.sampling).items():
        if name not in _NAMES:
            raise unsupported(provider, f"sampling.{name}")
        body[_NAMES[name]] = value
    if request.thinking is not None:
        body["thinking"] = _thinking(request.thinking, provider)
    if stream:
        body["stream"] = True
    return body | (request.extra or {})


def _tools(request: Request, provider: str) -> dict[str, Any]:
    if not request.tools:
        return {}
    if request.parallel_tool_calls is False:
        raise unsupported(provider, "parallel_tool_calls=False")
    tools, choice = request.tools, None
    match request.tool_choice and request.tool_choice.mode:
        case "none":
            choice = "NONE"
        case "required":
            choice = "REQUIRED"
        case "named" if request.tool_choice is not None:
            choice = "REQUIRED"
            tools = tuple(tool for tool in tools if tool.name == request.tool_choice.name)
        case _:
            pass
    strict = any(tool.strict for tool in tools) or None
    return present({"tools": [encode_tool(tool) for tool in tools], "tool_choice": choice, "strict_tools": strict})


def _response_format(output: Output) -> dict[str, Any]:
    match output.kind:
        case "text":
            return {"type": "text"}
        case "json":
            return {"type": "json_object"}
        case "schema":
            return {"type": "json_object", "json_schema": output.schema}


def _thinking(thinking: Thinking, provider: str) -> dict[str, Any]:
    if thinking.effort not in (None, "none"):
        raise unsupported(provider, "a thinking effort; give a budget in tokens instead")
    shown: dict[str, Any] = {}
    if thinking.effort == "none":
        shown = {"type": "disabled"}
    elif thinking.budget_tokens is not None:
        shown = {"type": "enabled", "token_budget": thinking.budget_tokens}
    return shown | (thinking.extra or {})


class _Messages:
    """The messages in Cohere's shape: every tool result is a message of its own."""

    def __init__(self, provider: str) -> None:
        self.done: list[dict[str, Any]] = []
        self._provider = provider

    def add(self, message: ChatMessage) -> None:
        match message.role:
            case "tool":
                for part in message.parts:
                    if isinstance(part, ToolResultPart):
                        self.done.append(self._result(part))
            case "assistant":
                self._assistant(message)
            case "system" | "developer":
                self.done.append(self._plain(message, "system"))
            case "user":
                self.done.append(self._plain(message, "user"))
            case _:
                assert_never(message.role)

    def _plain(self, message: ChatMessage, role: str) -> dict[str, Any]:
        return {"role": role, "content": self._content(message.content)} | (message.extra or {})

    def _result(self, part: ToolResultPart) -> dict[str, Any]:
        content = part.content
        if not isinstance(content, str) and any(isinstance(inner, ImagePart) for inner in content):
            raise unsupported(self._provider, "pictures in a tool's result")
        shown = content if isinstance(content, str) else [self._document(inner) for inner in content]
        return {"role": "tool", "tool_call_id": part.id, "content": shown} | _own(part.extra)

    def _assistant(self, message: ChatMessage) -> None:
        """A turn without content and calls is left out, whatever was thought in it: Cohere refuses one."""
        calls = [self._call(part) for part in message.parts if isinstance(part, ToolCallPart)]
        plan = "".join(part.text for part in message.parts if isinstance(part, ThinkingPart) and _is_plan(part))
        content = self._content(message.content)
        if content or calls:
            said = {"content": content or None, "tool_plan": plan or None, "tool_calls": calls or None}
            self.done.append({"role": "assistant"} | present(said) | (message.extra or {}))

    def _call(self, part: ToolCallPart) -> dict[str, Any]:
        call = {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}
        return joined(call, _own(part.extra)) if part.origin in (None, self._provider) else call

    def _content(self, content: str | tuple[Part, ...]) -> Any:
        if isinstance(content, str):
            return content
        return [block for block in map(self._block, content) if block is not None]

    def _block(self, part: Part) -> dict[str, Any] | None:
        match part:
            case TextPart() | RefusalPart():
                return {"type": "text", "text": part.text} | _own(part.extra)
            case ThinkingPart():
                theirs = part.origin not in (None, self._provider) or not part.text or _is_plan(part)
                return None if theirs else {"type": "thinking", "thinking": part.text} | (part.extra or {})
            case ImagePart():
                url = part.url if part.data is None else to_data_url(part.data, part.media_type or "image/png")
                image = present({"url": url, "detail": part.detail})
                return joined({"type": "image_url", "image_url": image}, _own(part.extra))
            case AudioPart():
                raise unsupported(self._provider, "recordings")
            case DocumentPart():
                raise unsupported(self._provider, "documents outside of tool results; see `extra.documents`")
            case OpaquePart():
                return part.block if part.origin == self._provider else None
            case ToolCallPart() | ToolResultPart():
                return None
            case _:
                assert_never(part)

    def _document(self, part: Part) -> dict[str, Any] | None:
        """A block of a tool's result: what is a document there can be cited by its id, which is the part's name."""
        if not isinstance(part, DocumentPart):
            return self._block(part)
        if part.data is None:
            raise unsupported(self._provider, "a document by reference; give its bytes")
        document = {"id": part.name, "data": self._data(part.data, part.media_type or "")}
        return {"type": "document", "document": present(document)} | _own(part.extra)

    def _data(self, data: bytes, media_type: str) -> Any:
        try:
            if media_type == "application/json":
                return msgspec.json.decode(data, type=dict[str, Any])
            if media_type.startswith("text/"):
                return data.decode()
        except UNREADABLE:
            raise unsupported(self._provider, "a document that is not what its media type says") from None
        raise unsupported(self._provider, "documents that are neither text nor a JSON object")


def _is_plan(part: ThinkingPart) -> bool:
    return part.extra == TOOL_PLAN


def _own(extra: Extra | None) -> Extra:
    return without(_FOREIGN, extra)
