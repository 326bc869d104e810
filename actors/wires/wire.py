"""What every wire is: a request in, bytes out; bytes in, an answer, deltas or a fault out."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import msgspec

from callboard.messages.embedding import EmbeddingAnswer, EmbeddingBounds, EmbeddingRequest
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.images import ImageAnswer, ImageRequest
from callboard.messages.limits import RateLimits
from callboard.messages.local_models import LocalModel, PullProgress, RunningModel
from callboard.messages.models import Model
from callboard.messages.reply import Answer, Delta
from callboard.messages.request import Request
from callboard.messages.reranking import RerankAnswer, RerankRequest

Headers = Mapping[str, str]
"""Response headers; look-ups ignore case (httpx.Headers does)."""


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request, less what belongs to the account: its base URL and credentials. Its repr keeps what is said to
    itself.
    """

    method: str
    path: str
    """Joined to the account's base URL, such as `/chat/completions`; may hold a query."""
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Encoded({self.method} {self.path}, {len(self.headers)} headers, {len(self.body):,} bytes)"


class WireFault(Exception):
    """The provider's reply is a fault: the provider's doing, or a reply that cannot be read. `partial` is what a plain
    reply told beside it, where that is what was used.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.partial: Answer | None = None


class StreamDecoder(Protocol):
    """One streamed reply. Feed it bytes as they come, split anywhere."""

    done: bool
    """Whether the reply's end has been seen; bytes after it are ignored."""

    working: bool
    """Whether the last `feed` held more than pings, if no deltas."""

    def feed(self, data: bytes) -> list[Delta]:
        """The deltas that these bytes complete. Raises WireFault on an error inside the stream or on rubbish.

        When deltas come before the error they are returned, `done` is set, and the next call raises.
        """
        ...

    def close(self) -> Answer:
        """The whole answer, once the body has ended. Raises WireFault(INTERRUPTED) when the reply's end never came."""
        ...

    def partial(self) -> Answer:
        """What has come so far, whatever the state; never raises."""
        ...


class Wire(Protocol):
    """A provider's protocol. `name` names the wire in faults and in the `origin` of opaque parts."""

    name: str

    def headers(self, key: str | None) -> dict[str, str]:
        """The headers that carry the credential and the API version."""
        ...

    def encode(self, request: Request, model: str, *, stream: bool) -> Encoded:
        """The HTTP request. Raises WireFault(UNSUPPORTED) for what the provider cannot do, before anything is sent."""
        ...

    def decode(self, body: bytes, *, keep_raw: bool = False) -> Answer:
        """A plain reply with a 2xx status. Raises WireFault."""
        ...

    def decoder(self, *, keep_raw: bool = False) -> StreamDecoder:
        """A decoder for one streamed reply with a 2xx status."""
        ...

    def fault(self, status: int, headers: Headers, body: bytes) -> Fault:
        """What a reply with another status means. Never raises."""
        ...

    def limits(self, headers: Headers) -> RateLimits | None:
        """The rate limits that the headers tell; None when they tell none. Never raises."""
        ...

    def encode_models(self) -> Encoded:
        """The request that lists the account's models: also the cheapest health check and credential check."""
        ...

    def decode_models(self, body: bytes) -> tuple[Model, ...]:
        """The account's models, with `provider` left as this wire's name. Raises WireFault."""
        ...


@runtime_checkable
class EmbeddingWire(Wire, Protocol):
    """A protocol that embeds texts as well."""

    def embedding_bounds(self, model: str) -> EmbeddingBounds:
        """How much one request may hold."""
        ...

    def encode_embeddings(self, request: EmbeddingRequest, model: str) -> Encoded:
        """The HTTP request. Raises WireFault(UNSUPPORTED)."""
        ...

    def decode_embeddings(self, body: bytes) -> EmbeddingAnswer:
        """A reply with a 2xx status. Raises WireFault."""
        ...


@runtime_checkable
class RerankWire(Wire, Protocol):
    """A protocol that puts texts in order as well."""

    def encode_rerank(self, request: RerankRequest, model: str) -> Encoded:
        """The HTTP request. Raises WireFault(UNSUPPORTED)."""
        ...

    def decode_rerank(self, body: bytes) -> RerankAnswer:
        """A reply with a 2xx status. Raises WireFault."""
        ...


@runtime_checkable
class ImageWire(Wire, Protocol):
    """A protocol that makes images as well."""

    def encode_images(self, request: ImageRequest, model: str) -> Encoded:
        """The HTTP request. Raises WireFault(UNSUPPORTED)."""
        ...

    def decode_images(self, body: bytes) -> ImageAnswer:
        """A reply with a 2xx status. Raises WireFault."""
        ...


class PullDecoder(Protocol):
    """The progress of one download. Feed it bytes as they come, split anywhere."""

    done: bool
    """Whether the model is here."""

    def feed(self, data: bytes) -> list[PullProgress]:
        """What these bytes tell. Raises WireFault on an error inside the stream or on rubbish."""
        ...

    def close(self) -> list[PullProgress]:
        """What the last bytes tell. Raises WireFault(INTERRUPTED) when the model is not here."""
        ...


@runtime_checkable
class LibraryWire(Wire, Protocol):
    """A protocol that administers the models of a machine as well."""

    def encode_running(self) -> Encoded:
        """The request for the models in memory."""
        ...

    def decode_running(self, body: bytes) -> tuple[RunningModel, ...]:
        """A reply with a 2xx status. Raises WireFault."""
        ...

    def encode_show(self, model: str) -> Encoded:
        """The request for what a model is."""
        ...

    def decode_show(self, body: bytes) -> LocalModel:
        """A reply with a 2xx status. Raises WireFault."""
        ...

    def encode_pull(self, model: str) -> Encoded:
        """The request that fetches a model."""
        ...

    def pull_decoder(self) -> PullDecoder:
        """A decoder for a reply to it with a 2xx status."""
        ...

    def encode_delete(self, model: str) -> Encoded:
        """The request that removes a model; a reply with a 2xx status says that it is gone."""
        ...


class PlainReply(Protocol):
    """A reply that comes in one piece."""

    def whole(self, body: bytes) -> Answer:
        """The answer. Raises WireFault."""
        ...

    def answer(self) -> Answer:
        """What was read before that. Never raises."""
        ...


def read_whole(reply: PlainReply, body: bytes) -> Answer:
    """The answer. Raises WireFault, with what the body tells was used: nobody bills for an error that came alone."""
    try:
        return reply.whole(body)
    except WireFault as error:
        told = reply.answer()
        error.partial = told if told.usage is not None and told.usage.total else None
        raise


def too_deep(provider: str) -> WireFault:
    """For what could be read but not looked at: the interpreter bounds how deeply both may be nested."""
    return malformed("the reply is nested too deeply", provider=provider)


def malformed(message: str, **more: Any) -> WireFault:
    """A reply that cannot be read. The message must not quote the reply."""
    return WireFault(Fault(kind=FaultKind.MALFORMED_REPLY, message=message, **more))


def unsupported(provider: str, what: str) -> WireFault:
    """A request that this provider cannot serve, found before anything was sent. `what` must not quote the request."""
    return WireFault(Fault(kind=FaultKind.UNSUPPORTED, message=f"{provider} does not take {what}", provider=provider))
