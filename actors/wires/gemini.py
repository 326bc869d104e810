"""Google Gemini's generateContent, at the Gemini API and, with another address and credential, at Vertex AI.

Source: ai.google.dev/api/generate-content, ai.google.dev/api/embeddings and ai.google.dev/api/models.
"""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec

from callboard.actors.wires import gemini_embed, gemini_faults, gemini_images
from callboard.actors.wires.gemini_frames import ReplyReader
from callboard.actors.wires.gemini_reply import ContentReply
from callboard.actors.wires.gemini_request import encode_body
from callboard.actors.wires.jsons import items, mapping, read, string, tokens, write
from callboard.actors.wires.retry_hints import retry_after
from callboard.actors.wires.stream import ReplyStream
from callboard.actors.wires.wire import Encoded, Headers, StreamDecoder, malformed, read_whole
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingBounds, EmbeddingRequest
from callboard.messages.faults import Fault
from callboard.messages.images import ImageAnswer, ImageRequest
from callboard.messages.limits import RateLimits
from callboard.messages.models import Model
from callboard.messages.reply import Answer
from callboard.messages.request import Request

BASE_URL = "https://generativelanguage.googleapis.com/v1beta"

_TO_VERTEX = "/.." * len(["v1", "projects", "P", "locations", "L", "publishers", "google"])
"""From the base URL of an account at Vertex to its host."""

_ANY: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()


class Gemini:
    """A wire.EmbeddingWire and wire.ImageWire. `utc` gives the time now, in nanoseconds since 1970.

    With `vertex` the key is an access token, and the base URL ends with `/publishers/google`, such as
    `https://aiplatform.googleapis.com/v1/projects/…/locations/global/publishers/google`.
    """

    def __init__(self, name: str = "gemini", *, vertex: bool = False, utc: Callable[[], int] = time.time_ns) -> None:
        self.name = name
        self._vertex = vertex
        self._utc = utc

    def headers(self, key: str | None) -> dict[str, str]:
        """The credential."""
        if key is None:
            return {}
        return {"authorization": f"Bearer {key}"} if self._vertex else {"x-goog-api-key": key}

    def encode(self, request: Request, model: str, *, stream: bool) -> Encoded:
        """The HTTP request. Raises WireFault, UNSUPPORTED for what Gemini cannot do."""
        body = encode_body(request, model, provider=self.name, vertex=self._vertex)
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return self._post(model, method, body, accept="text/event-stream" if stream else "application/json")

    def decode(self, body: bytes, *, keep_raw: bool = False) -> Answer:
        """A plain reply. Raises WireFault, CONTENT_BLOCKED when the prompt was refused."""
        return read_whole(ContentReply(self.name, stream=False, keep_raw=keep_raw), body)

    def decoder(self, *, keep_raw: bool = False) -> StreamDecoder:
        """A decoder for one stream, of events or as a JSON array."""
        return ReplyStream(self.name, ReplyReader(), ContentReply(self.name, stream=True, keep_raw=keep_raw))

    def fault(self, status: int, headers: Headers, body: bytes) -> Fault:
        """What a reply with a status outside 2xx means. Never raises."""
        return gemini_faults.fault(self.name, status, headers, body, self._utc)

    def limits(self, headers: Headers) -> RateLimits | None:
        """Google tells no limits; a front end may ask to wait. Never raises."""
        wait = retry_after(headers, self._utc())
        return None if wait is None else RateLimits(retry_after=wait)

    def encode_models(self) -> Encoded:
        """`GET /models`, as many as fit a page: Google has far fewer. Vertex's list belongs to no project."""
        path = f"{_TO_VERTEX}/v1beta1/publishers/google/models" if self._vertex else "/models?pageSize=1000"
        return Encoded(method="GET", path=path, headers={"accept": "application/json"}, body=b"")

    def decode_models(self, body: bytes) -> tuple[Model, ...]:
        """The account's models. Raises WireFault."""
        reply = mapping(read(_ANY, body, self.name))
        listed = reply.get("models", reply.get("publisherModels"))
        if not isinstance(listed, list):
            raise malformed("the reply holds no list of models", provider=self.name)
        models = (self._model(mapping(entry)) for entry in items(listed))
        return tuple(model for model in models if model is not None)

    def embedding_bounds(self, model: str) -> EmbeddingBounds:
        """100 texts; at Vertex AI 250 or 1, by the model."""
        return gemini_embed.bounds(model, vertex=self._vertex)

    def encode_embeddings(self, request: EmbeddingRequest, model: str) -> Encoded:
        """The HTTP request. Raises WireFault(UNSUPPORTED)."""
        method, body = gemini_embed.encode_embeddings(request, model, provider=self.name, vertex=self._vertex)
        return self._post(model, method, body, accept="application/json")

    def decode_embeddings(self, body: bytes) -> EmbeddingAnswer:
        """A reply with a 2xx status. Raises WireFault."""
        return gemini_embed.decode_embeddings(body, self.name)

    def encode_images(self, request: ImageRequest, model: str) -> Encoded:
        """The HTTP request. Raises WireFault(UNSUPPORTED) for more than one image."""
        body = gemini_images.encode_body(request, self.name)
        return self._post(model, "generateContent", body, accept="application/json")

    def decode_images(self, body: bytes) -> ImageAnswer:
        """A reply with a 2xx status. Raises WireFault."""
        return gemini_images.images_of(self.decode(body), self.name)

    def _post(self, model: str, method: str, body: dict[str, Any], *, accept: str) -> Encoded:
        """Models other than Google's own, such as `tunedModels/…`, are named with their collection."""
        named = quote(model if "/" in model else f"models/{model}")
        headers = {"content-type": "application/json", "accept": accept}
        return Encoded(method="POST", path=f"/{named}:{method}", headers=headers, body=write(body, self.name))

    def _model(self, entry: dict[str, Any]) -> Model | None:
        name = string(entry.get("name"))
        if name is None:
            return None
        return Model(
            provider=self.name,
            id=name.removeprefix("publishers/google/").removeprefix("models/"),
            name=string(entry.get("displayName")),
            context=tokens(entry.get("inputTokenLimit")) or None,
            max_output=tokens(entry.get("outputTokenLimit")) or None,
        )
