"""The body of Anthropic's Messages API as a Request: what anthropic_request.py writes, read back.

Source: platform.claude.com/docs/en/api/messages. A user's turn that holds tool results becomes a `tool` message, and
a `user` message for what the user said besides.
"""

from typing import Any, get_args

import msgspec

from callboard.actors.wires.inbound import Members, members_of, sampling, tuple_of
from callboard.actors.wires.media import from_base64
from callboard.messages.chat import (
    ChatMessage,
    DocumentPart,
    Extra,
    ImagePart,
    OpaquePart,
    Part,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from callboard.messages.request import Effort, Output, Request, Thinking, Tool, ToolChoice

_SAMPLING = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop_sequences": "stop",
}
_EFFORTS = get_args(Effort)


def decode_request(body: bytes, origin: str = "anthropic") -> Request:
    """The Request, `model` as it is written there; whether it asks for a stream is left to the caller.

    Raises InvalidRequest for what cannot be taken apart; validate.check judges the rest.
    """
    members = members_of(body)
    members.take("stream")
    system = _content(members, "system", origin)
    messages = [ChatMessage("system", system)] if system else []
    for message in members.objects("messages"):
        messages += _messages(message, origin)
    choice, parallel = _tool_choice(members)
    thinking, output = _thinking(members), _output(members)
    return Request(
        model=members.take("model"),
        messages=tuple(messages),
        tools=tuple_of(_tool, members.objects("tools")),
        tool_choice=choice,
        parallel_tool_calls=parallel,
        output=output,
        sampling=sampling(members, _SAMPLING),
        thinking=thinking,
        user=_user(members),
        extra=members.rest(),
    )


def _messages(message: Members, origin: str) -> list[ChatMessage]:
    role: Any = message.text("role")
    content = _content(message, "content", origin)
    extra = message.rest()
    if role != "user" or isinstance(content, str):
        return [ChatMessage(role, content, extra=extra)]
    results = tuple(part for part in content if isinstance(part, ToolResultPart))
    said = tuple(part for part in content if not isinstance(part, ToolResultPart))
    messages = [ChatMessage("tool", results, extra=extra)] if results else []
    return [*messages, ChatMessage("user", said, extra=None if results else extra)] if said else messages


def _content(holder: Members, name: str, origin: str) -> str | tuple[Part, ...]:
    if isinstance(holder.peek(name), str):
        return holder.text(name)
    return tuple(_part(block, origin) for block in holder.objects(name))


def _part(block: Members, origin: str) -> Part:
    match block.peek("type"):
        case "text":
            return TextPart(block.text("text"), extra=_rest(block))
        case "image" | "document" as kind:
            return _media(block, kind, origin)
        case "thinking":
            thought, signature = block.text("thinking"), block.take("signature")
            return ThinkingPart(text=thought, signature=signature, origin=origin, extra=_rest(block))
        case "redacted_thinking":
            return ThinkingPart(redacted=block.text("data"), origin=origin, extra=_rest(block))
        case "tool_use":
            return _call(block)
        case "tool_result":
            return _result(block, origin)
        case _:
            return _opaque(block, origin)


def _media(block: Members, kind: str, origin: str) -> Part:
    """Sources that have no name here, such as a picture by the id of its file, stay as they are."""
    match block.peek("source"):
        case {"type": "base64", "media_type": str(media_type), "data": str(text), **more}:
            data = from_base64(text)
            if data is not None:
                return _seen(block, kind, more, data=data, media_type=media_type)
        case {"type": "url", "url": str(url), **more}:
            return _seen(block, kind, more, url=url)
        case {"type": "file", "file_id": str(file_id), **more} if kind == "document":
            return _seen(block, kind, more, file_id=file_id)
        case {"type": "text", "media_type": "text/plain", "data": str(text), **more} if kind == "document":
            return _seen(block, kind, more, data=text.encode("utf-8", "replace"), media_type="text/plain")
        case _:
            pass
    return _opaque(block, origin)


def _seen(block: Members, kind: str, more: dict[Any, Any], **source: Any) -> ImagePart | DocumentPart:
    """`more` is what stands in the source besides."""
    block.take("source")
    block.put("source", more or None)
    if kind == "image":
        return ImagePart(**source, extra=_rest(block))
    return DocumentPart(**source, name=block.take("title"), extra=_rest(block))


def _opaque(block: Members, origin: str) -> OpaquePart:
    return OpaquePart(origin=origin, block=block.rest() or {})


def _call(block: Members) -> ToolCallPart:
    call_id, name, given = block.text("id"), block.text("name"), block.take("input")
    return ToolCallPart(id=call_id, name=name, arguments=msgspec.json.encode(given or {}).decode(), extra=_rest(block))


def _result(block: Members, origin: str) -> ToolResultPart:
    call_id, is_error = block.text("tool_use_id"), block.take("is_error")
    content = _content(block, "content", origin)
    return ToolResultPart(id=call_id, content=content, is_error=is_error, extra=_rest(block))


def _rest(block: Members) -> Extra | None:
    block.take("type")
    return block.rest()


def _tool(tool: Members) -> Tool:
    name, description, strict = tool.text("name"), tool.take("description"), tool.take("strict")
    parameters = tool.take("input_schema")
    return Tool(name=name, description=description, parameters=parameters, strict=strict, extra=tool.rest())


def _tool_choice(members: Members) -> tuple[ToolChoice | None, bool | None]:
    """What has no name here stays beside the choice that it was read into, to be sent as it is."""
    told = members.peek("tool_choice")
    choice = members.object("tool_choice")
    serial = choice.take("disable_parallel_tool_use")
    parallel = not serial if isinstance(serial, bool) else None
    read = _choice(choice)
    if choice.rest():
        members.put("tool_choice", told)
    return read, parallel


def _choice(choice: Members) -> ToolChoice | None:
    match choice.peek("type"):
        case "auto" | "none" as mode:
            read = ToolChoice(mode=mode)
        case "any":
            read = ToolChoice(mode="required")
        case "tool":
            read = ToolChoice(mode="named", name=choice.take("name"))
        case _:
            return None
    choice.take("type")
    return read


def _thinking(members: Members) -> Thinking | None:
    """Effort counts as reasoning effort only beside adaptive thinking; by itself it bounds all output."""
    config = members.peek("output_config")
    effort = config.get("effort") if isinstance(config, dict) else None
    thinking = members.object("thinking")
    match thinking.peek("type"):
        case "disabled":
            thinking.take("type")
            return Thinking(effort="none", extra=thinking.rest())
        case "adaptive" if effort in _EFFORTS:
            thinking.take("type")
            del config["effort"]
            return Thinking(effort=effort, extra=thinking.rest())
        case "enabled":
            thinking.take("type")
            return Thinking(budget_tokens=thinking.take("budget_tokens"), extra=thinking.rest())
        case _:
            rest = thinking.rest()
            return None if rest is None else Thinking(extra=rest)


def _output(members: Members) -> Output | None:
    """`output_config.format`, or `output_format` as the beta had it."""
    config = members.object("output_config")
    shape, output = members.take("output_format") or config.take("format"), None
    match shape:
        case {"type": "json_schema", "schema": schema, **more}:
            output = Output(schema=schema)
            config.put("format", shape if more else None)
        case _:
            config.put("format", shape)
    members.put("output_config", config.rest())
    return output


def _user(members: Members) -> str | None:
    metadata = members.object("metadata")
    user: str | None = metadata.take("user_id")
    members.put("metadata", metadata.rest())
    return user
