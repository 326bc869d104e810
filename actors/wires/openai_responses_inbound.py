"""The body of a response as a Request: what openai_responses_request.py writes, read back.

Source: platform.openai.com/docs/api-reference/responses/create.
"""

from typing import Any, get_args

from callboard.actors.wires.inbound import Members, members_of, sampling, tuple_of
from callboard.actors.wires.jsons import items
from callboard.actors.wires.media import from_data_url
from callboard.actors.wires.openai_responses_request import is_content
from callboard.messages.chat import (
    ChatMessage,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
    RefusalPart,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from callboard.messages.request import Effort, Output, Request, Thinking, Tool, ToolChoice
from callboard.messages.validate import InvalidRequest

_SAMPLING = {"max_output_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p"}
_EFFORTS = get_args(Effort)


def decode_request(body: bytes, origin: str = "openai-responses") -> Request:
    """The Request, `model` as it is written there; whether it asks for a stream is left to the caller.

    Raises InvalidRequest for what cannot be taken apart; validate.check judges the rest.
    """
    members = members_of(body)
    members.take("stream")
    instructions = (ChatMessage("system", members.text("instructions")),) if members.peek("instructions") else ()
    return Request(
        model=members.take("model"),
        messages=instructions + _input(members, origin),
        tools=tuple_of(_tool, members.objects("tools")),
        tool_choice=_tool_choice(members),
        parallel_tool_calls=members.take("parallel_tool_calls"),
        output=_output(members),
        sampling=sampling(members, _SAMPLING),
        thinking=_thinking(members),
        user=members.take("user"),
        extra=members.rest(),
    )


def _input(members: Members, origin: str) -> tuple[ChatMessage, ...]:
    if isinstance(members.peek("input"), str):
        return (ChatMessage("user", members.text("input")),)
    messages: list[ChatMessage] = []
    turn: list[Part] = []
    for item in members.objects("input"):
        part = _of_the_turn(item, origin)
        if part is not None:
            turn.append(part)
            continue
        _close(turn, messages)
        messages.append(_message(item, origin))
    _close(turn, messages)
    return tuple(messages)


def _close(turn: list[Part], messages: list[ChatMessage]) -> None:
    """Reasoning, calls and what the server's tools did, in a row, are one turn of the assistant's."""
    if turn:
        messages.append(ChatMessage("assistant", tuple(turn)))
        turn.clear()


def _of_the_turn(item: Members, origin: str) -> Part | None:
    kind = item.peek("type")
    match kind:
        case None | "message" | "function_call_output":
            return None
        case "reasoning":
            return _thought(item, origin)
        case "function_call":
            item.take("type")
            name, call_id, arguments = item.text("name"), item.text("call_id"), item.take("arguments") or "{}"
            return ToolCallPart(id=call_id, name=name, arguments=arguments, origin=origin, extra=item.rest())
        case _ if str(kind).endswith(("_output", "_response")):
            return None
        case _:
            return OpaquePart(origin=origin, block=item.rest() or {})


def _thought(item: Members, origin: str) -> ThinkingPart:
    item.take("type")
    redacted = item.take("encrypted_content")
    extra = item.rest() or {}
    shown = [*items(extra.get("summary")), *items(extra.get("content"))]
    text = "".join(str(block.get("text") or "") for block in shown if isinstance(block, dict))
    return ThinkingPart(text=text, redacted=redacted, origin=origin, extra=extra or None)


def _message(item: Members, origin: str) -> ChatMessage:
    kind = item.peek("type")
    if kind == "function_call_output":
        item.take("type")
        result = ToolResultPart(id=item.text("call_id"), content=_content(item, "output", origin), extra=item.rest())
        return ChatMessage("tool", (result,))
    if kind not in (None, "message"):
        return ChatMessage("user", (OpaquePart(origin=origin, block=item.rest() or {}),))
    role: Any = item.text("role")
    return ChatMessage(_role(role), _content(item, "content", origin), extra=item.rest())


def _role(role: Any) -> Role:
    if role not in ("system", "developer", "user", "assistant"):
        raise InvalidRequest("input.role", "expected system, developer, user or assistant")
    return role  # type: ignore[no-any-return]


def _content(item: Members, name: str, origin: str) -> str | tuple[Part, ...]:
    if isinstance(item.peek(name), str):
        return item.text(name)
    return tuple(_part(part, origin) for part in item.objects(name))


def _part(part: Members, origin: str) -> Part:
    match part.peek("type"):
        case "input_text" | "output_text":
            part.take("type")
            return TextPart(part.text("text"), extra=part.rest())
        case "refusal":
            part.take("type")
            return RefusalPart(part.text("refusal"), extra=part.rest())
        case "input_image" if isinstance(part.peek("image_url"), str):
            return _image(part)
        case "input_file":
            return _file(part)
        case kind:
            block = part.rest() or {}
            if not is_content(block):
                raise InvalidRequest(part.at("type"), f"content of an unknown type ({type(kind).__name__})")
            return OpaquePart(origin=origin, block=block)


def _image(part: Members) -> ImagePart:
    part.take("type")
    url, detail = part.text("image_url"), part.take("detail")
    inline = from_data_url(url)
    if inline is None:
        return ImagePart(url=url, detail=detail, extra=part.rest())
    return ImagePart(data=inline[0], media_type=inline[1], detail=detail, extra=part.rest())


def _file(part: Members) -> Part:
    part.take("type")
    file_id, url, name = part.take("file_id"), part.take("file_url"), part.take("filename")
    inline = from_data_url(str(part.peek("file_data")))
    if inline is None:
        return DocumentPart(url=url, file_id=file_id, name=name, extra=part.rest())
    part.take("file_data")
    return DocumentPart(data=inline[0], media_type=inline[1], name=name, extra=part.rest())


def _tool(tool: Members) -> Tool:
    """A tool of the server's own, such as its web search, is kept whole in `extra`."""
    kind = tool.peek("type")
    if kind != "function":
        return Tool(name=str(kind), extra=tool.rest())
    tool.take("type")
    return Tool(
        name=tool.text("name"),
        description=tool.take("description"),
        parameters=tool.take("parameters"),
        strict=tool.take("strict"),
        extra=tool.rest(),
    )


def _tool_choice(members: Members) -> ToolChoice | None:
    match members.peek("tool_choice"):
        case "auto" | "none" | "required" as mode:
            members.take("tool_choice")
            return ToolChoice(mode=mode)
        case {"type": "function", "name": str(name), **more}:
            if not more:
                members.take("tool_choice")
            return ToolChoice(mode="named", name=name)
        case _:
            return None


def _output(members: Members) -> Output | None:
    text = members.object("text")
    output = None
    match text.peek("format"):
        case {"type": "text" | "json_object" as kind, **more}:
            if not more:
                text.take("format")
            output = Output(kind="text" if kind == "text" else "json")
        case {"type": "json_schema"} as told:
            schema = text.object("format")
            output = Output(
                schema=schema.take("schema"),
                name=schema.take("name"),
                description=schema.take("description"),
                strict=schema.take("strict"),
            )
            schema.take("type")
            if schema.rest():
                text.put("format", told)
    members.put("text", text.rest())
    return output


def _thinking(members: Members) -> Thinking | None:
    reasoning = members.object("reasoning")
    effort = reasoning.take("effort") if reasoning.peek("effort") in _EFFORTS else None
    extra = reasoning.rest()
    return Thinking(effort=effort, extra=extra) if effort or extra else None
