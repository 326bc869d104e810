import base64
import json
import struct
from typing import Any

import pytest

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.wire import EmbeddingWire, WireFault
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingRequest
from callboard.messages.usage import Usage

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


@pytest.mark.parametrize("numbers", [(3, -30, 127, -30), (1, 2, 3), (0, 0, -128, 0x7F)])
def test_eight_bit_integers_are_told_from_floats(numbers: tuple[int, ...]) -> None:
    text = base64.b64encode(struct.pack(f"{len(numbers)}b", *numbers)).decode()
    assert OpenAIChat().decode_embeddings(reply({"embedding": text})).vectors == (numbers,)


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
