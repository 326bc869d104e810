"""The cache's key: everything that the answer may depend on, and the caller's partition.

What means the same has the same key, however it was written: 0 and 0.0, a text and a part that holds it. JSON because
it holds every integer, and every request is one in the end.
"""

import hashlib

import msgspec

from callboard.messages.calls import Candidate
from callboard.messages.chat import ChatMessage, Part, TextPart, ToolResultPart
from callboard.messages.request import CacheControl, Request, Sampling

_encoder = msgspec.json.Encoder(order="deterministic")
_FRACTIONS = ("temperature", "top_p", "min_p", "presence_penalty", "frequency_penalty")


def cache_key(request: Request, candidate: Candidate) -> bytes:
    """20 bytes from account, model, messages, tools, parameters, user and partition."""
    asked = msgspec.structs.replace(
        request,
        model="",
        messages=tuple(map(_message, request.messages)),
        sampling=_sampling(request.sampling),
        tag=None,
        metadata=None,
        priority="normal",
        wait=False,
        cache=CacheControl(partition=request.cache.partition),
        extra=request.extra or None,
    )
    return hashlib.blake2b(_encoder.encode((candidate, asked)), digest_size=20).digest()


def reads(request: Request) -> bool:
    """Whether the cache may answer."""
    match request.cache.use:
        case "auto":
            return request.deterministic
        case "use" | "only":
            return True
        case "refresh" | "off":
            return False


def writes(request: Request) -> bool:
    """Whether the answer may be kept, and shared with whoever asks the same at the same time."""
    match request.cache.use:
        case "auto":
            return request.deterministic
        case "use" | "refresh":
            return True
        case "only" | "off":
            return False


def _message(message: ChatMessage) -> ChatMessage:
    parts = tuple(map(_part, message.parts))
    return msgspec.structs.replace(message, content=parts, extra=message.extra or None)


def _part(part: Part) -> Part:
    if isinstance(part, ToolResultPart) and isinstance(part.content, str):
        return msgspec.structs.replace(part, content=(TextPart(part.content),) if part.content else ())
    return part


def _sampling(sampling: Sampling) -> Sampling:
    given = {name: getattr(sampling, name) for name in _FRACTIONS}
    return msgspec.structs.replace(
        sampling, **{name: value + 0.0 for name, value in given.items() if value is not None}
    )
