"""A Request as the body of a chat completion.

Source: platform.openai.com/docs/api-reference/chat/create. Where servers that imitate OpenAI differ, Quirks says how.
"""

from typing import Any, Literal, NamedTuple, assert_never

import msgspec

from callboard.actors.wires.foreign import foreign_to, without
from callboard.actors.wires.jsons import joined, present
from callboard.actors.wires.media import audio_format, document_name, to_base64, to_data_url
from callboard.actors.wires.openai_bill import USUAL_TIERS
from callboard.actors.wires.openai_ids import ShortIds, fitting
from callboard.actors.wires.openai_reasoning import MEMBER, details_of
from callboard.actors.wires.openai_thinking_blocks import MEMBER as BLOCKS
from callboard.actors.wires.openai_thinking_blocks import blocks_of
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
from callboard.messages.request import NOTHING_SAID, Output, Request, Thinking, Tool, ToolChoice

_SAMPLING = frozenset(
    {
        "max_tokens", "temperature", "top_p", "seed", "stop",
        "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs",
    }
)  # fmt: skip

_NOTES = frozenset({"annotations", "logprobs"})
"""What Responses write beside a text; chat completions refuse it there."""


CUSTOM = {"type": "custom"}
"""`extra` of a call of a tool that takes free text: that text is its arguments."""


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """How a server differs from api.openai.com, whose ways are the defaults."""

    max_tokens: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """What the bound on output is called."""
    developer: bool = True
    """Whether the role `developer` is known; it is sent as `system` otherwise."""
    sampling: frozenset[str] = _SAMPLING
    """The members of Sampling that the server takes."""
    stream_usage: bool = True
    """Whether usage in a stream is asked for with `stream_options`."""
    thinking: str | None = None
    """The member of an assistant's message that takes its reasoning back, such as `reasoning_content`."""
    thinking_models: tuple[str, ...] = ("",)
    """What stands in the names of the models that take it; the others refuse it."""
    thinking_always: bool = False
    """Whether each of the assistant's messages has to have that member where tools are, empty if nothing is known."""
    document_urls: bool = False
    """Whether `file_data` may be a URL."""
    documents: Literal["file", "document_url"] | None = "file"
    """What a document's part is called: `file` with `file_data` and a name, or a URL that may hold the bytes; None
    where documents are refused."""
    tool_images: bool = False
    """Whether a tool's result may hold pictures."""
    assistant_lists: bool = True
    """Whether the assistant's words may be a list of texts; they go as one string otherwise."""
    foreign: frozenset[str] = foreign_to("chat")
    """Members of a part's `extra` that belong to other providers' protocols and are left out."""
    default_max_tokens: int | None = None
    """The bound on output to send when the request has none, for servers whose limits reserve it in advance."""
    names: dict[str, str] = {}
    """Members of Sampling, and `dimensions`, that go by another name, such as `seed` as `random_seed`."""
    tool_id_length: int | None = None
    """How many letters and digits a tool call's id has to have; None: any id is taken."""
    named: frozenset[str] = frozenset({"system", "developer", "user", "assistant", "tool"})
    """The roles whose messages may have a name; it is left out with the others."""
    user: bool = True
    """Whether a request may name its end user, who is left out otherwise."""
    schemas: bool = True
    """Whether the output may be bound by a schema."""
    reasoning: str | None = None
    """The request's member that holds an effort together with `thinking.extra`; None: there is none."""
    unthinking: dict[str, Any] = {}
    """What is sent in place of the effort `none`; empty: that word."""
    key_header: str | None = None
    """The header that carries the bare key; None sends it as a bearer token."""
    dollars: bool = False
    """Whether `cost` in its usage is what the account is charged, in US dollars."""
    usual_tiers: frozenset[str] = USUAL_TIERS
    """The service tiers that cost what the usual one does."""
    query: str = ""
    """Sent behind every path, such as `api-version=2024-10-21`."""


OPENAI = Quirks()
COMPATIBLE = Quirks(
    max_tokens="max_tokens", developer=False, assistant_lists=False, sampling=_SAMPLING | {"top_k", "min_p"}
)
"""What most servers that imitate OpenAI understand."""


def encode_body(
    request: Request, model: str, *, stream: bool, provider: str, origin: str, quirks: Quirks
) -> dict[str, Any]:
    """The JSON members to send. `origin`: whose parts are understood. Raises WireFault(UNSUPPORTED)."""
    messages = _Messages(provider, origin, model, _thinking_member(request, model, quirks), quirks)
    for message in request.messages:
        messages.add(message)
    body: dict[str, Any] = {"model": model, "messages": messages.done}
    body |= _tools(request, quirks)
    if request.output is not None:
        body["response_format"] = _response_format(request.output, provider, quirks)
    body |= _sampling(request, provider, quirks)
    if request.thinking is not None:
        body |= _thinking(request.thinking, provider, quirks)
    if request.user is not None and quirks.user:
        body["user"] = request.user
    if stream:
        body["stream"] = True
        if quirks.stream_usage:
            body["stream_options"] = {"include_usage": True}
    return body | (request.extra or {})


def _sampling(request: Request, provider: str, quirks: Quirks) -> dict[str, Any]:
    if request.sampling is NOTHING_SAID and quirks.default_max_tokens is None:
        return {}
    members: dict[str, Any] = msgspec.to_builtins(request.sampling)
    if quirks.default_max_tokens is not None:
        members.setdefault("max_tokens", quirks.default_max_tokens)
    unknown = members.keys() - quirks.sampling
    if unknown:
        raise unsupported(provider, f"sampling.{min(unknown)}")
    if "max_tokens" in members:
        members[quirks.max_tokens] = members.pop("max_tokens")
    return {quirks.names.get(name, name): value for name, value in members.items()}


def _thinking(thinking: Thinking, provider: str, quirks: Quirks) -> dict[str, Any]:
    if thinking.budget_tokens is not None:
        raise unsupported(provider, "a thinking budget in tokens; give an effort instead")
    if thinking.effort == "none" and quirks.unthinking and not thinking.extra:
        return quirks.unthinking
    if not thinking.extra:
        return present({"reasoning_effort": thinking.effort})
    if quirks.reasoning is None:
        raise unsupported(provider, "thinking.extra; give such members in the request's own extra")
    return {quirks.reasoning: present({"effort": thinking.effort}) | thinking.extra}


class _ThinkingMember(NamedTuple):
    """Of the assistant's messages."""

    name: str | None
    always: bool


_NOT_TAKEN = _ThinkingMember(None, False)


def _thinking_member(request: Request, model: str, quirks: Quirks) -> _ThinkingMember:
    if quirks.thinking is None or not any(name in model for name in quirks.thinking_models):
        return _NOT_TAKEN
    tools = bool(request.tools) or any(message.role == "tool" for message in request.messages)
    return _ThinkingMember(quirks.thinking, quirks.thinking_always and tools)


def _tools(request: Request, quirks: Quirks) -> dict[str, Any]:
    if not request.tools:
        return {}
    return present(
        {
            "tools": [_tool(tool, quirks.foreign) for tool in request.tools],
            "tool_choice": request.tool_choice and _tool_choice(request.tool_choice),
            "parallel_tool_calls": request.parallel_tool_calls,
        }
    )


def _tool(tool: Tool, foreign: frozenset[str]) -> dict[str, Any]:
    """A tool whose `extra` names a type of its own, such as a server's web search, is sent as that `extra`."""
    extra = tool.extra or {}
    if "type" in extra:
        return dict(extra)
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }
    return joined({"type": "function", "function": present(function)}, without(foreign, extra))


def _tool_choice(choice: ToolChoice) -> Any:
    if choice.mode == "named":
        return {"type": "function", "function": {"name": choice.name}}
    return choice.mode


def _response_format(output: Output, provider: str, quirks: Quirks) -> dict[str, Any]:
    match output.kind:
        case "text":
            return {"type": "text"}
        case "json":
            return {"type": "json_object"}
        case "schema":
            if not quirks.schemas:
                raise unsupported(provider, "an output by a schema; ask for kind json")
            schema = {
                "name": output.name or "output",
                "description": output.description,
                "schema": output.schema,
                "strict": output.strict,
            }
            return {"type": "json_schema", "json_schema": present(schema)}


class _Messages:
    """The messages in OpenAI's shape: every tool result is a message of its own."""

    def __init__(self, provider: str, origin: str, model: str, thinking: _ThinkingMember, quirks: Quirks) -> None:
        self.done: list[dict[str, Any]] = []
        self._provider = provider
        self._origin = origin
        self._model = model
        self._quirks = quirks
        self._thinking = thinking
        self._ids = ShortIds(40)

    def add(self, message: ChatMessage) -> None:
        match message.role:
            case "tool":
                for part in message.parts:
                    if isinstance(part, ToolResultPart):
                        self.done.append(self._result(part))
            case "assistant":
                self.done.append(self._assistant(message))
            case "developer" if not self._quirks.developer:
                self.done.append(self._plain(message, "system"))
            case role:
                self.done.append(self._plain(message, role))

    def _plain(self, message: ChatMessage, role: str) -> dict[str, Any]:
        content = message.content if isinstance(message.content, str) else self._parts(message.content)
        shown: dict[str, Any] = {"role": role, "content": content}
        if message.name is not None and role in self._quirks.named:
            shown["name"] = message.name
        return shown | self._extra(message.extra) if message.extra else shown

    def _result(self, part: ToolResultPart) -> dict[str, Any]:
        content: Any = part.content
        if not isinstance(part.content, str):
            if not self._quirks.tool_images and any(not isinstance(inner, TextPart) for inner in part.content):
                raise unsupported(self._provider, "anything but text in a tool's result")
            content = self._parts(part.content)
        shown = {
            "role": "tool",
            "tool_call_id": self._fitting(self._ids.sent(part.id)),
            "name": self._name("tool", part.name),
            "content": content,
        }
        return present(shown) | self._extra(part.extra)

    def _assistant(self, message: ChatMessage) -> dict[str, Any]:
        calls = [self._call(part) for part in message.parts if isinstance(part, ToolCallPart)]
        said = self._parts(message.parts)
        shown: dict[str, Any] = {"role": "assistant", "content": self._words(message, said)}
        if not said and not calls:
            shown["content"] = ""
        shown |= present({"name": self._name("assistant", message.name), "tool_calls": calls or None})
        return shown | self._reasoning(message) | self._extra(message.extra)

    def _words(self, message: ChatMessage, said: list[dict[str, Any]]) -> Any:
        """Words beside calls or reasoning are one string, as servers write them; null when there are none."""
        listed = not isinstance(message.content, str) and all(isinstance(part, TextPart) for part in message.content)
        as_list = listed and self._quirks.assistant_lists
        if said and not as_list and all(part.keys() == {"type", "text"} for part in said):
            return "".join(part["text"] for part in said)
        return said or None

    def _reasoning(self, message: ChatMessage) -> dict[str, Any]:
        thoughts = [
            part for part in message.parts if isinstance(part, ThinkingPart) and part.origin in (None, self._origin)
        ]
        told = [part.text for part in thoughts if part.text or not part.extra]
        member = self._thinking
        shown = {member.name: "".join(told)} if member.name and (told or member.always) else {}
        kept = {MEMBER: details_of(thoughts) or None, BLOCKS: blocks_of(thoughts, self._model) or None}
        return shown | present(kept)

    def _call(self, part: ToolCallPart) -> dict[str, Any]:
        own = part.origin in (None, self._origin)
        call_id = self._fitting(part.id if own else self._ids.of_another(part.id))
        if own and part.extra == CUSTOM:
            return {"id": call_id, **CUSTOM, "custom": {"name": part.name, "input": part.arguments}}
        function = {"name": part.name, "arguments": part.arguments}
        call = {"id": call_id, "type": "function", "function": function}
        return joined(call, self._extra(part.extra)) if own else call

    def _parts(self, parts: tuple[Part, ...]) -> list[dict[str, Any]]:
        return [shown for shown in map(self._part, parts) if shown is not None]

    def _part(self, part: Part) -> dict[str, Any] | None:
        match part:
            case TextPart():
                own = {name: value for name, value in self._extra(part.extra).items() if name not in _NOTES}
                return {"type": "text", "text": part.text} | own
            case RefusalPart() if not self._quirks.assistant_lists:
                return {"type": "text", "text": part.text}
            case RefusalPart():
                return {"type": "refusal", "refusal": part.text} | self._extra(part.extra)
            case ImagePart():
                url = part.url if part.data is None else to_data_url(part.data, part.media_type or "image/png")
                image = present({"url": url, "detail": part.detail})
                return joined({"type": "image_url", "image_url": image}, self._extra(part.extra))
            case AudioPart():
                return joined({"type": "input_audio", "input_audio": self._audio(part)}, self._extra(part.extra))
            case DocumentPart():
                return joined(self._document(part), self._extra(part.extra))
            case OpaquePart():
                return part.block if part.origin == self._origin else None
            case ThinkingPart() | ToolCallPart() | ToolResultPart():
                return None
            case _:
                assert_never(part)

    def _audio(self, part: AudioPart) -> dict[str, Any]:
        if part.data is None:
            raise unsupported(self._provider, "a recording by URL; give its bytes")
        return {"data": to_base64(part.data), "format": audio_format(part.media_type or "audio/wav")}

    def _document(self, part: DocumentPart) -> dict[str, Any]:
        if self._quirks.documents is None:
            raise unsupported(self._provider, "documents")
        if self._quirks.documents == "file" or part.file_id is not None:
            return {"type": "file", "file": self._file(part)}
        url = part.url
        if part.data is not None:
            url = to_data_url(part.data, part.media_type or "application/pdf")
        return present({"type": "document_url", "document_url": url, "document_name": part.name})

    def _file(self, part: DocumentPart) -> dict[str, Any]:
        if part.url is not None and not self._quirks.document_urls:
            raise unsupported(self._provider, "a document by URL; give its bytes")
        data, name = part.url, part.name
        if part.data is not None:
            media_type = part.media_type or "application/pdf"
            data, name = to_data_url(part.data, media_type), name or document_name(media_type)
        return present({"file_data": data, "file_id": part.file_id, "filename": name})

    def _fitting(self, call_id: str) -> str:
        return fitting(call_id, self._quirks.tool_id_length)

    def _name(self, role: str, name: str | None) -> str | None:
        return name if role in self._quirks.named else None

    def _extra(self, extra: Extra | None) -> Extra:
        return without(self._quirks.foreign, extra)
