"""OpenAI's embeddings, as numbers or in base64.

Source: platform.openai.com/docs/api-reference/embeddings. Base64 holds 32-bit floats, little-endian, and is asked for
with `extra={"encoding_format": "base64"}`: a third of the bytes.
"""

import base64
import binascii
import struct
from typing import Any

import msgspec

from callboard.actors.wires.jsons import MOST_NUMBERS, mapping, present, read, string
from callboard.actors.wires.openai_faults import error_in_reply
from callboard.actors.wires.openai_request import Quirks
from callboard.actors.wires.openai_usage import usage_of
from callboard.actors.wires.wire import malformed, unsupported
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingBounds, EmbeddingRequest

BOUNDS = EmbeddingBounds(inputs=512, tokens=150_000)
"""OpenAI takes 2,048 texts and 300,000 tokens. Reading as many vectors of its largest model would hold everybody up for
half a second and need more than the largest body; tokens are estimated here, and dense texts have twice as many."""

_LARGEST = 1e6
"""No embedding has a component near this; 8-bit integers read as floats have."""


class Vector(msgspec.Struct):
    """One of the vectors."""

    embedding: tuple[float, ...] | str
    index: int | None = None


class Vectors(msgspec.Struct):
    """The reply. Leaves that nobody relies on are `Any`."""

    data: list[Vector] | None = None
    model: Any = None
    usage: Any = None
    error: Any = None


_VECTORS = msgspec.json.Decoder(Vectors)


def encode_body(request: EmbeddingRequest, model: str, provider: str, quirks: Quirks) -> dict[str, Any]:
    """The JSON members to send. Raises WireFault(UNSUPPORTED) for a task: the protocol knows none."""
    if request.task is not None:
        raise unsupported(provider, "a task for embeddings")
    members = {
        "model": model,
        "input": request.inputs,
        quirks.names.get("dimensions", "dimensions"): request.dimensions,
        "user": request.user if quirks.user else None,
    }
    return present(members) | (request.extra or {})


def decode(body: bytes, provider: str) -> EmbeddingAnswer:
    """The vectors in the order of the inputs. Raises WireFault."""
    reply = read(_VECTORS, body, provider, MOST_NUMBERS)
    if reply.error:
        raise error_in_reply(provider, reply.error)
    if reply.data is None:
        raise malformed("the reply holds no vectors", provider=provider)
    data = reply.data
    if all(vector.index is not None for vector in data):
        data = sorted(data, key=lambda vector: vector.index or 0)
    vectors = tuple(_numbers(vector.embedding, provider) for vector in data)
    return EmbeddingAnswer(vectors=vectors, usage=usage_of(mapping(reply.usage)), model=string(reply.model))


def _numbers(embedding: tuple[float, ...] | str, provider: str) -> tuple[float, ...]:
    """Perplexity sends 8-bit integers in base64 without saying so; as floats they would be absurd."""
    if not isinstance(embedding, str):
        return embedding
    try:
        data = base64.b64decode(embedding, validate=True)
    except (binascii.Error, ValueError):
        raise malformed("a vector is not base64", provider=provider) from None
    if len(data) % 4 == 0:
        floats = struct.unpack(f"<{len(data) // 4}f", data)
        if floats and min(floats) > -_LARGEST and max(floats) < _LARGEST:
            return floats
    return tuple(float(value) for value in struct.unpack(f"{len(data)}b", data))
