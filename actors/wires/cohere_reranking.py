"""Cohere's reranking.

Source: docs.cohere.com/reference/rerank.
"""

from typing import Any

import msgspec

from callboard.actors.wires.cohere_usage import usage_of
from callboard.actors.wires.jsons import mapping, present, read, string
from callboard.messages.reranking import Ranked, RerankAnswer, RerankRequest


class Result(msgspec.Struct):
    """One of the documents."""

    index: int
    relevance_score: float


class Reranked(msgspec.Struct):
    """A reply."""

    results: tuple[Result, ...]
    id: Any = None
    meta: Any = None


MOST_UNITS = 1e9
"""A search is one for a hundred documents: more is no count."""
_RERANKED = msgspec.json.Decoder(Reranked)


def encode_rerank(request: RerankRequest, model: str) -> dict[str, Any]:
    """The JSON members to send."""
    body = {"model": model, "query": request.query, "documents": list(request.documents), "top_n": request.top}
    return present(body) | (request.extra or {})


def decode_rerank(body: bytes, provider: str) -> RerankAnswer:
    """A reply with a 2xx status. Raises WireFault(MALFORMED_REPLY)."""
    reply = read(_RERANKED, body, provider)
    meta = mapping(reply.meta)
    units = mapping(meta.get("billed_units")).get("search_units")
    return RerankAnswer(
        results=tuple(Ranked(index=one.index, score=one.relevance_score) for one in reply.results),
        usage=usage_of({"tokens": meta.get("tokens"), "cached_tokens": meta.get("cached_tokens")}),
        search_units=float(units) if isinstance(units, int | float) and 0 <= units < MOST_UNITS else None,
        id=string(reply.id),
    )
