import base64
import json
import struct
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.wire import EmbeddingWire, WireFault
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingRequest
from callboard.messages.usage import Usage

Record = dict[str, Any]
Recorded = Callable[[str, str], list[Record]]

FAMILIES = ("openai", "azure", "openrouter", "mistral", "compat_other")
NAMED = ("model", "input", "dimensions", "user")
HALF = base64.b64encode(struct.pack("<2f", 0.5, -2.0)).decode()


def reply(*data: dict[str, Any], **members: Any) -> bytes:
    return json.dumps({"data": list(data), **members}).encode()


def by_hand(embedding: Any) -> tuple[float, ...]:
    if isinstance(embedding, list):
        return tuple(embedding)
    return tuple(value for (value,) in struct.iter_unpack("<f", base64.b64decode(embedding)))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_recorded_embedding_reads_the_same_as_by_hand(family: str, recorded: Recorded) -> None:
    seen = 0
    for record in recorded(family, "embed"):
        if record["response"]["status"] != 200:
            continue
        body = json.loads(record["response"]["body"])
        found = OpenAIChat(family).decode_embeddings(record["response"]["body"].encode())
        if "embeddings" not in record["unsure"]:
            assert found.vectors == tuple(by_hand(vector["embedding"]) for vector in body["data"]), record["id"]
        assert found.usage == Usage(input=body["usage"]["prompt_tokens"])
        assert found.model == body["model"]
        seen += 1
    assert seen


def test_every_recorded_refusal_to_embed_is_told_by_its_status(recorded: Recorded) -> None:
    kinds = {401: "unauthorized", 404: "not_found"}
    refusals = [one["response"] for family in FAMILIES for one in recorded(family, "embed")]
    refusals = [response for response in refusals if response["status"] != 200]
    for response in refusals:
        fault = OpenAIChat().fault(response["status"], httpx.Headers(response["headers"]), response["body"].encode())
        assert fault.kind == kinds[response["status"]]
    assert len(refusals) == 2


@pytest.mark.parametrize("family", FAMILIES)
def test_every_recorded_request_for_embeddings_is_sent_again_as_it_came(family: str, recorded: Recorded) -> None:
    for record in recorded(family, "embed"):
        body = record["request"]["body"]
        if not body:
            continue
        inputs = (body["input"],) if isinstance(body["input"], str) else tuple(body["input"])
        extra = {name: value for name, value in body.items() if name not in NAMED}
        request = EmbeddingRequest(
            model="m", inputs=inputs, dimensions=body.get("dimensions"), user=body.get("user"), extra=extra or None
        )
        sent = json.loads(OpenAIChat(family).encode_embeddings(request, body["model"]).body)
        assert sent == body | {"input": list(inputs)}, record["id"]


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
