import base64
import json
import math
import struct
from decimal import Decimal
from typing import Any

import pytest

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.presets import PRESETS
from callboard.actors.wires.wire import EmbeddingWire, WireFault
from callboard.actors.wires.works import decode
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingRequest
from callboard.messages.usage import Bill, Usage

HALF = base64.b64encode(struct.pack("<2f", 0.5, -2.0)).decode()


def reply(*data: dict[str, Any], **members: Any) -> bytes:
    return json.dumps({"data": list(data), **members}).encode()


def test_the_chat_wire_embeds() -> None:
    wire: EmbeddingWire = OpenAIChat()
    encoded = wire.encode_embeddings(EmbeddingRequest(model="fast", inputs=("a", "b")), "e")
    assert (encoded.method, encoded.path, encoded.headers["accept"]) == ("POST", "/embeddings", "application/json")
    assert json.loads(encoded.body) == {"model": "e", "input": ["a", "b"]}


def test_a_task_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(WireFault) as caught:
        OpenAIChat().encode_embeddings(EmbeddingRequest(model="m", inputs=("a",), task="search_query"), "m")
    assert caught.value.fault.kind == "unsupported"


def test_numbers_and_base64_give_the_same_vectors_in_the_order_of_the_inputs() -> None:
    body = reply(
        {"index": 1, "embedding": HALF},
        {"index": 0, "embedding": [0.25, 1]},
        usage={"prompt_tokens": 3, "total_tokens": 3},
    )
    expected = EmbeddingAnswer(vectors=((0.25, 1.0), (0.5, -2.0)), usage=Usage(input=3))
    assert OpenAIChat().decode_embeddings(body) == expected


def test_vectors_without_an_index_keep_their_places() -> None:
    found = OpenAIChat().decode_embeddings(reply({"embedding": [2.0]}, {"embedding": [1.0]}))
    assert found == EmbeddingAnswer(vectors=((2.0,), (1.0,)))


def floats(*numbers: float) -> dict[str, Any]:
    return {"embedding": base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()}


def integers(*numbers: int) -> dict[str, Any]:
    return {"embedding": base64.b64encode(struct.pack(f"{len(numbers)}b", *numbers)).decode()}


@pytest.mark.parametrize("found", [[(3, -30, 127, -30)], [(1, 2, 3)], [(3, -30, 127, -30), (1, 1, 1, -30)]])
def test_eight_bit_integers_are_told_from_floats(found: list[tuple[int, ...]]) -> None:
    answer = OpenAIChat().decode_embeddings(reply(*(integers(*numbers) for numbers in found)))
    assert answer.vectors == tuple(found)


@pytest.mark.parametrize(
    "broken", [(0.5, math.inf), (-math.inf, 0.5), (math.nan, 0.5), (0.5, math.nan), (math.nan,) * 2]
)
@pytest.mark.parametrize("others", [0, 1])
def test_a_vector_with_a_number_that_is_not_finite_is_malformed_and_not_taken_for_integers(
    broken: tuple[float, ...], others: int
) -> None:
    request = EmbeddingRequest(model="m", inputs=("a",) * (others + 1))
    with pytest.raises(WireFault, match="not finite") as caught:
        decode(OpenAIChat(), request, reply(*[floats(0.5, 0.5)] * others, floats(*broken)))
    assert caught.value.fault.kind == "malformed_reply"


@pytest.mark.parametrize("other", [floats(0.5), {"embedding": [0.5]}])
def test_a_reply_of_integers_and_floats_is_malformed(other: dict[str, Any]) -> None:
    with pytest.raises(WireFault, match="32-bit floats and others are not"):
        OpenAIChat().decode_embeddings(reply(other, integers(3, -30, 127, -30)))


@pytest.mark.parametrize("places", [(0, 0), (1, 2), (-1, 0), (1, None), (None, 0), (0, 7)])
def test_vectors_that_are_not_numbered_as_the_inputs_are_malformed(places: tuple[int | None, ...]) -> None:
    with pytest.raises(WireFault, match="2 vectors are not numbered from 0 on") as caught:
        OpenAIChat().decode_embeddings(reply(*({"embedding": [1.0], "index": place} for place in places)))
    assert caught.value.fault.kind == "malformed_reply"


@pytest.mark.parametrize(
    ("places", "order"), [((None, 1), (0, 1)), ((None, 2, 1), (0, 2, 1)), ((None, None), (0, 1)), ((1, 0), (1, 0))]
)
def test_a_vector_without_a_number_has_that_of_its_place_for_google_leaves_out_a_0(
    places: tuple[int | None, ...], order: tuple[int, ...]
) -> None:
    told = ({"embedding": [float(n)], "index": place} for n, place in enumerate(places))
    assert OpenAIChat().decode_embeddings(reply(*told)).vectors == tuple((float(n),) for n in order)


def test_openrouters_cost_of_vectors_is_the_bill() -> None:
    wire = OpenAIChat("openrouter", quirks=PRESETS["openrouter"].quirks)
    body = {"data": [{"embedding": [1.0]}], "usage": {"prompt_tokens": 7, "cost": 0.02}}
    assert wire.decode_embeddings(json.dumps(body).encode()).bill == Bill(cost=Decimal("0.02"))


@pytest.mark.parametrize(
    "body",
    [b"", b"7", b"{}", b'{"data": [{}]}', b'{"data": [{"embedding": ["x"]}]}', b'{"data": [{"embedding": "*"}]}'],
)
def test_a_reply_without_vectors_is_malformed(body: bytes) -> None:
    with pytest.raises(WireFault) as caught:
        OpenAIChat().decode_embeddings(body)
    assert caught.value.fault.kind == "malformed_reply"


def test_an_error_in_the_reply_is_told() -> None:
    with pytest.raises(WireFault) as caught:
        OpenAIChat().decode_embeddings(b'{"error": {"code": "model_not_found", "message": "no"}}')
    assert caught.value.fault.kind == "not_found"
