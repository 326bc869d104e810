"""Texts as vectors."""

import msgspec

from callboard.messages.chat import Extra
from callboard.messages.usage import Usage


class EmbeddingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Texts to embed, all by one model."""

    model: str
    """`provider/model`, or an alias from the configuration."""
    inputs: tuple[str, ...]
    dimensions: int | None = None
    """Length of the vectors, where the model lets one choose."""
    task: str | None = None
    """What the vectors are for, in the provider's own word, such as `search_query`."""
    user: str | None = None
    extra: Extra | None = None
    """Members of the provider's own request that have no name here; sent untouched."""


class Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    """One vector for each input, in their order."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage | None = None
    """None when the provider did not say."""
    model: str | None = None
