"""Texts as vectors."""

from typing import Any

import msgspec

from callboard.messages.reply import Receipt, Result
from callboard.messages.request import CacheControl, Work

Vector = tuple[float, ...]


class EmbeddingRequest(Work, frozen=True, kw_only=True):
    """Texts to embed, all by one model."""

    inputs: tuple[str, ...]
    dimensions: int | None = None
    """Length of the vectors, where the model lets one choose."""
    task: str | None = None
    """What the vectors are for, in the provider's own word, such as `search_query`."""
    cache: CacheControl = CacheControl()

    @property
    def deterministic(self) -> bool:
        """A text's vector is always the same."""
        return True

    def __repr__(self) -> str:
        return f"EmbeddingRequest({self.model!r}, {len(self.inputs)} inputs)"


class EmbeddingBounds(msgspec.Struct, frozen=True):
    """What a provider takes in one request for embeddings. What is more is asked in several."""

    inputs: int
    tokens: int | None = None
    """Of all inputs together; None is no bound."""


class EmbeddingAnswer(Result, frozen=True, kw_only=True, tag="embedding"):
    """One vector for each input, in their order."""

    vectors: tuple[Vector, ...]

    def reply(self, **receipt: Any) -> "Embeddings":
        """As the base."""
        return Embeddings(vectors=self.vectors, **receipt)


class Embeddings(Receipt, frozen=True, kw_only=True):
    """One vector for each input, in their order, all by one model."""

    vectors: tuple[Vector, ...]

    def __repr__(self) -> str:
        return self._told(f"{len(self.vectors)} vectors")
