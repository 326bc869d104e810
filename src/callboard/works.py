"""From what a caller writes to checked work of the kinds that are no conversation."""

from collections.abc import Callable, Iterable
from typing import Any, TypedDict, TypeVar, cast

from callboard import arguments
from callboard.errors import InvalidRequest
from callboard.messages.checks import InvalidRequest as Nonsense
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.images import ImageRequest
from callboard.messages.priority import Priority
from callboard.messages.request import CacheControl, CacheUse, Work
from callboard.messages.reranking import RerankRequest
from callboard.messages.validate_work import check_embedding, check_images, check_rerank

W = TypeVar("W", bound=Work)


class WorkOptions(TypedDict, total=False):
    """What may be said of any kind of work; see `Work` for what each means."""

    user: str
    tag: str
    metadata: dict[str, str]
    priority: Priority
    cache: CacheControl | CacheUse
    wait: bool
    extra: dict[str, Any]


OPTIONS = frozenset(WorkOptions.__annotations__)


def embedding(texts: str | Iterable[str], options: WorkOptions, **members: Any) -> EmbeddingRequest:
    """The request, checked in full. One text is a list of one. Raises InvalidRequest."""
    inputs = (texts,) if isinstance(texts, str) else _several("inputs", texts)
    return _checked(EmbeddingRequest, check_embedding, options, inputs=inputs, **members)


def reranking(query: str, documents: Iterable[str], options: WorkOptions, **members: Any) -> RerankRequest:
    """The request, checked in full. Raises InvalidRequest."""
    texts = _several("documents", documents)
    return _checked(RerankRequest, check_rerank, options, query=query, documents=texts, **members)


def images(prompt: str, options: WorkOptions, **members: Any) -> ImageRequest:
    """The request, checked in full. Raises InvalidRequest."""
    return _checked(ImageRequest, check_images, options, prompt=prompt, **members)


def _checked(kind: type[W], check: Callable[[W], None], options: WorkOptions, **members: Any) -> W:
    arguments.names(options, OPTIONS, OPTIONS | arguments.BOUNDS | members.keys(), {})
    given = cast("dict[str, Any]", dict(options))
    if isinstance(given.get("cache"), str):
        given["cache"] = CacheControl(use=given["cache"])
    work = kind(**members, **given)
    try:
        check(work)
    except Nonsense as error:
        raise InvalidRequest(str(error)) from None
    return work


def _several(name: str, texts: Iterable[str]) -> tuple[str, ...]:
    if isinstance(texts, str | bytes):
        raise InvalidRequest(f"{name}: expected several strings, got one")
    try:
        return tuple(texts)
    except TypeError:
        raise InvalidRequest(f"{name}: expected several strings, got {type(texts).__name__}") from None
