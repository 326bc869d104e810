from typing import Any

import pytest

from callboard.messages.checks import InvalidRequest
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.images import ImageRequest
from callboard.messages.request import CacheControl
from callboard.messages.reranking import RerankRequest
from callboard.messages.validate_work import MOST_TEXTS, check_embedding, check_images, check_rerank

HALF: Any = "\ud800"
COMMON: list[tuple[dict[str, Any], str]] = [
    ({"model": ""}, "model"),
    ({"model": None}, "model"),
    ({"user": 7}, "user"),
    ({"tag": HALF}, "tag"),
    ({"metadata": {"a": 1}}, "metadata.a"),
    ({"priority": "high"}, "priority"),
    ({"wait": "yes"}, "wait"),
    ({"keep_raw": 1}, "keep_raw"),
    ({"cache": "use"}, "cache"),
    ({"cache": CacheControl(max_age=-1)}, "cache.max_age"),
    ({"extra": {"model": "x"}}, "extra.model"),
    ({"extra": {"x": float("nan")}}, "extra.x"),
]
EMBEDDING: list[tuple[dict[str, Any], str]] = [
    ({"inputs": ()}, "texts"),
    ({"inputs": ["a"]}, "texts"),
    ({"inputs": ("a", b"b")}, "texts[1]"),
    ({"inputs": ("a", HALF)}, "texts[1]"),
    ({"inputs": ("a",) * (MOST_TEXTS + 1)}, "texts"),
    ({"dimensions": 1.5}, "dimensions"),
    ({"dimensions": True}, "dimensions"),
    ({"task": 7}, "task"),
    ({"extra": {"texts": []}}, "extra.texts"),
]
RERANK: list[tuple[dict[str, Any], str]] = [
    ({"query": ""}, "query"),
    ({"documents": ()}, "documents"),
    ({"documents": ("a", "")}, "documents[1]"),
    ({"top": 0}, "top"),
    ({"extra": {"query": "x"}}, "extra.query"),
]
IMAGES: list[tuple[dict[str, Any], str]] = [
    ({"prompt": ""}, "prompt"),
    ({"prompt": None}, "prompt"),
    ({"count": 0}, "count"),
    ({"count": 11}, "count"),
    ({"size": ""}, "size"),
    ({"quality": 3}, "quality"),
    ({"extra": {"prompt": "x"}}, "extra.prompt"),
]


def test_what_makes_sense_passes() -> None:
    check_embedding(EmbeddingRequest(model="m", inputs=("a",) * MOST_TEXTS, dimensions=1, task="t", extra={"x": 1}))
    check_rerank(RerankRequest(model="m", query="q", documents=("a",), top=1, metadata={"a": "b"}))
    check_images(ImageRequest(model="m", prompt="p", count=10, size="3:2", quality="high", user="ann"))


@pytest.mark.parametrize(("wrong", "field"), COMMON + EMBEDDING)
def test_a_mistake_in_a_request_for_embeddings_names_its_field(wrong: dict[str, Any], field: str) -> None:
    members: dict[str, Any] = {"model": "m", "inputs": ("a",)} | wrong
    with pytest.raises(InvalidRequest) as caught:
        check_embedding(EmbeddingRequest(**members))
    assert caught.value.field == field


@pytest.mark.parametrize(("wrong", "field"), COMMON + RERANK)
def test_a_mistake_in_a_request_for_an_order_names_its_field(wrong: dict[str, Any], field: str) -> None:
    members: dict[str, Any] = {"model": "m", "query": "q", "documents": ("a",)} | wrong
    with pytest.raises(InvalidRequest) as caught:
        check_rerank(RerankRequest(**members))
    assert caught.value.field == field


@pytest.mark.parametrize(("wrong", "field"), COMMON + IMAGES)
def test_a_mistake_in_a_request_for_images_names_its_field(wrong: dict[str, Any], field: str) -> None:
    members: dict[str, Any] = {"model": "m", "prompt": "p"} | wrong
    with pytest.raises(InvalidRequest) as caught:
        check_images(ImageRequest(**members))
    assert caught.value.field == field
