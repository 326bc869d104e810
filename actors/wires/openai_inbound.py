"""The body of a chat completion as a Request: what openai_request.py writes, read back.

Source: platform.openai.com/docs/api-reference/chat/create.
"""

from typing import Any, get_args

from callboard.actors.wires.inbound import Members, members_of, sampling, tuple_of
from callboard.actors.wires.jsons import mapping
from callboard.actors.wires.media import audio_type, from_base64, from_data_url
from callboard.actors.wires.openai_reasoning import MEMBER
from callboard.actors.wires.openai_request import CUSTOM
from callboard.actors.wires.openai_thinking_blocks import MEMBER as BLOCKS
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
from callboard.messages.request import Effort, Output, Request, Thinking, Tool, ToolChoice
from callboard.messages.validate import InvalidRequest

_SAMPLING = {
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "stop": "stop",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
}
_EFFORTS = get_args(Effort)


def decode_request(body: bytes, origin: str = "openai") -> Request:
    """The Request, `model` as it is written there; whether it asks for a stream is left to the caller.

    Raises InvalidRequest for what cannot be taken apart; validate.check judges the rest.
    """
    members = members_of(body)
    members.take("stream")
    if members.peek("stream_options") == {"include_usage": True}:
        members.take("stream_options")
    messages = tuple(_message(message, origin) for message in members.objects("messages"))
    return Request(
        model=members.take("model"),
        messages=messages,
        tools=tuple_of(_tool, members.objects("tools")),
        tool_choice=_tool_choice(members),
        parallel_tool_calls=members.take("parallel_tool_calls"),
        output=_output(members),
        sampling=sampling(members, _SAMPLING),
        thinking=Thinking(effort=members.take("reasoning_effort"))
        if members.peek("reasoning_effort") in _EFFORTS
        else None,
        user=members.take("user"),
        extra=members.rest(),
    )


def _message(message: Members, origin: str) -> ChatMessage:
    role: Any = message.text("role")
    if role == "tool":
        return ChatMessage("tool", (_result(message, origin),))
    content = _content(message, origin)
    if role == "assistant":
        content = _said(message, content, origin)
    return ChatMessage(role, content, name=message.take("name"), extra=message.rest())


def _result(message: Members, origin: str) -> ToolResultPart:
    call_id, name = message.text("tool_call_id"), message.take("name")
    return ToolResultPart(id=call_id, name=name, content=_content(message, origin), extra=message.rest())


def _said(message: Members, content: str | tuple[Part, ...], origin: str) -> str | tuple[Part, ...]:
    """What the assistant said, with what stands beside `content` in the message."""
    refusal, thoughts = message.take("refusal"), _thoughts(message, origin)
    calls = tuple_of(_call, message.objects("tool_calls"))
    if not thoughts and refusal is None and not calls:
        return content
    parts = (TextPart(content),) if isinstance(content, str) else content
    return thoughts + parts + (() if refusal is None else (RefusalPart(refusal),)) + calls


def _thoughts(message: Members, origin: str) -> tuple[Part, ...]:
    thought = message.take("reasoning_content")
    kept = {name: told for name in (MEMBER, BLOCKS) if (told := message.take(name))}
    if kept:
        return (ThinkingPart(text=thought or "", origin=origin, extra=kept),)
    return () if thought is None else (ThinkingPart(text=thought),)


def _call(call: Members) -> ToolCallPart:
    kind = call.take("type")
    if kind == "custom":
        custom = call.object("custom")
        return ToolCallPart(id=call.text("id"), name=custom.text("name"), arguments=custom.text("input"), extra=CUSTOM)
    if kind not in (None, "function"):
        raise InvalidRequest(call.at("type"), "only calls of functions and custom tools are understood")
    function, call_id = call.object("function"), call.text("id")
    name, arguments = function.text("name"), function.take("arguments") or "{}"
    call.put("function", function.rest())
    return ToolCallPart(id=call_id, name=name, arguments=arguments, extra=call.rest())


def _content(message: Members, origin: str) -> str | tuple[Part, ...]:
    content = message.peek("content")
    if isinstance(content, str):
        return message.text("content")
    return tuple(_part(part, origin) for part in message.objects("content"))


def _part(part: Members, origin: str) -> Part:
    match part.peek("type"):
        case "text":
            return TextPart(part.text("text"), extra=_rest(part))
        case "refusal":
            return RefusalPart(part.text("refusal"), extra=_rest(part))
        case "image_url":
            return _image(part)
        case "input_audio":
            return _audio(part, origin)
        case "file":
            return _document(part)
        case _:
            return OpaquePart(origin=origin, block=part.rest() or {})


def _image(part: Members) -> ImagePart:
    short = isinstance(part.peek("image_url"), str)
    image = part if short else part.object("image_url")
    url, detail = image.text("image_url" if short else "url"), image.take("detail")
    if not short:
        part.put("image_url", image.rest())
    inline = from_data_url(url)
    if inline is None:
        return ImagePart(url=url, detail=detail, extra=_rest(part))
    return ImagePart(data=inline[0], media_type=inline[1], detail=detail, extra=_rest(part))


def _audio(part: Members, origin: str) -> Part:
    given = part.peek("input_audio")
    data = from_base64(str(mapping(given).get("data")))
    if data is None:
        return OpaquePart(origin=origin, block=part.rest() or {})
    audio = part.object("input_audio")
    audio.take("data")
    media_type = audio_type(str(audio.take("format")))
    part.put("input_audio", audio.rest())
    return AudioPart(data=data, media_type=media_type, extra=_rest(part))


def _document(part: Members) -> DocumentPart:
    file = part.object("file")
    data, file_id, name = file.take("file_data"), file.take("file_id"), file.take("filename")
    part.put("file", file.rest())
    inline = from_data_url(data) if isinstance(data, str) else None
    if inline is None:
        return DocumentPart(url=data, file_id=file_id, name=name, extra=_rest(part))
    return DocumentPart(data=inline[0], media_type=inline[1], name=name, extra=_rest(part))


def _rest(part: Members) -> Extra | None:
    part.take("type")
    return part.rest()


def _tool(tool: Members) -> Tool:
    """A tool of the server's own, such as its web search, is kept whole in `extra`."""
    kind = tool.peek("type")
    if kind not in (None, "function"):
        return Tool(name=str(kind), extra=tool.rest())
    tool.take("type")
    function = tool.object("function")
    named: dict[str, Any] = {name: function.take(name) for name in ("name", "description", "parameters", "strict")}
    if not isinstance(named["name"], str):
        raise InvalidRequest(function.at("name"), "expected a string")
    tool.put("function", function.rest())
    return Tool(**named, extra=tool.rest())


def _tool_choice(members: Members) -> ToolChoice | None:
    match members.peek("tool_choice"):
        case "auto" | "none" | "required" as mode:
            members.take("tool_choice")
            return ToolChoice(mode=mode)
        case {"type": "function", "function": {"name": str(name), **more}, **beside}:
            if not more and not beside:
                members.take("tool_choice")
            return ToolChoice(mode="named", name=name)
        case _:
            return None


def _output(members: Members) -> Output | None:
    """What has no name here stays beside the Output that it was read into, to be sent as it is."""
    match members.peek("response_format"):
        case {"type": "text" | "json_object" as kind, **more}:
            schema = more.get("schema")
            if not more:
                members.take("response_format")
            if isinstance(schema, dict):  # Together, llama.cpp
                return Output(schema=schema)
            return Output(kind="text" if kind == "text" else "json")
        case {"type": "json_schema"} as told:
            return _schema(members, told)
        case _:
            return None


def _schema(members: Members, told: dict[str, Any]) -> Output:
    form = members.object("response_format")
    schema = form.object("json_schema")
    output = Output(
        schema=schema.take("schema"),
        name=schema.take("name"),
        description=schema.take("description"),
        strict=schema.take("strict"),
    )
    form.take("type")
    if schema.rest() or form.rest():
        members.put("response_format", told)
    return output
