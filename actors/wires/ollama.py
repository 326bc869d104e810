"""Ollama's own chat, embeddings and models.

Source: docs.ollama.com/api. Its imitation of OpenAI under `/v1` is openai.OpenAIChat's.
"""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from callboard.actors.wires import ollama_faults
from callboard.actors.wires.jsons import MOST_NUMBERS, mapping, present, read, string, tokens, write
from callboard.actors.wires.ndjson import RecordReader
from callboard.actors.wires.ollama_library import OllamaLibrary
from callboard.actors.wires.ollama_reply import OllamaReply
from callboard.actors.wires.ollama_request import encode_body
from callboard.actors.wires.retry_hints import retry_after
from callboard.actors.wires.stream import ReplyStream
from callboard.actors.wires.wire import Encoded, Headers, StreamDecoder, malformed, read_whole, unsupported
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingBounds, EmbeddingRequest
from callboard.messages.faults import Fault
from callboard.messages.limits import RateLimits
from callboard.messages.models import Model
from callboard.messages.reply import Answer
from callboard.messages.request import Request
from callboard.messages.usage import Usage

BASE_URL = "http://localhost:11434/api"


class Embedded(msgspec.Struct):
    """A reply to `/embed`."""

    embeddings: tuple[tuple[float, ...], ...]
    model: Any = None
    prompt_eval_count: Any = None


_EMBEDDED = msgspec.json.Decoder(Embedded)
_OBJECT = msgspec.json.Decoder(dict[str, Any])


class Ollama(OllamaLibrary):
    """A wire.EmbeddingWire and a wire.LibraryWire. `utc` gives the time now, in nanoseconds since 1970, to count from
    when a header names a date."""

    def __init__(self, name: str = "ollama", *, utc: Callable[[], int] = time.time_ns) -> None:
        self.name = name
        self._utc = utc

    def headers(self, key: str | None) -> dict[str, str]:
        """The credential, which only Ollama's cloud wants."""
        return {} if key is None else {"authorization": f"Bearer {key}"}

    def encode(self, request: Request, model: str, *, stream: bool) -> Encoded:
        """The HTTP request. Raises WireFault, UNSUPPORTED for what Ollama cannot do."""
        body = encode_body(request, model, stream=stream, provider=self.name)
        return self._post("/chat", body, "application/x-ndjson" if stream else "application/json")

    def decode(self, body: bytes, *, keep_raw: bool = False) -> Answer:
        """A plain reply. Raises WireFault."""
        return read_whole(OllamaReply(self.name, keep_raw=keep_raw), body)

    def decoder(self, *, keep_raw: bool = False) -> StreamDecoder:
        """A decoder for one stream."""
        return ReplyStream(self.name, RecordReader(), OllamaReply(self.name, keep_raw=keep_raw))

    def fault(self, status: int, headers: Headers, body: bytes) -> Fault:
        """What a reply with a status outside 2xx means. Never raises."""
        return ollama_faults.fault(self.name, status, headers, body, self._utc)

    def limits(self, headers: Headers) -> RateLimits | None:
        """Ollama tells none, but a proxy before it may ask to wait. Never raises."""
        wait = retry_after(headers, self._utc())
        return None if wait is None else RateLimits(retry_after=wait)

    def encode_models(self) -> Encoded:
        """`GET /tags`: the models on this machine."""
        return Encoded(method="GET", path="/tags", headers={"accept": "application/json"}, body=b"")

    def decode_models(self, body: bytes) -> tuple[Model, ...]:
        """The models on this machine. Raises WireFault."""
        listed = read(_OBJECT, body, self.name).get("models")
        if not isinstance(listed, list):
            raise malformed("the reply holds no list of models", provider=self.name)
        names = (string(entry.get("model")) or string(entry.get("name")) for entry in map(mapping, listed))
        return tuple(Model(provider=self.name, id=name) for name in names if name)

    def embedding_bounds(self, model: str) -> EmbeddingBounds:
        """Ollama names none; a bounded request keeps others from waiting long."""
        return EmbeddingBounds(inputs=512)

    def encode_embeddings(self, request: EmbeddingRequest, model: str) -> Encoded:
        """The HTTP request. Raises WireFault(UNSUPPORTED) for a task: Ollama has none."""
        if request.task is not None:
            raise unsupported(self.name, "a task for embeddings")
        body = {"model": model, "input": list(request.inputs), "dimensions": request.dimensions}
        return self._post("/embed", present(body) | (request.extra or {}), "application/json")

    def decode_embeddings(self, body: bytes) -> EmbeddingAnswer:
        """A reply with a 2xx status. Raises WireFault."""
        reply = read(_EMBEDDED, body, self.name, MOST_NUMBERS)
        count = reply.prompt_eval_count
        usage = None if count is None else Usage(input=tokens(count))
        return EmbeddingAnswer(vectors=reply.embeddings, usage=usage, model=string(reply.model))

    def _post(self, path: str, body: dict[str, Any], accept: str) -> Encoded:
        headers = {"content-type": "application/json", "accept": accept}
        return Encoded(method="POST", path=path, headers=headers, body=write(body, self.name))
