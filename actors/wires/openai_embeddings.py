"""OpenAI's embeddings, as numbers or in base64.

Source: platform.openai.com/docs/api-reference/embeddings. Base64 holds 32-bit floats, little-endian, and is asked for
with `extra={"encoding_format": "base64"}`: a third of the bytes.
"""

import base64
import binascii
import math
import struct
from operator import itemgetter
from typing import Any

import msgspec

from callboard.actors.wires.jsons import MOST_NUMBERS, mapping, present, read, string
from callboard.actors.wires.openai_bill import bill_of
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

Floats = tuple[float, ...]
Given = Floats | str


class Vector(msgspec.Struct):
    """One of the vectors."""

    embedding: Given
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


def decode(body: bytes, provider: str, *, dollars: bool = False) -> EmbeddingAnswer:
    """The vectors in the order of the inputs. Raises WireFault."""
    reply = read(_VECTORS, body, provider, MOST_NUMBERS)
    if reply.error:
        raise error_in_reply(provider, reply.error)
    if reply.data is None:
        raise malformed("the reply holds no vectors", provider=provider)
    data = _in_order(reply.data, provider)
    vectors = _numbers([vector.embedding for vector in data], provider)
    return EmbeddingAnswer(
        vectors=vectors,
        usage=usage_of(mapping(reply.usage)),
        bill=bill_of(reply.usage, None, dollars=dollars),
        model=string(reply.model),
    )


def _in_order(data: list[Vector], provider: str) -> list[Vector]:
    """By their numbers, which must say of each input which vector is its own. One without has that of its place:
    Google leaves out a 0.
    """
    places = [place if vector.index is None else vector.index for place, vector in enumerate(data)]
    if sorted(places) != list(range(len(data))):
        raise malformed(f"the reply's {len(data)} vectors are not numbered from 0 on", provider=provider)
    return [vector for _, vector in sorted(zip(places, data, strict=True), key=itemgetter(0))]


def _numbers(embeddings: list[Given], provider: str) -> tuple[Floats, ...]:
    """Perplexity sends 8-bit integers in base64 without saying so: what cannot be floats is taken for them, if that is
    so of all of the reply. A single vector may as well be broken.
    """
    floats = [found for given in embeddings if (found := _floats(given, provider)) is not None]
    if floats and len(floats) < len(embeddings):
        raise malformed("some of the vectors are 32-bit floats and others are not", provider=provider)
    return tuple(floats) or tuple(_integers(given, provider) for given in embeddings)


def _floats(given: Given, provider: str) -> Floats | None:
    """None for bytes that would be absurd as floats. Infinity and NaN are not: models do give them, when they break."""
    if not isinstance(given, str):
        return given
    data = _bytes(given, provider)
    if len(data) % 4:
        return None
    floats = struct.unpack(f"<{len(data) // 4}f", data)
    if not floats or (min(floats) > -_LARGEST and max(floats) < _LARGEST):
        return floats
    return None if any(_LARGEST <= abs(number) < math.inf for number in floats) else floats


def _integers(given: Given, provider: str) -> Floats:
    return tuple(map(float, memoryview(_bytes(str(given), provider)).cast("b")))


def _bytes(text: str, provider: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise malformed("a vector is not base64", provider=provider) from None
