"""The cache's key: everything that the answer may depend on, and the caller's partition.

What means the same has the same key, however it was written: 0 and 0.0, a text and a part that holds it, the members of
`extra` in any order. Inside a JSON schema, or anything else of the caller's, the order counts: it is sent as it was
written, and providers answer in it. JSON because it holds every integer, and every request is one in the end.
"""

import hashlib

import msgspec

from callboard.messages.caching import Keep, Labels
from callboard.messages.calls import AnyAnswer, Candidate
from callboard.messages.chat import ChatMessage, Part, TextPart, ToolResultPart
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingRequest
from callboard.messages.request import NOTHING_SAID, CacheControl, Request, Sampling, Work

_encoder = msgspec.json.Encoder()
_FRACTIONS = ("temperature", "top_p", "min_p", "presence_penalty", "frequency_penalty")


def cache_key(work: Work, candidate: Candidate) -> bytes:
    """20 bytes from account, model, all that is asked (messages, tools, parameters), user and partition.

    No two kinds of work have the same members, so they never share a key.
    """
    said = {}
    if isinstance(work, Request):
        said = {"messages": tuple(map(_message, work.messages)), "sampling": _sampling(work.sampling)}
    asked = msgspec.structs.replace(
        work,
        **said,
        model="",
        tag=None,
        metadata=None,
        priority="normal",
        wait=False,
        cache=CacheControl(partition=work.cache.partition),
        extra=dict(sorted(work.extra.items())) if work.extra else None,
    )
    return hashlib.blake2b(_encoder.encode((candidate, asked)), digest_size=20).digest()


def vector_key(request: EmbeddingRequest, text: str, candidate: Candidate) -> bytes:
    """The key of one input's vector: that of a request for it alone."""
    return cache_key(msgspec.structs.replace(request, inputs=(text,)), candidate)


def vectors_to_keep(work: Work, answer: AnyAnswer, candidate: Candidate) -> Keep:
    """Each vector of an answer under the key of its input."""
    kept: list[tuple[bytes, AnyAnswer]] = []
    if isinstance(work, EmbeddingRequest) and isinstance(answer, EmbeddingAnswer):
        for text, vector in zip(work.inputs, answer.vectors, strict=True):
            one = EmbeddingAnswer(vectors=(vector,), model=answer.model)
            kept.append((vector_key(work, text, candidate), one))
    return Keep(
        answers=tuple(kept),
        provider=candidate.provider,
        model=candidate.model,
        labels=Labels(work.tag, work.user, work.cache.partition),
    )


def reads(work: Work) -> bool:
    """Whether the cache may answer."""
    match work.cache.use:
        case "auto":
            return work.deterministic
        case "use" | "only":
            return True
        case "refresh" | "off":
            return False


def writes(work: Work) -> bool:
    """Whether the answer may be kept, and shared with whoever asks the same at the same time."""
    match work.cache.use:
        case "auto":
            return work.deterministic
        case "use" | "refresh":
            return True
        case "only" | "off":
            return False


def _message(message: ChatMessage) -> ChatMessage:
    """Its content a text, where one text is all that it says."""
    if isinstance(message.content, str) and message.extra is None:
        return message
    return msgspec.structs.replace(message, content=_content(message), extra=message.extra or None)


def _content(message: ChatMessage) -> str | tuple[Part, ...]:
    parts = tuple(map(_part, message.parts))
    if not parts:
        return ""
    alone = parts[0] if len(parts) == 1 else None
    return alone.text if isinstance(alone, TextPart) and not alone.extra else parts


def _part(part: Part) -> Part:
    if isinstance(part, ToolResultPart) and isinstance(part.content, str):
        return msgspec.structs.replace(part, content=(TextPart(part.content),) if part.content else ())
    return part


def _sampling(sampling: Sampling) -> Sampling:
    if sampling is NOTHING_SAID:
        return sampling
    given = {name: getattr(sampling, name) for name in _FRACTIONS}
    return msgspec.structs.replace(
        sampling, **{name: value + 0.0 for name, value in given.items() if value is not None}
    )
