"""Texts in the order of how well they answer a query."""

import msgspec

from callboard.messages.chat import Extra
from callboard.messages.usage import Usage


class RerankRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Texts to put in order."""

    model: str
    """`provider/model`, or an alias from the configuration."""
    query: str
    documents: tuple[str, ...]
    top: int | None = None
    """How many of the best to return; None returns all."""
    extra: Extra | None = None
    """Members of the provider's own request that have no name here; sent untouched."""

    def __repr__(self) -> str:
        return f"RerankRequest({self.model!r}, {len(self.documents)} documents)"


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """One of the texts."""

    index: int
    """Its place in the request."""
    score: float
    """How well it answers, from 0 to 1; the scores of two queries cannot be compared."""


class Reranking(msgspec.Struct, frozen=True, kw_only=True):
    """The texts, the best first."""

    results: tuple[Ranked, ...]
    usage: Usage | None = None
    """None when the provider did not count tokens."""
    search_units: float | None = None
    """What Cohere bills: one query with up to 100 documents is one."""
    id: str | None = None
    """The provider's id of the reply."""
