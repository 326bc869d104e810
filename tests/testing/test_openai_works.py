"""Embeddings and images of the simulated OpenAI, as OpenAI's wire reads them."""

import math
from typing import Any

import pytest

from callboard.actors.wires.openai import OpenAIChat
from callboard.messages.embedding import EmbeddingAnswer
from callboard.messages.usage import Apart, Usage
from callboard.testing.account import Account
from callboard.testing.asked import Asked
from callboard.testing.behaviour import Behaviour
from callboard.testing.openai import OpenAIShape
from callboard.testing.refusal import Refused
from callboard.testing.said import say
from callboard.testing.shape import Stamp

SHAPE = OpenAIShape()
STAMP = Stamp("a1", 0)
WIRE = OpenAIChat()


def asked_to_embed(**more: Any) -> Asked:
    return SHAPE.read("embeddings", {}, {"model": "m", "input": ["one", "two", "one"]} | more)


def embedded(asked: Asked) -> EmbeddingAnswer:
    return WIRE.decode_embeddings(SHAPE.reply(asked, say(asked, Behaviour(), "7"), STAMP))


@pytest.mark.parametrize(
    ("path", "kind"), [("/v1/embeddings", "embeddings"), ("/v1/images/generations", "images"), ("/v1/x", None)]
)
def test_each_kind_has_its_path(path: str, kind: str | None) -> None:
    assert SHAPE.kind("POST", path) == kind


def test_a_text_has_one_vector_of_length_1_whoever_asks() -> None:
    first, second, third = embedded(asked_to_embed()).vectors
    assert first == third != second
    assert embedded(asked_to_embed(input="one")).vectors == (first,)
    assert math.hypot(*first) == pytest.approx(1)


def test_dimensions_and_usage_are_as_asked() -> None:
    answer = embedded(asked_to_embed(dimensions=3, input=["12345678", "1"]))
    assert [len(vector) for vector in answer.vectors] == [3, 3]
    assert answer.usage == Usage(input=3)


def test_base64_holds_the_same_vectors() -> None:
    plain, packed = embedded(asked_to_embed()), embedded(asked_to_embed(encoding_format="base64"))
    for one, other in zip(plain.vectors, packed.vectors, strict=True):
        assert one == pytest.approx(other, rel=1e-6)


def test_as_many_images_as_asked_each_its_own() -> None:
    asked = SHAPE.read("images", {}, {"model": "m", "prompt": "a theatre", "n": 3})
    answer = WIRE.decode_images(SHAPE.reply(asked, say(asked, Behaviour(), "7"), STAMP))
    assert len({image.data for image in answer.images}) == 3
    assert {image.media_type for image in answer.images} == {"image/png"}
    assert answer.usage == Usage(input=2, apart=Apart(image_output=3))


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m"},
        {"model": "m", "input": []},
        {"model": "m", "input": ["a", ""]},
        {"model": "m", "input": ["a"] * 2_049},
        {"input": "a"},
    ],
)
def test_what_openai_would_refuse_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        SHAPE.read("embeddings", {}, body)


def test_images_of_nothing_are_refused() -> None:
    with pytest.raises(Refused):
        SHAPE.read("images", {}, {"model": "m"})


def test_embeddings_take_no_more_of_the_tokens_a_minute_than_went_in() -> None:
    account, behaviour = Account("7"), Behaviour(tokens_per_minute=10, tokens=(8, 24))
    fates = [
        account.decide(behaviour, asked_to_embed(), limits=None, in_flight=0, now=0).refusal is None for _ in range(4)
    ]
    assert fates == [True, True, True, False]
