"""OpenAI's embeddings and images, as the server reads and writes them. Source: as openai.py.

A vector is made from its text alone: the same text has the same vector whoever asks, and its length is 1.
"""

import hashlib
import math
import random
import struct
from base64 import b64encode
from typing import Any

import msgspec

from callboard.testing.asked import Asked, count_of, digest, text_of
from callboard.testing.refusal import invalid
from callboard.testing.said import Said
from callboard.testing.shape import Stamp

MOST_INPUTS = 2048


def read_embeddings(body: dict[str, Any]) -> Asked:
    """A request for embeddings. Raises Refused."""
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise invalid("input: a text or a list of texts is required")
    if len(texts) > MOST_INPUTS:
        raise invalid(f"input: at most {MOST_INPUTS} texts")
    return Asked(
        kind="embeddings",
        digest=digest(body),
        model=text_of(body, "model"),
        input_tokens=sum(max(1, len(text) // 4) for text in texts),
        inputs=tuple(hashlib.blake2b(text.encode(), digest_size=8).hexdigest() for text in texts),
        dimensions=count_of(body, "dimensions") or 8,
        base64=body.get("encoding_format") == "base64",
    )


def read_images(body: dict[str, Any]) -> Asked:
    """A request for images. Raises Refused."""
    return Asked(
        kind="images",
        digest=digest(body),
        model=text_of(body, "model"),
        input_tokens=max(1, len(text_of(body, "prompt")) // 4),
        images=count_of(body, "n") or 1,
    )


def embeddings(asked: Asked, said: Said) -> bytes:
    """The body of a reply with vectors."""
    data = [
        {"object": "embedding", "index": index, "embedding": _written(vector(name, asked.dimensions), asked.base64)}
        for index, name in enumerate(asked.inputs)
    ]
    usage = {"prompt_tokens": said.input_tokens, "total_tokens": said.input_tokens}
    return msgspec.json.encode({"object": "list", "data": data, "model": asked.model, "usage": usage})


def images(said: Said, stamp: Stamp) -> bytes:
    """The body of a reply with images; each counts as one token."""
    made = len(said.pieces)
    usage = {
        "input_tokens": said.input_tokens,
        "input_tokens_details": {"text_tokens": said.input_tokens, "image_tokens": 0},
        "output_tokens": made,
        "total_tokens": said.input_tokens + made,
    }
    data = [{"b64_json": piece} for piece in said.pieces]
    return msgspec.json.encode({"created": stamp.seconds, "data": data, "output_format": "png", "usage": usage})


def vector(name: str, dimensions: int) -> list[float]:
    """The vector of the text of this name."""
    draw = random.Random(name)
    values = [draw.gauss(0, 1) for _ in range(dimensions)]
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]


def _written(values: list[float], base64: bool) -> list[float] | str:
    return b64encode(struct.pack(f"<{len(values)}f", *values)).decode() if base64 else values
