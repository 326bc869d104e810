"""What the cache has kept, read from its snapshot without asking."""

import math

import trio

from callboard.actors.orchestrator.batches import Batches
from callboard.actors.orchestrator.key import reads, vector_key
from callboard.messages.caching import CacheReader, Entry
from callboard.messages.calls import Candidate
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingRequest
from callboard.messages.request import Work
from callboard.runtime.clock import ns

FOREVER = 10**20
"""No bound on an entry's age but the cache's own, in nanoseconds."""
LOOKED_UP_AT_ONCE = 64
"""Vectors between which other calls get their turn."""


def kept_entry(reader: CacheReader | None, work: Work, key: bytes, utc: int) -> Entry | None:
    """The entry under this key, if this call may be answered by it; `utc` in nanoseconds."""
    if reader is None or not reads(work):
        return None
    max_age = work.cache.max_age
    return reader.get(key, FOREVER if max_age in (None, math.inf) else ns(max_age), utc)


async def kept_vectors(
    reader: CacheReader | None, request: EmbeddingRequest, batches: Batches, candidate: Candidate, utc: int
) -> EmbeddingAnswer | None:
    """Lay the vectors that are kept into the candidate's batch, once. All of them, when none is missing then."""
    if not reads(request) or batches.looked_up(candidate):
        return None
    batch, found = batches.at(candidate), {}
    answer: EmbeddingAnswer | None = None
    for number, text in enumerate(batch.missing, 1):
        entry = kept_entry(reader, request, vector_key(request, text, candidate), utc)
        if entry is not None and isinstance(entry.answer, EmbeddingAnswer):
            answer = entry.answer
            found[text] = answer.vectors[0]
        if number % LOOKED_UP_AT_ONCE == 0:
            await trio.lowlevel.checkpoint()
    batch.lay_in(found)
    return answer and batch.whole(answer)
