"""Cohere's chat, embeddings, reranking and models, version 2.

Source: docs.cohere.com/reference.
"""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from callboard.actors.wires import cohere_embedding, cohere_faults, cohere_reranking
from callboard.actors.wires.cohere_reply import CohereReply
from callboard.actors.wires.cohere_request import encode_body
from callboard.actors.wires.events import EventStream
from callboard.actors.wires.jsons import items, mapping, read, string, tokens, write
from callboard.actors.wires.wire import Encoded, Headers, StreamDecoder, malformed, read_whole
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingBounds, EmbeddingRequest
from callboard.messages.faults import Fault
from callboard.messages.limits import RateLimits
from callboard.messages.models import Model
from callboard.messages.reply import Answer
from callboard.messages.request import Request
from callboard.messages.reranking import RerankAnswer, RerankRequest

BASE_URL = "https://api.cohere.com/v2"

_OBJECT = msgspec.json.Decoder(dict[str, Any])


class Cohere:
    """A wire.EmbeddingWire and a wire.RerankWire.

    `utc` gives the time now, in nanoseconds since 1970, to count from when a header names a date.
    """

    def __init__(self, name: str = "cohere", *, utc: Callable[[], int] = time.time_ns) -> None:
        self.name = name
        self._utc = utc

    def headers(self, key: str | None) -> dict[str, str]:
        """The credential; a deployment of one's own may want none."""
        return {} if key is None else {"authorization": f"Bearer {key}"}

    def encode(self, request: Request, model: str, *, stream: bool) -> Encoded:
        """The HTTP request. Raises WireFault, UNSUPPORTED for what Cohere cannot do."""
        body = encode_body(request, model, stream=stream, provider=self.name)
        return self._post("/chat", body, "text/event-stream" if stream else "application/json")

    def decode(self, body: bytes, *, keep_raw: bool = False) -> Answer:
        """A plain reply. Raises WireFault."""
        return read_whole(CohereReply(self.name, keep_raw=keep_raw), body)

    def decoder(self, *, keep_raw: bool = False) -> StreamDecoder:
        """A decoder for one stream."""
        return EventStream(self.name, CohereReply(self.name, keep_raw=keep_raw))

    def fault(self, status: int, headers: Headers, body: bytes) -> Fault:
        """What a reply with a status outside 2xx means. Never raises."""
        return cohere_faults.fault(self.name, status, headers, body, self._utc)

    def limits(self, headers: Headers) -> RateLimits | None:
        """The `x-trial-endpoint-call-…` headers; keys for production are told nothing. Never raises."""
        return cohere_faults.limits(headers, self._utc())

    def encode_models(self) -> Encoded:
        """`GET /v1/models`, beside the base URL's version 2, which has no list of models."""
        path = "/../v1/models?page_size=1000"
        return Encoded(method="GET", path=path, headers={"accept": "application/json"}, body=b"")

    def decode_models(self, body: bytes) -> tuple[Model, ...]:
        """The account's models, or the one that was asked for by name. Raises WireFault."""
        reply = read(_OBJECT, body, self.name)
        listed = [reply] if string(reply.get("name")) else reply.get("models")
        if not isinstance(listed, list):
            raise malformed("the reply holds no list of models", provider=self.name)
        named = (entry for entry in map(mapping, items(listed)) if string(entry.get("name")))
        return tuple(
            Model(provider=self.name, id=entry["name"], context=tokens(entry.get("context_length")) or None)
            for entry in named
        )

    def embedding_bounds(self, model: str) -> EmbeddingBounds:
        """96 texts."""
        return cohere_embedding.BOUNDS

    def encode_embeddings(self, request: EmbeddingRequest, model: str) -> Encoded:
        """The HTTP request. `task` is Cohere's `input_type`. Raises WireFault(UNSUPPORTED) above 96 texts."""
        return self._post("/embed", cohere_embedding.encode_embeddings(request, model, self.name), "application/json")

    def decode_embeddings(self, body: bytes) -> EmbeddingAnswer:
        """A reply with a 2xx status. Raises WireFault."""
        return cohere_embedding.decode_embeddings(body, self.name)

    def encode_rerank(self, request: RerankRequest, model: str) -> Encoded:
        """The HTTP request. Raises WireFault(INVALID_REQUEST) when `extra` cannot be written as JSON."""
        return self._post("/rerank", cohere_reranking.encode_rerank(request, model), "application/json")

    def decode_rerank(self, body: bytes) -> RerankAnswer:
        """A reply with a 2xx status. Raises WireFault."""
        return cohere_reranking.decode_rerank(body, self.name)

    def _post(self, path: str, body: dict[str, Any], accept: str) -> Encoded:
        headers = {"content-type": "application/json", "accept": accept}
        return Encoded(method="POST", path=path, headers=headers, body=write(body, self.name))
