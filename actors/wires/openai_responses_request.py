"""A Request as the body of a response.

Source: platform.openai.com/docs/api-reference/responses/create.
"""

import re
from typing import Any, assert_never

import msgspec

from callboard.actors.wires.foreign import foreign_to, without
from callboard.actors.wires.jsons import mapping, present
from callboard.actors.wires.media import document_name, to_data_url
from callboard.actors.wires.openai_ids import ShortIds
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
from callboard.messages.request import Output, Request, Tool, ToolChoice

Members = dict[str, Any]

_SAMPLING = {
    "max_tokens": "max_output_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_logprobs": "top_logprobs",
}
_FOREIGN = foreign_to("responses")
"""Members of a part's `extra` that belong to other protocols."""
_ENCRYPTED = "reasoning.encrypted_content"
_NO_REASONING = re.compile(r"(^|/)(gpt-3\.5|gpt-4|chatgpt-4|gpt-5-chat)")
"""Models that refuse to be given the reasoning of others."""
_REASONS = re.compile(r"(^|/)(gpt-([5-9]|\d\d)(?!.*chat)|o\d)")
"""Models that reason unasked."""
_LOGPROBS = "message.output_text.logprobs"


def encode_body(request: Request, model: str, *, provider: str, origin: str, stateless: bool) -> Members:
    """The JSON members to send, `stream` aside. Raises WireFault(UNSUPPORTED)."""
    extra = dict(request.extra or {})
    instructions, messages = _instructions(request.messages)
    items = _Items(provider, origin, thinks=_NO_REASONING.search(model) is None)
    for message in messages:
        items.add(message)
    text = _text(request.output) | mapping(extra.pop("text", None))
    body = {
        "model": model,
        "input": items.done,
        "instructions": instructions,
        "reasoning": _reasoning(request, provider),
        "text": text or None,
        "include": _include(request, model, stateless),
        "store": False if stateless else None,
        "user": request.user,
    }
    return present(body) | _tools(request) | _sampling(request, provider) | extra


def _instructions(messages: tuple[ChatMessage, ...]) -> tuple[str | None, tuple[ChatMessage, ...]]:
    """A system prompt that stands first and is one string becomes `instructions`."""
    for first in messages[:1]:
        if first.role == "system" and isinstance(first.content, str) and not first.extra:
            return first.content, messages[1:]
    return None, messages


def _include(request: Request, model: str, stateless: bool) -> list[str] | None:
    thinks = _REASONS.search(model) is not None if request.thinking is None else request.thinking.effort != "none"
    wanted = [_ENCRYPTED] if stateless and thinks else []
    return wanted + ([_LOGPROBS] if request.sampling.logprobs else []) or None


def _sampling(request: Request, provider: str) -> Members:
    members: Members = msgspec.to_builtins(request.sampling)
    members.pop("logprobs", None)
    unknown = members.keys() - _SAMPLING
    if unknown:
        raise unsupported(provider, f"sampling.{min(unknown)} with its Responses")
    return {_SAMPLING[name]: value for name, value in members.items()}


def _reasoning(request: Request, provider: str) -> Members | None:
    thinking = request.thinking
    if thinking is None:
        return None
    if thinking.budget_tokens is not None:
        raise unsupported(provider, "a thinking budget in tokens; give an effort instead")
    return present({"effort": thinking.effort}) | (thinking.extra or {})


def _text(output: Output | None) -> Members:
    match output and output.kind:
        case None:
            return {}
        case "json":
            return {"format": {"type": "json_object"}}
        case "text":
            return {"format": {"type": "text"}}
    assert output is not None
    schema = {
        "type": "json_schema",
        "name": output.name or "output",
        "description": output.description,
        "schema": output.schema,
        "strict": output.strict,
    }
    return {"format": present(schema)}


def _tools(request: Request) -> Members:
    if not request.tools:
        return {}
    return present(
        {
            "tools": [_tool(tool) for tool in request.tools],
            "tool_choice": request.tool_choice and _tool_choice(request.tool_choice),
            "parallel_tool_calls": request.parallel_tool_calls,
        }
    )


def _tool(tool: Tool) -> Members:
    """A tool whose `extra` names a type of its own, such as the server's web search, is sent as that `extra`."""
    extra = tool.extra or {}
    if "type" in extra:
        return dict(extra)
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", **present({**function, "strict": tool.strict}), **_own(extra)}


def _tool_choice(choice: ToolChoice) -> Any:
    return {"type": "function", "name": choice.name} if choice.mode == "named" else choice.mode


class _Items:
    """The conversation as items. Reasoning, calls and the server's own items stand beside messages, not in them."""

    def __init__(self, provider: str, origin: str, *, thinks: bool) -> None:
        self.done: list[Members] = []
        self._provider = provider
        self._origin = origin
        self._thinks = thinks
        self._ids = ShortIds(64)

    def add(self, message: ChatMessage) -> None:
        if isinstance(message.content, str):
            self.done.append({"role": message.role, "content": message.content} | (message.extra or {}))
            return
        header: Members = {}
        said: list[Members] = []
        for part in message.content:
            item = self._item(part)
            if item is None:
                said += self._content(message.role, part)
                continue
            self._say(message, header, said)
            said, header = [], {}
            if item.get("type") == "message" and "content" not in item:
                header = item
            else:
                self.done.append(item)
        self._say(message, header, said)

    def _say(self, message: ChatMessage, header: Members, said: list[Members]) -> None:
        if said:
            self.done.append({**header, "role": message.role, "content": said} | (message.extra or {}))

    def _item(self, part: Part) -> Members | None:
        """The part as an item of its own, or None for content and for what is not sent."""
        match part:
            case ThinkingPart() if part.origin == self._origin and self._thinks:
                return _thought(part)
            case ToolCallPart():
                own = part.origin in (None, self._origin)
                call_id = part.id if own else self._ids.of_another(part.id)
                call = {"type": "function_call", "call_id": call_id, "name": part.name, "arguments": part.arguments}
                return call | _own(part.extra) if own else call
            case ToolResultPart():
                output = part.content if isinstance(part.content, str) else self._contents("tool", part.content)
                call_id = self._ids.sent(part.id)
                return {"type": "function_call_output", "call_id": call_id, "output": output} | _own(part.extra)
            case OpaquePart() if part.origin == self._origin and not is_content(part.block):
                return part.block
            case _:
                return None

    def _contents(self, role: str, parts: tuple[Part, ...]) -> list[Members]:
        return [shown for part in parts for shown in self._content(role, part)]

    def _content(self, role: str, part: Part) -> list[Members]:
        match part:
            case TextPart():
                kind = "output_text" if role == "assistant" else "input_text"
                return [{"type": kind, "text": part.text} | _own(part.extra)]
            case RefusalPart():
                return [{"type": "refusal", "refusal": part.text} | _own(part.extra)]
            case ImagePart():
                url = part.url if part.data is None else to_data_url(part.data, part.media_type or "image/png")
                return [present({"type": "input_image", "image_url": url, "detail": part.detail}) | _own(part.extra)]
            case DocumentPart():
                return [_file(part) | _own(part.extra)]
            case AudioPart():
                raise unsupported(self._provider, "a recording with its Responses")
            case OpaquePart():
                return [part.block] if part.origin == self._origin else []
            case ThinkingPart() | ToolCallPart() | ToolResultPart():
                return []
            case _:
                assert_never(part)


def is_content(block: Members) -> bool:
    """Whether an unknown block belongs inside a message, not beside it."""
    kind = str(block.get("type"))
    return kind.startswith(("input_", "output_"))


def _thought(part: ThinkingPart) -> Members | None:
    """The item with its encrypted half. Nothing names one that has neither that, nor an id, nor content."""
    extra = part.extra or {}
    if part.redacted is None and not (extra.get("id") or extra.get("content")):
        return None
    return {"type": "reasoning", "summary": [], **extra, **present({"encrypted_content": part.redacted})}


def _file(part: DocumentPart) -> Members:
    """A name is refused beside a URL, and needed beside the bytes."""
    if part.url is not None:
        return {"type": "input_file", "file_url": part.url}
    if part.data is None:
        return {"type": "input_file", **present({"file_id": part.file_id, "filename": part.name})}
    media_type = part.media_type or "application/pdf"
    name = part.name or document_name(media_type)
    return {"type": "input_file", "file_data": to_data_url(part.data, media_type), "filename": name}


def _own(extra: Extra | None) -> Members:
    return without(_FOREIGN, extra)
