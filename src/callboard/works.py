"""From what a caller writes to checked work of the kinds that are no conversation."""

from collections.abc import Callable, Iterable
from typing import Any, TypedDict, TypeVar

from callboard import arguments
from callboard.errors import InvalidRequest
from callboard.messages.checks import InvalidRequest as Nonsense
from callboard.messages.checks import named
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.images import ImageRequest
from callboard.messages.priority import Priority
from callboard.messages.request import CacheControl, CacheUse, Work
from callboard.messages.reranking import RerankRequest
from callboard.messages.validate_work import check_embedding, check_images, check_rerank

W = TypeVar("W", bound=Work)


class WorkOptions(TypedDict, total=False):
    """What may be said of any kind of work; see `Work` for what each means. None is as if left out."""

    user: str | None
    tag: str | None
    metadata: dict[str, str] | None
    priority: Priority | None
    cache: CacheControl | CacheUse | None
    wait: bool | None
    extra: dict[str, Any] | None


OPTIONS = frozenset(WorkOptions.__annotations__)
_HINTS = {**arguments.ELSEWHERE, "top_n": "say top", "n": "say count"}
"""What other libraries call an option, and what to do here."""


def embedding(texts: str | Iterable[str], options: WorkOptions, **members: Any) -> EmbeddingRequest:
    """The request, checked in full. One text is a list of one. Raises InvalidRequest."""
    inputs = (texts,) if isinstance(texts, str) else _several("texts", texts)
    return _checked(EmbeddingRequest, check_embedding, options, inputs=inputs, **members)


def reranking(query: str, documents: Iterable[str], options: WorkOptions, **members: Any) -> RerankRequest:
    """The request, checked in full. Raises InvalidRequest."""
    texts = _several("documents", documents)
    return _checked(RerankRequest, check_rerank, options, query=query, documents=texts, **members)


def images(prompt: str, options: WorkOptions, **members: Any) -> ImageRequest:
    """The request, checked in full. Raises InvalidRequest."""
    return _checked(ImageRequest, check_images, options, prompt=prompt, **members)


def _checked(kind: type[W], check: Callable[[W], None], options: WorkOptions, **members: Any) -> W:
    arguments.names(options, OPTIONS, OPTIONS | arguments.BOUNDS | members.keys(), _HINTS)
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
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
        raise InvalidRequest(f"{name}: expected several strings, got {named(texts)}")
    try:
        return tuple(texts)
    except TypeError:
        raise InvalidRequest(f"{name}: expected several strings, got {named(texts)}") from None
