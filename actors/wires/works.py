"""Every kind of work on any wire: the one place that tells the kinds apart between request and bytes.

What a wire has no methods for is UNSUPPORTED before anything is sent. What comes back is checked against what was
asked, so that nobody indexes into vectors that are not there.
"""

import math

import msgspec

from callboard.actors.wires.wire import (
    EmbeddingWire,
    Encoded,
    ImageWire,
    RerankWire,
    Wire,
    malformed,
    too_deep,
    unsupported,
)
from callboard.messages.calls import AnyAnswer
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingRequest, Vector
from callboard.messages.images import ImageAnswer, ImageRequest
from callboard.messages.request import Request, Work
from callboard.messages.reranking import RerankAnswer, RerankRequest


def encode(wire: Wire, work: Work, model: str, *, stream: bool) -> Encoded:
    """The HTTP request. Raises WireFault, UNSUPPORTED for what the provider cannot do."""
    match work:
        case Request():
            return wire.encode(work, model, stream=stream)
        case EmbeddingRequest() if isinstance(wire, EmbeddingWire):
            return wire.encode_embeddings(work, model)
        case RerankRequest() if isinstance(wire, RerankWire):
            return wire.encode_rerank(work, model)
        case ImageRequest() if isinstance(wire, ImageWire):
            return wire.encode_images(work, model)
        case _:
            raise unsupported(wire.name, _KINDS[type(work)])


def decode(wire: Wire, work: Work, body: bytes) -> AnyAnswer:
    """A plain reply with a 2xx status to this work, which the wire has encoded. Raises WireFault."""
    try:
        return _decoded(wire, work, body)
    except RecursionError:
        raise too_deep(wire.name) from None


def _decoded(wire: Wire, work: Work, body: bytes) -> AnyAnswer:
    match work:
        case Request():
            return wire.decode(body, keep_raw=work.keep_raw)
        case EmbeddingRequest() if isinstance(wire, EmbeddingWire):
            return _all_embedded(wire.decode_embeddings(body), work, wire.name)
        case RerankRequest() if isinstance(wire, RerankWire):
            return _ranked(wire.decode_rerank(body), work, wire.name)
        case ImageRequest() if isinstance(wire, ImageWire):
            return _drawn(wire.decode_images(body), wire.name)
        case _:
            raise unsupported(wire.name, _KINDS[type(work)])


_KINDS: dict[type[Work], str] = {
    EmbeddingRequest: "texts to embed",
    RerankRequest: "reranking",
    ImageRequest: "descriptions of images to make",
}


def _all_embedded(answer: EmbeddingAnswer, request: EmbeddingRequest, provider: str) -> EmbeddingAnswer:
    got, asked = len(answer.vectors), len(request.inputs)
    if got != asked:
        raise malformed(f"the reply holds {got} vectors for {asked} inputs", provider=provider)
    if not all(answer.vectors):
        raise malformed("the reply holds an empty vector", provider=provider)
    if len(set(map(len, answer.vectors))) > 1:
        raise malformed("the reply holds vectors of different lengths", provider=provider)
    if not all(map(_finite, answer.vectors)):
        raise malformed("the reply holds a vector with a number that is not finite", provider=provider)
    return answer


def _finite(vector: Vector) -> bool:
    """What is not finite shows in the sum, which takes a quarter of the time that looking at each number does."""
    return math.isfinite(sum(vector)) or all(map(math.isfinite, vector))


def _ranked(answer: RerankAnswer, request: RerankRequest, provider: str) -> RerankAnswer:
    """The best first and no more than were asked for, whatever the server makes of `top`."""
    places = [ranked.index for ranked in answer.results]
    if len(set(places)) != len(places) or not all(0 <= place < len(request.documents) for place in places):
        raise malformed("the reply names documents that were not sent, or one twice", provider=provider)
    if request.extra is None and len(places) < _wanted(request):  # members of the caller's own may have asked for fewer
        raise malformed(f"the reply names {len(places)} documents of {_wanted(request)}", provider=provider)
    best = sorted(answer.results, key=lambda ranked: -ranked.score)
    return msgspec.structs.replace(answer, results=tuple(best[: request.top]))


def _wanted(request: RerankRequest) -> int:
    documents = len(request.documents)
    return documents if request.top is None else min(request.top, documents)


def _drawn(answer: ImageAnswer, provider: str) -> ImageAnswer:
    if not answer.images:
        raise malformed("the reply holds no image", provider=provider)
    return answer
