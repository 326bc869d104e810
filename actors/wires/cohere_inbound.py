"""The body of Cohere's chat as a Request: what cohere_request.py writes, read back.

Source: docs.cohere.com/reference/chat.
"""

from typing import Any

import msgspec

from callboard.actors.wires.cohere_reply import TOOL_PLAN
from callboard.actors.wires.cohere_request import SAMPLING
from callboard.actors.wires.functions import decode_tool
from callboard.actors.wires.inbound import Members, members_of, sampling, tuple_of
from callboard.actors.wires.media import from_data_url
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
from callboard.messages.request import Output, Request, Thinking, ToolChoice


def decode_request(body: bytes, origin: str = "cohere") -> Request:
    """The Request, `model` as it is written there; whether it asks for a stream is left to the caller.

    Raises InvalidRequest for what cannot be taken apart; validate.check judges the rest.
    """
    members = members_of(body)
    members.take("stream")
    messages = tuple(_message(message, origin) for message in members.objects("messages"))
    return Request(
        model=members.take("model"),
        messages=messages,
        tools=tuple_of(decode_tool, members.objects("tools")),
        tool_choice=_tool_choice(members),
        output=_output(members),
        sampling=sampling(members, SAMPLING),
        thinking=_thinking(members),
        extra=members.rest(),
    )


def _message(message: Members, origin: str) -> ChatMessage:
    role: Any = message.text("role")
    content = _content(message, origin)
    if role == "tool":
        result = ToolResultPart(id=message.text("tool_call_id"), content=content, extra=message.rest())
        return ChatMessage("tool", (result,))
    if role == "assistant":
        content = _said(message, content, origin)
    return ChatMessage(role, content, extra=message.rest())


def _said(message: Members, content: str | tuple[Part, ...], origin: str) -> str | tuple[Part, ...]:
    """What the assistant said, with the plan and the calls that stand beside `content` in the message."""
    plan, calls = message.take("tool_plan"), tuple_of(_call, message.objects("tool_calls"))
    if plan is None and not calls:
        return content
    parts = ((TextPart(content),) if content else ()) if isinstance(content, str) else content
    planned = () if plan is None else (ThinkingPart(text=plan, origin=origin, extra=TOOL_PLAN),)
    return parts + planned + calls


def _call(call: Members) -> ToolCallPart:
    call.take("type")
    function, call_id = call.object("function"), call.text("id")
    name, arguments = function.text("name"), function.take("arguments") or "{}"
    call.put("function", function.rest())
    return ToolCallPart(id=call_id, name=name, arguments=arguments, extra=call.rest())


def _content(message: Members, origin: str) -> str | tuple[Part, ...]:
    if isinstance(message.peek("content"), str):
        return message.text("content")
    return tuple(_part(block, origin) for block in message.objects("content"))


def _part(block: Members, origin: str) -> Part:
    match block.peek("type"):
        case "text":
            return TextPart(block.text("text"), extra=_rest(block))
        case "thinking":
            return ThinkingPart(text=block.text("thinking"), origin=origin, extra=_rest(block))
        case "image_url":
            return _image(block)
        case "document":
            return _document(block, origin)
        case _:
            return _opaque(block, origin)


def _image(block: Members) -> ImagePart:
    image = block.object("image_url")
    url, detail = image.text("url"), image.take("detail")
    block.put("image_url", image.rest())
    inline = from_data_url(url)
    if inline is None:
        return ImagePart(url=url, detail=detail, extra=_rest(block))
    return ImagePart(data=inline[0], media_type=inline[1], detail=detail, extra=_rest(block))


def _document(block: Members, origin: str) -> Part:
    """A document with members that have no name here stays as it is."""
    document: Any = block.peek("document")
    known = isinstance(document, dict) and document.keys() <= {"id", "data"}
    match document.get("data") if known else None:
        case str(text):
            data, media_type = text.encode("utf-8", "replace"), "text/plain"
        case dict(members):
            data, media_type = msgspec.json.encode(members), "application/json"
        case _:
            return _opaque(block, origin)
    block.take("document")
    return DocumentPart(data=data, media_type=media_type, name=document.get("id"), extra=_rest(block))


def _opaque(block: Members, origin: str) -> OpaquePart:
    return OpaquePart(origin=origin, block=block.rest() or {})


def _rest(block: Members) -> Extra | None:
    block.take("type")
    return block.rest()


def _tool_choice(members: Members) -> ToolChoice | None:
    match members.peek("tool_choice"):
        case "REQUIRED":
            members.take("tool_choice")
            return ToolChoice(mode="required")
        case "NONE":
            members.take("tool_choice")
            return ToolChoice(mode="none")
        case _:
            return None


def _output(members: Members) -> Output | None:
    """The schema may be called `schema` as well. What has no name here stays beside what it was read into."""
    match members.peek("response_format"):
        case {"type": "text", **more}:
            output = Output(kind="text")
        case {"type": "json_object", "json_schema": schema, **more} | {"type": "json_object", "schema": schema, **more}:
            output = Output(schema=schema)
        case {"type": "json_object", **more}:
            output = Output(kind="json")
        case _:
            return None
    if not more:
        members.take("response_format")
    return output


def _thinking(members: Members) -> Thinking | None:
    """`enabled` without a budget is kept as it is."""
    thinking = members.object("thinking")
    kind = thinking.peek("type")
    if kind == "disabled":
        thinking.take("type")
        return Thinking(effort="none", extra=thinking.rest())
    if kind == "enabled" and thinking.peek("token_budget") is not None:
        thinking.take("type")
        return Thinking(budget_tokens=thinking.take("token_budget"), extra=thinking.rest())
    rest = thinking.rest()
    return None if rest is None else Thinking(extra=rest)
