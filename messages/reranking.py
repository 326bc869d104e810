"""Texts in the order of how well they answer a query."""

from typing import Any

import msgspec

from callboard.messages.reply import Receipt, Result
from callboard.messages.request import Work


class RerankRequest(Work, frozen=True, kw_only=True):
    """Texts to put in order."""

    query: str
    documents: tuple[str, ...]
    top: int | None = None
    """How many of the best to return; None returns all."""

    def __repr__(self) -> str:
        return f"RerankRequest({self.model!r}, {len(self.documents)} documents)"


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """One of the texts."""

    index: int
    """Its place in the request."""
    score: float
    """How well it answers, from 0 to 1; the scores of two queries cannot be compared."""


class RerankAnswer(Result, frozen=True, kw_only=True, tag="rerank"):
    """The texts, the best first."""

    results: tuple[Ranked, ...]
    search_units: float | None = None
    """What Cohere bills: one query with up to 100 documents is one."""

    def reply(self, **receipt: Any) -> "Reranking":
        """As the base."""
        return Reranking(results=self.results, search_units=self.search_units, **receipt)


class Reranking(Receipt, frozen=True, kw_only=True):
    """The texts, the best first."""

    results: tuple[Ranked, ...]
    search_units: float | None = None
    """What Cohere bills in place of tokens; None where the provider tells none."""

    def __repr__(self) -> str:
        return self._told(f"{len(self.results)} results")
