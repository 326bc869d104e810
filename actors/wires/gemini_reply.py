"""A generateContent reply, whole or as a stream: every piece of a stream is a reply of the same shape.

Source: ai.google.dev/api/generate-content. A stream has no mark at its end: it is whole once a `finishReason` has
come and the body has ended. Leaves are `Any`: an odd one must not cost the reply.
"""

import re
from typing import Any

import msgspec

from callboard.actors.wires.gemini_calls import GrowingParts
from callboard.actors.wires.gemini_faults import blocked, error_in_reply
from callboard.actors.wires.gemini_usage import bill_of, usage_of
from callboard.actors.wires.jsons import items, mapping, present, read, string
from callboard.actors.wires.searches import searched
from callboard.actors.wires.wire import malformed
from callboard.messages.reply import Answer, Delta, FinishReason

FINISH: dict[str, FinishReason] = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "SAFETY": FinishReason.CONTENT_FILTER,
    "RECITATION": FinishReason.CONTENT_FILTER,
    "BLOCKLIST": FinishReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "SPII": FinishReason.CONTENT_FILTER,
    "MODEL_ARMOR": FinishReason.CONTENT_FILTER,
    "IMAGE_SAFETY": FinishReason.CONTENT_FILTER,
    "IMAGE_PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "IMAGE_RECITATION": FinishReason.CONTENT_FILTER,
    "FUNCTION_CALL": FinishReason.TOOL_CALLS,
    "MALFORMED_FUNCTION_CALL": FinishReason.ERROR,
    "UNEXPECTED_TOOL_CALL": FinishReason.ERROR,
    "TOO_MANY_TOOL_CALLS": FinishReason.ERROR,
    "MISSING_THOUGHT_SIGNATURE": FinishReason.ERROR,
    "MALFORMED_RESPONSE": FinishReason.ERROR,
    "IMAGE_OTHER": FinishReason.ERROR,
    "NO_IMAGE": FinishReason.ERROR,
}

NUMBERED = (
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
    "UNEXPECTED_TOOL_CALL",
    "NO_IMAGE",
)
"""Vertex's numbers for them, which it sends to clients that ask for `enum-encoding=int` (google.cloud.aiplatform)."""

_EXTRA = (
    "groundingMetadata",
    "urlContextMetadata",
    "citationMetadata",
    "logprobsResult",
    "avgLogprobs",
    "safetyRatings",
    "finishMessage",
)
_BILL_ONE = re.compile(r"gemini-[12]\b")
_GROW = frozenset({"citationMetadata", "logprobsResult"})
"""Whose lists a stream sends in pieces; the others come whole, and the last one counts."""


class Chunk(msgspec.Struct, rename="camel"):
    """A whole reply or a piece of a stream."""

    candidates: Any = None
    prompt_feedback: Any = None
    usage_metadata: Any = None
    model_version: Any = None
    response_id: Any = None
    error: Any = None


_CHUNK = msgspec.json.Decoder(Chunk)
_ANY: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()


class ContentReply:
    """The reply as it grows (stream.Growing)."""

    def __init__(self, provider: str, *, stream: bool, keep_raw: bool = False) -> None:
        self.done = False
        self.complete = False
        self._provider = provider
        self._parts = GrowingParts(provider, join=stream)
        self._id: str | None = None
        self._model: str | None = None
        self._finish: FinishReason | None = None
        self._usage: dict[str, Any] = {}
        self._extra: dict[str, Any] = {}
        self._raw: list[Any] | None = [] if keep_raw else None

    def whole(self, body: bytes) -> Answer:
        """A plain reply. Raises WireFault."""
        chunk = self._read(body)
        if not items(chunk.candidates):
            raise malformed("the reply has no candidates", provider=self._provider)
        self._candidates(chunk, [])
        return self.answer()

    def take(self, frame: bytes, deltas: list[Delta]) -> None:
        """One piece of a stream. Raises WireFault."""
        if frame.strip():
            self._candidates(self._read(frame), deltas)

    def answer(self) -> Answer:
        """What has come so far."""
        raw = self._raw
        finish = self._finish
        if finish is FinishReason.STOP and self._parts.calls:
            finish = FinishReason.TOOL_CALLS
        return Answer(
            parts=self._parts.parts(),
            finish_reason=finish,
            usage=searched(usage_of(self._usage), self._searches()),
            bill=bill_of(self._usage),
            model=self._model,
            id=self._id,
            extra=self._extra or None,
            raw=raw[0] if raw and len(raw) == 1 else raw,
        )

    def _read(self, data: bytes) -> Chunk:
        chunk = read(_CHUNK, data, self._provider)
        if self._raw is not None:
            self._raw.append(read(_ANY, data, self._provider))
        self._id = self._id or string(chunk.response_id)
        self._model = self._model or string(chunk.model_version)
        self._usage |= present(mapping(chunk.usage_metadata))
        if chunk.error:
            raise error_in_reply(self._provider, chunk.error)
        feedback = mapping(chunk.prompt_feedback)
        if feedback.get("blockReason") and not items(chunk.candidates):
            raise blocked(self._provider, feedback)
        return chunk

    def _searches(self) -> int:
        """Gemini 3 and later bill each, those before it one for all of a reply."""
        told = items(mapping(self._extra.get("groundingMetadata")).get("webSearchQueries"))
        queries = {query for query in map(string, told) if query}
        return min(len(queries), 1) if _BILL_ONE.search(self._model or "") else len(queries)

    def _candidates(self, chunk: Chunk, deltas: list[Delta]) -> None:
        """Only the first of the `candidateCount` answers asked for is read."""
        for candidate in map(mapping, items(chunk.candidates)):
            if not candidate.get("index"):
                self._candidate(candidate, deltas)

    def _candidate(self, candidate: dict[str, Any], deltas: list[Delta]) -> None:
        for part in map(mapping, items(mapping(candidate.get("content")).get("parts"))):
            if part:
                self._parts.take(part, self._id, deltas)
        for name in _EXTRA:
            if candidate.get(name):
                grown = _grown(self._extra.get(name), candidate[name]) if name in _GROW else candidate[name]
                self._extra[name] = grown
        reason = candidate.get("finishReason")
        if reason:
            self._parts.finish(deltas)
            self._finish = FINISH.get(_named(reason), FinishReason.OTHER)
            self.complete = True


def _named(reason: Any) -> str:
    numbered = type(reason) is int and 0 < reason < len(NUMBERED)
    return NUMBERED[reason] if numbered else str(reason)


def _grown(old: Any, new: Any) -> Any:
    """The old object with the new one's lists behind its own."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    for name, value in new.items():
        if isinstance(value, list) and isinstance(old.get(name), list):
            old[name] += value
        else:
            old[name] = value
    return old
