"""What all of OpenAI's protocols share, whichever is spoken: credential, faults, limits, models, embeddings, images."""

import time
from collections.abc import Callable

from callboard.actors.wires import openai_embeddings, openai_faults, openai_images
from callboard.actors.wires.jsons import write
from callboard.actors.wires.model_lists import decode_models
from callboard.actors.wires.openai_request import OPENAI, Quirks
from callboard.actors.wires.rate_limits import OPENAI as HEADERS
from callboard.actors.wires.rate_limits import Names, rate_limits
from callboard.actors.wires.wire import Encoded, Headers
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingBounds, EmbeddingRequest
from callboard.messages.faults import Fault
from callboard.messages.images import ImageAnswer, ImageRequest
from callboard.messages.limits import RateLimits
from callboard.messages.models import Model


class OpenAIServer:
    """Half of a wire.EmbeddingWire and a wire.ImageWire; each protocol adds how it asks and how it answers.

    `rate_limits` says what the limits' headers are called. `utc` gives the time now, in nanoseconds since 1970, to
    count from when a header names a date.
    """

    def __init__(
        self,
        name: str = "openai",
        *,
        quirks: Quirks = OPENAI,
        rate_limits: Names = HEADERS,
        utc: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = name
        self._quirks = quirks
        self._names = rate_limits
        self._utc = utc

    def headers(self, key: str | None) -> dict[str, str]:
        """The credential, for servers that want one."""
        if key is None:
            return {}
        own = self._quirks.key_header
        return {"authorization": f"Bearer {key}"} if own is None else {own: key}

    def fault(self, status: int, headers: Headers, body: bytes) -> Fault:
        """What a reply with a status outside 2xx means. Never raises."""
        return openai_faults.fault(self.name, status, headers, body, self._utc)

    def limits(self, headers: Headers) -> RateLimits | None:
        """The `x-ratelimit-…` headers. Never raises."""
        return rate_limits(headers, self._names, self._utc())

    def encode_models(self) -> Encoded:
        """`GET /models`."""
        return Encoded(method="GET", path=self._path("/models"), headers={"accept": "application/json"}, body=b"")

    def decode_models(self, body: bytes) -> tuple[Model, ...]:
        """The account's models. Raises WireFault."""
        return decode_models(body, self.name)

    def embedding_bounds(self, model: str) -> EmbeddingBounds:
        """OpenAI's own, for all who imitate it."""
        return openai_embeddings.BOUNDS

    def encode_embeddings(self, request: EmbeddingRequest, model: str) -> Encoded:
        """`POST /embeddings`. Raises WireFault, UNSUPPORTED for a task."""
        return self._post("/embeddings", openai_embeddings.encode_body(request, model, self.name, self._quirks))

    def decode_embeddings(self, body: bytes) -> EmbeddingAnswer:
        """The vectors. Raises WireFault."""
        return openai_embeddings.decode(body, self.name, dollars=self._quirks.dollars)

    def encode_images(self, request: ImageRequest, model: str) -> Encoded:
        """`POST /images/generations`."""
        return self._post("/images/generations", openai_images.encode_body(request, model))

    def decode_images(self, body: bytes) -> ImageAnswer:
        """The images. Raises WireFault."""
        return openai_images.decode(body, self.name)

    def _post(self, path: str, members: dict[str, object], *, stream: bool = False) -> Encoded:
        headers = {"content-type": "application/json", "accept": "text/event-stream" if stream else "application/json"}
        return Encoded(method="POST", path=self._path(path), headers=headers, body=write(members, self.name))

    def _path(self, path: str) -> str:
        return f"{path}?{self._quirks.query}" if self._quirks.query else path
