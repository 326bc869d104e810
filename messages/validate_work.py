"""Whether work other than a conversation makes sense, and what all kinds of work have in common.

As validate.py, which does the same for conversations.
"""

import math
from typing import get_args

from callboard.messages import checks
from callboard.messages.checks import InvalidRequest
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.images import ImageRequest
from callboard.messages.priority import PRIORITY_NAMES
from callboard.messages.request import CacheControl, CacheUse, Work
from callboard.messages.reranking import RerankRequest

MOST_TEXTS = 10_000
"""Of one call: more vectors than these fill memory, and belong into several calls."""
MOST_IMAGES = 10
MOST_DIMENSIONS = 2**16


_CACHE_USES = get_args(CacheUse)
MAKE_A_CACHE = f"; say one of {', '.join(_CACHE_USES)}"
_PLAIN_CACHES = tuple(CacheControl(use=use) for use in _CACHE_USES)


def check_embedding(request: EmbeddingRequest) -> None:
    """Raises InvalidRequest at the first thing that is wrong."""
    _texts("texts", request.inputs)
    if request.dimensions is not None:
        checks.number("dimensions", request.dimensions, int, 1, MOST_DIMENSIONS)
    if request.task is not None:
        checks.filled("task", request.task)
    check_work(request, ("model", "input", "texts", "requests", "content", "instances"))


def check_rerank(request: RerankRequest) -> None:
    """Raises InvalidRequest at the first thing that is wrong."""
    checks.filled("query", request.query)
    _texts("documents", request.documents)
    if request.top is not None:
        checks.number("top", request.top, int, 1, MOST_TEXTS)
    check_work(request, ("model", "query", "documents"))


def check_images(request: ImageRequest) -> None:
    """Raises InvalidRequest at the first thing that is wrong."""
    checks.filled("prompt", request.prompt)
    checks.number("count", request.count, int, 1, MOST_IMAGES)
    for name in ("size", "quality"):
        if getattr(request, name) is not None:
            checks.filled(name, getattr(request, name))
    check_work(request, ("model", "prompt", "contents", "stream"))


def check_work(work: Work, ours: tuple[str, ...]) -> None:
    """What all kinds have in common; `ours` are the members that callboard writes into the provider's request."""
    checks.filled("model", work.model)
    if work.cache not in _PLAIN_CACHES:
        checks.inside("cache", _cache, checks.typed("cache", work.cache, CacheControl, MAKE_A_CACHE))
    checks.flag("wait", work.wait)
    checks.flag("keep_raw", work.keep_raw)
    checks.one_of("priority", work.priority, PRIORITY_NAMES)
    checks.maybe_text("user", work.user)
    checks.maybe_text("tag", work.tag)
    if work.metadata is not None:
        _metadata(work.metadata)
    if work.extra is not None:
        checks.members(work.extra)
        for name in ours:
            if name in work.extra:
                raise InvalidRequest(f"extra.{name}", "is written by callboard itself; leave it out")


def _texts(field: str, texts: tuple[str, ...]) -> None:
    if not checks.each(field, texts, str, "strings"):
        raise InvalidRequest(field, "is empty; give at least one text")
    if len(texts) > MOST_TEXTS:
        raise InvalidRequest(field, f"holds {len(texts)} texts; at most {MOST_TEXTS} are allowed in one call")
    for number, text in enumerate(texts):
        checks.filled(f"{field}[{number}]", text)


def _cache(cache: CacheControl) -> None:
    checks.one_of("use", cache.use, _CACHE_USES)
    if cache.max_age is not None:
        checks.number("max_age", cache.max_age, float, 0, math.inf)
    checks.text("partition", cache.partition)


def _metadata(metadata: dict[str, str]) -> None:
    if not isinstance(metadata, dict):
        raise InvalidRequest("metadata", f"expected a dict of strings, got {checks.named(metadata)}")
    for name, value in metadata.items():
        checks.text("metadata", name)
        checks.text(f"metadata.{name}", value)
