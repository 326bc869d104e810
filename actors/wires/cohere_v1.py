"""Cohere's chat, version 1, for models and deployments that know no other: `wire = "cohere-v1"`.

Source: docs.cohere.com/v1/reference/chat. One message, with what was said before it beside it. Text only: whoever
wants tools, pictures or reasoning speaks version 2.
"""

from typing import Any

import msgspec

from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.cohere_request import SAMPLING
from callboard.actors.wires.cohere_v1_reply import CohereV1Reply
from callboard.actors.wires.ndjson import RecordReader
from callboard.actors.wires.stream import ReplyStream
from callboard.actors.wires.wire import Encoded, StreamDecoder, read_whole, unsupported
from callboard.messages.chat import ChatMessage, RefusalPart, TextPart, ThinkingPart
from callboard.messages.reply import Answer
from callboard.messages.request import Output, Request

_NAMES = {ours: theirs for theirs, ours in SAMPLING.items() if ours != "logprobs"}
_ROLES = {"system": "System", "developer": "System", "user": "User", "assistant": "Chatbot"}


class CohereV1(Cohere):
    """A wire.EmbeddingWire: version 2's embeddings and models, and version 1's chat."""

    def encode(self, request: Request, model: str, *, stream: bool) -> Encoded:
        """The HTTP request. Raises WireFault, UNSUPPORTED for all but text."""
        body = _body(request, model, self.name) | {"stream": stream} | (request.extra or {})
        return self._post("/../v1/chat", body, "application/stream+json" if stream else "application/json")

    def decode(self, body: bytes, *, keep_raw: bool = False) -> Answer:
        """A plain reply, or all the lines of a stream. Raises WireFault."""
        return read_whole(CohereV1Reply(self.name, keep_raw=keep_raw), body)

    def decoder(self, *, keep_raw: bool = False) -> StreamDecoder:
        """A decoder for one stream."""
        return ReplyStream(self.name, RecordReader(), CohereV1Reply(self.name, keep_raw=keep_raw))


def _body(request: Request, model: str, provider: str) -> dict[str, Any]:
    if request.tools or request.thinking is not None:
        raise unsupported(provider, "tools and reasoning in version 1 of its chat")
    *before, last = request.messages
    if last.role != "user":
        raise unsupported(provider, "a conversation that does not end with the user in version 1 of its chat")
    body: dict[str, Any] = {"model": model, "message": _words(last, provider)}
    if before:
        body["chat_history"] = [_said(message, provider) for message in before]
    for name, value in msgspec.to_builtins(request.sampling).items():
        if name not in _NAMES:
            raise unsupported(provider, f"sampling.{name} in version 1 of its chat")
        body[_NAMES[name]] = value
    return body | _response_format(request.output)


def _response_format(output: Output | None) -> dict[str, Any]:
    if output is None or output.kind == "text":
        return {}
    schema = {} if output.schema is None else {"schema": output.schema}
    return {"response_format": {"type": "json_object", **schema}}


def _said(message: ChatMessage, provider: str) -> dict[str, Any]:
    if message.role not in _ROLES:
        raise unsupported(provider, "tools in version 1 of its chat")
    return {"role": _ROLES[message.role], "message": _words(message, provider)} | (message.extra or {})


def _words(message: ChatMessage, provider: str) -> str:
    """Reasoning that is shown is left out: it is not part of what was said."""
    said = [part for part in message.parts if not isinstance(part, ThinkingPart)]
    if not all(isinstance(part, TextPart | RefusalPart) for part in said):
        raise unsupported(provider, "anything but text in version 1 of its chat")
    return "".join(part.text for part in said if isinstance(part, TextPart | RefusalPart))
