"""A Request as the body of Anthropic's Messages API.

Source: platform.claude.com/docs/en/api/messages; what version 2026-10-21 refuses is listed in
docs/en/api/migration-2026-10-21 there. System messages are lifted out of the conversation, tool results become blocks
of the user's turn, and thinking goes back only when it came from here.
"""

import re
from typing import Any, Literal, TypeAlias, assert_never

import msgspec

from callboard.actors.wires.anthropic_refused import check_model, is_sampled
from callboard.actors.wires.anthropic_schemas import to_anthropic
from callboard.actors.wires.anthropic_thinking import understood, visible, with_room
from callboard.actors.wires.anthropic_tool_ids import ToolIds
from callboard.actors.wires.anthropic_tool_loop import THINKING, may_think
from callboard.actors.wires.arguments import arguments_of
from callboard.actors.wires.foreign import foreign_to, without
from callboard.actors.wires.jsons import joined, mapping, present
from callboard.actors.wires.media import from_data_url, to_base64
from callboard.actors.wires.wire import unsupported
from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
    RefusalPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from callboard.messages.request import Request, Thinking, Tool, ToolChoice

Version: TypeAlias = Literal["2023-06-01", "2026-10-21"]

DEFAULT_MAX_TOKENS = 4096
"""Anthropic demands a bound on output: this one, plus room for thinking, is sent when the request names none."""

_SAMPLING = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "stop": "stop_sequences"}
_FOREIGN = foreign_to("anthropic")
_GONE = frozenset({"temperature", "top_p", "top_k"})
"""What neither version 2026-10-21 nor models since 4.7 take."""
_DEFAULTS = {"temperature": 1, "top_p": 1}
"""Members of those that ask for nothing."""
_NO_WHEN_UNSET = frozenset({"presence_penalty", "frequency_penalty", "logprobs"})
"""Absent here, which is what 0 and False ask for."""
_EFFORT = {"minimal": "low"}
_PDF = "application/pdf"
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


def encode_body(
    request: Request, model: str, *, stream: bool, provider: str, origin: str, version: Version
) -> dict[str, Any]:
    """The JSON members to send. `origin`: whose parts are understood. Raises WireFault(UNSUPPORTED)."""
    asked = request.thinking
    request = msgspec.structs.replace(request, thinking=understood(asked, model, request.sampling.max_tokens))
    turns = _Turns(provider, origin, version)
    for message in request.messages:
        turns.add(message)
    if _thinking(request.thinking).get("type") == "enabled" and not may_think(turns.done):
        request = msgspec.structs.replace(request, thinking=None)
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": _max_tokens(request, asked, model, provider),
        "system": turns.system(),
        "messages": turns.done,
        "tools": [_tool(tool, provider, check=origin == provider) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request),
        "thinking": visible(_thinking(request.thinking), model) or None,
        "stream": stream or None,
    }
    extra = dict(request.extra or {})
    metadata = present({"user_id": request.user}) | mapping(extra.pop("metadata", None))
    body |= {"metadata": metadata or None}
    config = _output_config(request, provider) | mapping(extra.pop("output_config", None))
    body |= {"output_config": config or None}
    body = present(body | _sampling(request, model, provider, version))
    check_model(body, model, provider)
    return body | extra


def _max_tokens(request: Request, asked: Thinking | None, model: str, provider: str) -> int:
    """`asked` is the thinking that the request asks for, before it is told in the model's words."""
    budget = (request.thinking and request.thinking.budget_tokens) or 0
    bound = request.sampling.max_tokens
    if bound is None:
        return with_room(DEFAULT_MAX_TOKENS, asked, _thinking(request.thinking), model)
    if bound <= budget:
        raise unsupported(provider, "a thinking budget that is not below sampling.max_tokens")
    return bound


def _sampling(request: Request, model: str, provider: str, version: Version) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(request.sampling).items():
        if name == "max_tokens" or (name in _NO_WHEN_UNSET and not value):
            continue
        if name not in _SAMPLING:
            raise unsupported(provider, f"sampling.{name}")
        if name in _GONE and version == "2026-10-21":
            raise unsupported(provider, f"sampling.{name} since API version 2026-10-21")
        if name in _GONE and not is_sampled(model):
            if value == _DEFAULTS.get(name):
                continue
            raise unsupported(provider, f"sampling.{name} with models since Claude 4.7")
        if name == "temperature" and value > 1:
            raise unsupported(provider, "a temperature above 1")
        if name == "stop" and not all(text.strip() for text in value):
            raise unsupported(provider, "a stop sequence of white space alone")
        members[_SAMPLING[name]] = value
    return members


def _output_config(request: Request, provider: str) -> dict[str, Any]:
    config: dict[str, Any] = {}
    effort = request.thinking.effort if request.thinking else None
    if effort is not None and effort != "none":
        config["effort"] = _EFFORT.get(effort, effort)
    if request.output is not None and request.output.kind == "json":
        raise unsupported(provider, "JSON output without a schema")
    if request.output is not None and request.output.kind == "schema":
        schema = to_anthropic(request.output.schema or {}, provider)
        config["format"] = {"type": "json_schema", "schema": schema}
    return config


def _thinking(thinking: Thinking | None) -> dict[str, Any]:
    if thinking is None:
        return {}
    shown: dict[str, Any] = {}
    if thinking.budget_tokens is not None:
        shown = {"type": "enabled", "budget_tokens": thinking.budget_tokens}
    elif thinking.effort is not None:
        shown = {"type": "disabled" if thinking.effort == "none" else "adaptive"}
    return shown | (thinking.extra or {})


def _tool(tool: Tool, provider: str, *, check: bool) -> dict[str, Any]:
    """A tool whose `extra` names a type of its own is Anthropic's, and takes no schema.

    `check`: whether the server is Anthropic's own, which refuses names that others may take.
    """
    if check and not _TOOL_NAME.fullmatch(tool.name):
        raise unsupported(provider, "a tool whose name is other than 1 to 128 letters, digits, _ and -")
    extra = without(_FOREIGN, tool.extra)
    schema = tool.parameters
    if schema is None and extra.get("type", "custom") == "custom":
        schema = {"type": "object", "properties": {}}
    shown = {"name": tool.name, "description": tool.description, "input_schema": schema, "strict": tool.strict}
    return present(shown) | extra


def _tool_choice(request: Request) -> dict[str, Any] | None:
    choice, parallel = request.tool_choice, request.parallel_tool_calls
    if not request.tools or (choice is None and parallel is None):
        return None
    shown = _choice(choice or ToolChoice())
    if parallel is not None and shown["type"] != "none":
        shown["disable_parallel_tool_use"] = not parallel
    return shown


def _choice(choice: ToolChoice) -> dict[str, Any]:
    match choice.mode:
        case "auto" | "none" as mode:
            return {"type": mode}
        case "required":
            return {"type": "any"}
        case "named":
            return {"type": "tool", "name": choice.name}


class _Turns:
    """The conversation in Anthropic's shape."""

    def __init__(self, provider: str, origin: str, version: Version) -> None:
        self.done: list[dict[str, Any]] = []
        self._provider = provider
        self._origin = origin
        self._version = version
        self._system: list[ChatMessage] = []
        self._ids = ToolIds()
        self._answered = False
        """Whether the last turn holds tool results, so that what the user says next belongs to it."""

    def add(self, message: ChatMessage) -> None:
        match message.role:
            case "system" | "developer":
                self._system.append(message)
            case "assistant":
                if content := _answered(self._content(message)):
                    self.done.append({"role": "assistant", "content": content, **(message.extra or {})})
                self._answered = False
            case "tool" | "user" as role:
                self._user(message)
                self._answered = self._answered or role == "tool"
            case _:
                assert_never(message.role)

    def system(self) -> Any:
        """The instructions, wherever in the conversation they stood; a lone string stays one."""
        if len(self._system) == 1:
            return self._content(self._system[0]) or None
        return [block for message in self._system for block in self._blocks(message)] or None

    def _user(self, message: ChatMessage) -> None:
        if self._answered:
            self.done[-1]["content"] += self._blocks(message)
            return
        content = self._content(message)
        if not content:
            raise unsupported(self._provider, "a user's message that says nothing")
        self.done.append({"role": "user", "content": content, **(message.extra or {})})

    def _content(self, message: ChatMessage) -> str | list[dict[str, Any]]:
        """A string stays one; empty when there is nothing that can be sent."""
        if isinstance(message.content, str):
            return message.content if message.content.strip() else ""
        return self._blocks(message)

    def _blocks(self, message: ChatMessage) -> list[dict[str, Any]]:
        if self._version == "2026-10-21":
            self._check_2026(message)
        parts = message.parts
        if message.role == "assistant":  # where no picture is taken, and other providers' models draw some
            parts = tuple(part for part in parts if not isinstance(part, ImagePart))
        return [block for block in map(self._block, parts) if block is not None]

    def _check_2026(self, message: ChatMessage) -> None:
        for part in message.parts:
            if message.role == "assistant" and isinstance(part, DocumentPart):
                raise unsupported(self._provider, "documents in an assistant message since API version 2026-10-21")
            if message.role == "user" and isinstance(part, TextPart) and (part.extra or {}).get("citations"):
                raise unsupported(self._provider, "citations on a user's text since API version 2026-10-21")

    def _block(self, part: Part) -> dict[str, Any] | None:
        match part:
            case TextPart() | RefusalPart() if not part.text.strip():
                return None  # others write one beside tool calls; here it is refused, whatever else it holds
            case TextPart() | RefusalPart():
                return {"type": "text", "text": part.text} | without(_FOREIGN, part.extra)
            case ImagePart():
                return joined({"type": "image", "source": _source(part, "image/png")}, without(_FOREIGN, part.extra))
            case DocumentPart():
                source = {"type": "document", "source": _document(part, self._provider), "title": part.name}
                return joined(present(source), without(_FOREIGN, part.extra))
            case AudioPart():
                raise unsupported(self._provider, "recordings")
            case ThinkingPart():
                return self._thinking(part)
            case ToolCallPart():
                return self._call(part)
            case ToolResultPart():
                return self._result(part)
            case OpaquePart():
                return part.block if part.origin == self._origin else None
            case _:
                assert_never(part)

    def _thinking(self, part: ThinkingPart) -> dict[str, Any] | None:
        if part.origin != self._origin:
            return None
        if part.redacted is not None:
            return {"type": "redacted_thinking", "data": part.redacted} | (part.extra or {})
        if part.signature is None:
            return None
        return {"type": "thinking", "thinking": part.text, "signature": part.signature} | (part.extra or {})

    def _call(self, part: ToolCallPart) -> dict[str, Any]:
        shown = {"type": "tool_use", "id": self._ids.call(part.id), "name": part.name, "input": arguments_of(part)}
        return shown | without(_FOREIGN, part.extra) if part.origin in (None, self._origin) else shown

    def _result(self, part: ToolResultPart) -> dict[str, Any]:
        content: Any = part.content
        if isinstance(content, str):
            content = content if content.strip() else None
        else:
            content = [block for block in map(self._block, content) if block is not None]
        shown = {
            "type": "tool_result",
            "tool_use_id": self._ids.result(part.id),
            "content": content or None,
            "is_error": part.is_error,
        }
        return present(shown) | without(_FOREIGN, part.extra)


def _answered(content: str | list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """Less what was thought after the last word or call, as in a turn that was cut: Anthropic refuses a turn that ends
    with it."""
    while isinstance(content, list) and content and content[-1].get("type") in THINKING:
        content = content[:-1]
    return content


def _document(part: DocumentPart, provider: str) -> dict[str, Any]:
    """Anthropic reads PDF; whatever is text goes as plain text, the one type of text that it has a name for."""
    if part.file_id is not None:
        return {"type": "file", "file_id": part.file_id}
    data, media_type = _held(part, _PDF)
    if media_type.startswith("text/") or media_type == "application/json":
        if data is None:
            raise unsupported(provider, "a text by its URL")
        return {"type": "text", "media_type": "text/plain", "data": data.decode("utf-8", "replace")}
    if media_type != _PDF:
        raise unsupported(provider, "documents other than PDF and text")
    return _source(part, _PDF)


def _source(part: ImagePart | DocumentPart, default_type: str) -> dict[str, Any]:
    data, media_type = _held(part, default_type)
    if data is None:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": media_type, "data": to_base64(data)}


def _held(part: ImagePart | DocumentPart, default_type: str) -> tuple[bytes | None, str]:
    """The bytes, where the part has them itself, and the media type."""
    inline = from_data_url(part.url) if part.url is not None else None
    return (part.data, part.media_type or default_type) if inline is None else inline
