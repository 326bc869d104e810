"""The legacy completions: one prompt in, text out. Cerebras, vLLM and llama.cpp still serve them to base models.

Source: platform.openai.com/docs/api-reference/completions.
"""

from typing import Any

import msgspec

from callboard.actors.wires.events import EventStream
from callboard.actors.wires.jsons import mapping, object_of, read, string
from callboard.actors.wires.openai_faults import error_in_reply
from callboard.actors.wires.openai_reply import FINISH
from callboard.actors.wires.openai_server import OpenAIServer
from callboard.actors.wires.openai_usage import usage_of
from callboard.actors.wires.sse import Event
from callboard.actors.wires.wire import Encoded, StreamDecoder, malformed, read_whole, unsupported
from callboard.messages.chat import TextPart
from callboard.messages.reply import Answer, Delta, FinishReason
from callboard.messages.request import Request
from callboard.messages.usage import Usage


class Choice(msgspec.Struct):
    """One of the texts; only the first is read."""

    text: Any = None
    index: Any = None
    finish_reason: Any = None
    logprobs: Any = None


class Chunk(msgspec.Struct):
    """A whole reply or one event of a stream: they have the same shape."""

    id: Any = None
    model: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None


_CHUNK = msgspec.json.Decoder(Chunk)
_ANY: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()


class OpenAICompletions(OpenAIServer):
    """A wire.EmbeddingWire for `POST /completions`: one message of the user's, in text, and nothing else."""

    def encode(self, request: Request, model: str, *, stream: bool) -> Encoded:
        """The HTTP request. Raises WireFault, UNSUPPORTED for all that is not text."""
        body = {"model": model, "prompt": _prompt(request, self.name), **self._sampling(request)}
        if request.user is not None and self._quirks.user:
            body["user"] = request.user
        if stream:
            body["stream"] = True
            if self._quirks.stream_usage:
                body["stream_options"] = {"include_usage": True}
        return self._post("/completions", body | (request.extra or {}), stream=stream)

    def decode(self, body: bytes, *, keep_raw: bool = False) -> Answer:
        """A plain reply. Raises WireFault."""
        return read_whole(CompletionReply(self.name, keep_raw=keep_raw), body)

    def decoder(self, *, keep_raw: bool = False) -> StreamDecoder:
        """A decoder for one stream."""
        return EventStream(self.name, CompletionReply(self.name, keep_raw=keep_raw))

    def _sampling(self, request: Request) -> dict[str, Any]:
        """`max_tokens` keeps its name here, and `logprobs` is the number of alternatives."""
        members: dict[str, Any] = msgspec.to_builtins(request.sampling)
        unknown = members.keys() - self._quirks.sampling
        if unknown:
            raise unsupported(self.name, f"sampling.{min(unknown)}")
        if members.pop("logprobs", None):
            members["logprobs"] = members.pop("top_logprobs", 0)
        if self._quirks.default_max_tokens is not None:
            members.setdefault("max_tokens", self._quirks.default_max_tokens)
        return members


def _prompt(request: Request, provider: str) -> str:
    wanted = {
        "tools": request.tools,
        "structured output": request.output is not None and request.output.kind != "text",
        "reasoning": request.thinking,
        "more than one message": len(request.messages) != 1,
    }
    for what, asked in wanted.items():
        if asked:
            raise unsupported(provider, f"{what} with legacy completions")
    (message,) = request.messages
    if message.role != "user" or not all(isinstance(part, TextPart) for part in message.parts):
        raise unsupported(provider, "anything but the user's text with legacy completions")
    return message.text


class CompletionReply:
    """The reply as it grows (stream.Growing)."""

    def __init__(self, provider: str, *, keep_raw: bool = False) -> None:
        self.done = False
        self.complete = False
        self._provider = provider
        self._pieces: list[str] = []
        self._logprobs: list[Any] = []
        self._finish: FinishReason | None = None
        self._usage: Usage | None = None
        self._id: str | None = None
        self._model: str | None = None
        self._raw: list[Any] | None = [] if keep_raw else None

    def whole(self, body: bytes) -> Answer:
        """A plain reply. Raises WireFault."""
        if not self._add(body, []):
            raise malformed("the reply has no choices", provider=self._provider)
        return self.answer()

    def take(self, frame: Event, deltas: list[Delta]) -> None:
        """One event of a stream. Raises WireFault."""
        data = frame.data.strip()
        if data == b"[DONE]":
            self.done = True
        elif frame.type == "error":
            error = object_of(data)
            raise error_in_reply(self._provider, error.get("error") or error or data.decode("utf-8", "replace"))
        elif data:
            self._add(data, deltas)

    def _add(self, data: bytes, deltas: list[Delta]) -> bool:
        """One chunk; False when it holds no choice. Raises WireFault."""
        chunk = read(_CHUNK, data, self._provider)
        if chunk.usage is not None:
            self._usage = usage_of(chunk.usage)
        if chunk.error:
            raise error_in_reply(self._provider, chunk.error)
        if self._raw is not None:
            self._raw.append(read(_ANY, data, self._provider))
        self._id = self._id or string(chunk.id)
        self._model = self._model or string(chunk.model)
        for choice in chunk.choices or ():
            if choice.index in (0, None):
                self._choice(choice, deltas)
        return bool(chunk.choices)

    def answer(self) -> Answer:
        """What has come so far."""
        text = "".join(self._pieces)
        return Answer(
            parts=(TextPart(text),) if text else (),
            finish_reason=self._finish,
            usage=self._usage,
            model=self._model,
            id=self._id,
            extra={"logprobs": self._logprobs} if self._logprobs else None,
            raw=self._raw[0] if self._raw and len(self._raw) == 1 else self._raw,
        )

    def _choice(self, choice: Choice, deltas: list[Delta]) -> None:
        text = string(choice.text)
        if text:
            self._pieces.append(text)
            deltas.append(Delta(text=text))
        if mapping(choice.logprobs):
            self._logprobs.append(choice.logprobs)
        if choice.finish_reason:
            self._finish = FINISH.get(str(choice.finish_reason), FinishReason.OTHER)
            self.complete = True
