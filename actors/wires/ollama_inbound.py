"""The bodies of Ollama's chat and generation as a Request: what ollama_request.py and ollama_generate.py write, read
back.

Source: docs.ollama.com/api/chat and /api/generate. A tool's result names its call by id, by the tool's name, or not at
all; then it answers the first call that has no answer yet.
"""

from typing import Any

import msgspec

from callboard.actors.wires import made_ids
from callboard.actors.wires.functions import decode_tool
from callboard.actors.wires.inbound import Members, members_of, sampling, tuple_of
from callboard.actors.wires.media import from_base64, image_type
from callboard.actors.wires.ollama_request import BESIDE, SAMPLING
from callboard.messages.chat import ChatMessage, ImagePart, Part, TextPart, ThinkingPart, ToolCallPart, ToolResultPart
from callboard.messages.request import Output, Request, Sampling, Thinking
from callboard.messages.validate import InvalidRequest


def decode_request(body: bytes, origin: str = "ollama") -> Request:
    """The Request, `model` as it is written there; whether it asks for a stream is left to the caller.

    A body with `messages` is a chat's, any other a generation's. Raises InvalidRequest for what cannot be taken
    apart; validate.check judges the rest.
    """
    members = members_of(body)
    members.take("stream")
    chats = members.peek("messages") is not None
    messages = _Conversation(origin).read(members.objects("messages")) if chats else _prompt(members)
    return Request(
        model=members.take("model"),
        messages=messages,
        tools=tuple_of(decode_tool, members.objects("tools") if members.peek("tools") else []),
        output=_output(members),
        sampling=_sampling(members),
        thinking=_thinking(members),
        extra=members.rest(),
    )


def _prompt(members: Members) -> tuple[ChatMessage, ...]:
    system = members.take("system")
    above = () if system is None else (ChatMessage("system", system),)
    return (*above, ChatMessage("user", _content(members, "prompt")))


class _Conversation:
    """Reads messages in turn, and knows which calls are still without an answer."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._open: list[ToolCallPart] = []

    def read(self, messages: list[Members]) -> tuple[ChatMessage, ...]:
        return tuple(self._message(number, message) for number, message in enumerate(messages))

    def _message(self, number: int, message: Members) -> ChatMessage:
        role: Any = message.text("role")
        content = _content(message)
        if role == "tool":
            return ChatMessage("tool", (self._result(message, content, number),), extra=message.rest())
        if role == "assistant":
            content = self._said(message, content, number)
        return ChatMessage(role, content, extra=message.rest())

    def _said(self, message: Members, content: str | tuple[Part, ...], number: int) -> str | tuple[Part, ...]:
        """What the assistant said, between its reasoning and its calls, which stand beside it."""
        thinking, calls = message.take("thinking"), message.objects("tool_calls")
        if thinking is None and not calls:
            return content
        parts = ((TextPart(content),) if content else ()) if isinstance(content, str) else content
        thoughts = () if thinking is None else (ThinkingPart(text=thinking, origin=self._origin),)
        self._open = [self._call(call, number, place) for place, call in enumerate(calls)]
        return (*thoughts, *parts, *self._open)

    def _call(self, call: Members, *place: int) -> ToolCallPart:
        function, call_id = call.object("function"), call.take("id")
        name, arguments = function.text("name"), function.take("arguments")
        call.put("function", function.rest())
        return ToolCallPart(
            id=made_ids.made(*place) if call_id is None else call_id,
            name=name,
            arguments=msgspec.json.encode({} if arguments is None else arguments).decode(),
            origin=self._origin,
            extra=call.rest(),
        )

    def _result(self, message: Members, content: Any, number: int) -> ToolResultPart:
        call_id, name = message.take("tool_call_id"), message.take("tool_name")
        if call_id is None:
            answered = next((call for call in self._open if name in (None, call.name)), None)
            call_id = made_ids.made(number) if answered is None else answered.id
        self._open = [call for call in self._open if call.id != call_id]
        return ToolResultPart(id=call_id, name=name, content=content)


def _content(message: Members, name: str = "content") -> str | tuple[Part, ...]:
    """The words; with pictures beside them both are parts."""
    words, pictures = message.take(name) or "", _pictures(message)
    return ((TextPart(words),) if words else ()) + pictures if pictures else words


def _pictures(members: Members) -> tuple[ImagePart, ...]:
    """The pictures; the server tells their kind by their first bytes, and so does this."""
    images = members.take("images")
    if images is None:
        return ()
    if not isinstance(images, list):
        raise InvalidRequest(members.at("images"), "expected a list")
    return tuple(_picture(image, f"{members.at('images')}[{number}]") for number, image in enumerate(images))


def _picture(image: Any, where: str) -> ImagePart:
    data = from_base64(image) if isinstance(image, str) else None
    if data is None:
        raise InvalidRequest(where, "expected a picture in base64")
    return ImagePart(data=data, media_type=image_type(data) or "image/png")


def _output(members: Members) -> Output | None:
    wanted = members.peek("format")
    if wanted == "json":
        members.take("format")
        return Output(kind="json")
    return Output(schema=members.take("format")) if isinstance(wanted, dict) else None


def _sampling(members: Members) -> Sampling:
    """`options` that Sampling has no name for, or no room for, stay behind."""
    empty = members.peek("options") == {}
    options = members.object("options")
    kept = {name: options.take(name) for name in ("num_predict", "stop") if _odd(options.peek(name))}
    found = sampling(options, SAMPLING)
    for name, value in kept.items():
        options.put(name, value)
    members.put("options", {} if empty else options.rest())
    beside = sampling(members, BESIDE)
    return msgspec.structs.replace(found, logprobs=beside.logprobs, top_logprobs=beside.top_logprobs)


def _odd(value: Any) -> bool:
    """What Ollama takes and Sampling does not: bounds of -1 (none) and -2 (the context's), a stop without its list."""
    return isinstance(value, str) or value == [] or (isinstance(value, int) and value < 1)


def _thinking(members: Members) -> Thinking | None:
    match members.take("think"):
        case None:
            return None
        case False:
            return Thinking(effort="none")
        case "low" | "medium" | "high" as effort:
            return Thinking(effort=effort)
        case other:
            return Thinking(extra={"think": other})
