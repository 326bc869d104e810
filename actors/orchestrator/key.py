"""The cache's key: everything that the answer may depend on, and the caller's partition."""

import hashlib

import msgspec

from callboard.messages.calls import Candidate
from callboard.messages.request import CacheControl, Request

_encoder = msgspec.msgpack.Encoder(order="deterministic")


def cache_key(request: Request, candidate: Candidate) -> bytes:
    """20 bytes from account, model, messages, tools, parameters, user and partition."""
    asked = msgspec.structs.replace(
        request,
        model="",
        tag=None,
        metadata=None,
        priority="normal",
        wait=False,
        keep_raw=False,
        cache=CacheControl(partition=request.cache.partition),
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
