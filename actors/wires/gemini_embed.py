"""Texts as vectors: batchEmbedContents, and Vertex's `predict` and embedContent.

Source: ai.google.dev/api/embeddings; cloud.google.com/vertex-ai/generative-ai/docs/model-reference/
text-embeddings-api for `predict`, which Vertex's models before gemini-embedding-2 speak.
"""

from typing import Any

import msgspec

from callboard.actors.wires.jsons import MOST_NUMBERS, mapping, present, read, tokens
from callboard.actors.wires.wire import malformed, unsupported
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingBounds, EmbeddingRequest
from callboard.messages.usage import Usage


class Values(msgspec.Struct):
    """One vector; `statistics` holds `token_count` where `predict` gave it."""

    values: tuple[float, ...]
    statistics: Any = None


class Prediction(msgspec.Struct):
    """One of `predict`'s."""

    embeddings: Values


class Embedded(msgspec.Struct, rename="camel"):
    """The reply of any of the three."""

    embeddings: list[Values] | None = None
    embedding: Values | None = None
    predictions: list[Prediction] | None = None
    usage_metadata: Any = None


_EMBEDDED = msgspec.json.Decoder(Embedded)


def bounds(model: str, *, vertex: bool) -> EmbeddingBounds:
    """How much one request may hold."""
    if not vertex:
        return EmbeddingBounds(inputs=100)
    return EmbeddingBounds(inputs=250, tokens=20_000) if model.startswith("text-") else EmbeddingBounds(inputs=1)


def encode_embeddings(request: EmbeddingRequest, model: str, *, provider: str, vertex: bool) -> tuple[str, Any]:
    """The method's name and the members to send. Raises WireFault(UNSUPPORTED)."""
    if not vertex:
        name = model if "/" in model else f"models/{model}"
        return "batchEmbedContents", {
            "requests": [{"model": name} | _content(request, text) for text in request.inputs]
        }
    if model.startswith(("text-", "gemini-embedding-001")):
        instances = [present({"content": text, "task_type": request.task}) for text in request.inputs]
        parameters = present({"outputDimensionality": request.dimensions}) or None
        return "predict", present({"instances": instances, "parameters": parameters}) | (request.extra or {})
    if len(request.inputs) != 1:
        raise unsupported(provider, "more than one text to embed at once with this model")
    return "embedContent", _content(request, request.inputs[0])


def decode_embeddings(body: bytes, provider: str) -> EmbeddingAnswer:
    """The vectors. Raises WireFault."""
    reply = read(_EMBEDDED, body, provider, MOST_NUMBERS)
    found = reply.embeddings or [prediction.embeddings for prediction in reply.predictions or ()]
    if reply.embedding is not None:
        found = [reply.embedding]
    if not found:
        raise malformed("the reply holds no vectors", provider=provider)
    return EmbeddingAnswer(vectors=tuple(one.values for one in found), usage=_usage(reply, found))


def _content(request: EmbeddingRequest, text: str) -> dict[str, Any]:
    asked = {"taskType": request.task, "outputDimensionality": request.dimensions}
    return {"content": {"parts": [{"text": text}]}} | present(asked) | (request.extra or {})


def _usage(reply: Embedded, found: list[Values]) -> Usage | None:
    counted = mapping(reply.usage_metadata)
    if "promptTokenCount" in counted:
        return Usage(input=tokens(counted["promptTokenCount"]))
    counts = [mapping(one.statistics).get("token_count") for one in found]
    return None if None in counts else Usage(input=sum(map(tokens, counts)))
