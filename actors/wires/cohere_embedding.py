"""Cohere's embeddings.

Source: docs.cohere.com/reference/embed. Cohere must be told what the vectors are for; without a `task` they are for
documents to be searched.
"""

from typing import Any

import msgspec

from callboard.actors.wires.jsons import MOST_NUMBERS, mapping, present, read, tokens
from callboard.actors.wires.wire import malformed, unsupported
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingBounds, EmbeddingRequest
from callboard.messages.usage import Usage

BOUNDS = EmbeddingBounds(inputs=96)

Vectors = tuple[tuple[float, ...], ...]


class ByType(msgspec.Struct):
    """The vectors, by the type of their numbers. Only one is wanted; `float` unless `extra` asked for another."""

    float: Vectors | None = None
    int8: Vectors | None = None
    uint8: Vectors | None = None
    binary: Vectors | None = None
    ubinary: Vectors | None = None


class Embedded(msgspec.Struct):
    """A reply. Without types (version 1) the vectors are a plain list."""

    embeddings: ByType | Vectors
    meta: Any = None


_EMBEDDED = msgspec.json.Decoder(Embedded)


def encode_embeddings(request: EmbeddingRequest, model: str, provider: str) -> dict[str, Any]:
    """The JSON members to send. Raises WireFault(UNSUPPORTED)."""
    if len(request.inputs) > BOUNDS.inputs:
        raise unsupported(provider, f"more than {BOUNDS.inputs} texts at once")
    body = {
        "model": model,
        "texts": list(request.inputs),
        "input_type": request.task or "search_document",
        "embedding_types": ["float"],
        "output_dimension": request.dimensions,
    }
    return present(body) | (request.extra or {})


def decode_embeddings(body: bytes, provider: str) -> EmbeddingAnswer:
    """A reply with a 2xx status. Raises WireFault(MALFORMED_REPLY)."""
    reply = read(_EMBEDDED, body, provider, MOST_NUMBERS)
    found = reply.embeddings
    if isinstance(found, ByType):
        by_type = (found.float, found.int8, found.uint8, found.binary, found.ubinary)
        vectors = next((vectors for vectors in by_type if vectors is not None), None)
    else:
        vectors = found
    if vectors is None:
        raise malformed("the reply holds no embeddings", provider=provider)
    return EmbeddingAnswer(vectors=vectors, usage=_usage(mapping(mapping(reply.meta).get("billed_units"))))


def _usage(billed: dict[str, Any]) -> Usage | None:
    if not billed:
        return None
    return Usage(input=tokens(billed.get("input_tokens")) + tokens(billed.get("image_tokens")))
