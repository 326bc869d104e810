"""One embedding call in as many requests as the provider's bounds make of it. Pure.

All vectors of a reply come from one model: vectors of two models cannot be compared. So each candidate has a batch of
its own, which keeps what has come over faults and retries; only what is missing is asked again. A text that stands in
the call twice is asked once. Vectors that are known beforehand can be laid into a batch in the same way.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import TypeAlias

import msgspec

from callboard.messages.calls import Candidate
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingBounds, EmbeddingRequest, Vector
from callboard.messages.estimate import estimate_text

BoundsOf: TypeAlias = Callable[[Candidate], EmbeddingBounds | None]
"""What a candidate takes in one request; None: no bound that anybody knows of."""


class Batch:
    """The texts of one call at one candidate, and the vectors that are there."""

    def __init__(self, request: EmbeddingRequest, bounds: EmbeddingBounds | None) -> None:
        self._request = request
        self._bounds = bounds
        self._missing = dict.fromkeys(request.inputs)
        self._vectors: dict[str, Vector] = {}

    def next(self) -> EmbeddingRequest:
        """What to ask now: texts without a vector, as many as fit, at least one."""
        texts = tuple(self._fitting())
        return self._request if texts == self._request.inputs else msgspec.structs.replace(self._request, inputs=texts)

    @property
    def missing(self) -> tuple[str, ...]:
        """Texts without a vector."""
        return tuple(self._missing)

    def lay_in(self, vectors: Mapping[str, Vector]) -> None:
        """These texts have their vectors."""
        self._vectors |= vectors
        for text in vectors:
            self._missing.pop(text, None)

    def take(self, asked: EmbeddingRequest, answer: EmbeddingAnswer) -> EmbeddingAnswer | None:
        """What was asked is answered: all vectors in the order of the inputs, or None while some are missing."""
        self.lay_in(dict(zip(asked.inputs, answer.vectors, strict=True)))
        return self.whole(answer)

    def whole(self, answer: EmbeddingAnswer) -> EmbeddingAnswer | None:
        """An answer like this one with all vectors in the order of the inputs; None while some are missing."""
        if self._missing:
            return None
        vectors = tuple(self._vectors[text] for text in self._request.inputs)
        return msgspec.structs.replace(answer, vectors=vectors)

    def _fitting(self) -> Iterator[str]:
        bounds = self._bounds
        if bounds is None:
            yield from self._missing
            return
        tokens = 0
        for number, text in enumerate(islice(self._missing, bounds.inputs)):
            tokens += estimate_text(text)
            if number and bounds.tokens is not None and tokens > bounds.tokens:
                return
            yield text


class Batches:
    """The batches of one call, by candidate."""

    def __init__(self, request: EmbeddingRequest, bounds_of: BoundsOf) -> None:
        self._request = request
        self._bounds_of = bounds_of
        self._batches: dict[Candidate, Batch] = {}

    def looked_up(self, candidate: Candidate) -> bool:
        """Whether this candidate's batch was begun, and so what is kept was laid into it."""
        return candidate in self._batches

    def at(self, candidate: Candidate) -> Batch:
        """The batch at this candidate."""
        batch = self._batches.get(candidate)
        if batch is None:
            batch = self._batches[candidate] = Batch(self._request, self._bounds_of(candidate))
        return batch
