import json

import pytest

from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.wire import WireFault
from callboard.messages.embedding import EmbeddingRequest

WIRE = Cohere()


def test_cohere_is_told_what_the_vectors_are_for() -> None:
    request = EmbeddingRequest(model="m", inputs=("a",), dimensions=256, extra={"truncate": "END"})
    encoded = WIRE.encode_embeddings(request, "m")
    assert encoded.path == "/embed"
    assert json.loads(encoded.body) == {
        "model": "m", "texts": ["a"], "input_type": "search_document", "embedding_types": ["float"],
        "output_dimension": 256, "truncate": "END",
    }  # fmt: skip
    asked = EmbeddingRequest(model="m", inputs=("a",), task="search_query")
    assert json.loads(WIRE.encode_embeddings(asked, "m").body)["input_type"] == "search_query"


def test_more_texts_than_cohere_takes_are_refused() -> None:
    with pytest.raises(WireFault, match="more than 96 texts") as refused:
        WIRE.encode_embeddings(EmbeddingRequest(model="m", inputs=("a",) * 97), "m")
    assert refused.value.fault.kind == "unsupported"


@pytest.mark.parametrize(
    "embeddings", [[[1.0, 0.5]], {"float": [[1.0, 0.5]]}, {"int8": [[1, 0.5]], "later": [[9]]}], ids=str
)
def test_vectors_are_found_by_whatever_type_they_have(embeddings: object) -> None:
    answer = WIRE.decode_embeddings(json.dumps({"embeddings": embeddings}).encode())
    assert [list(vector) for vector in answer.vectors] == [[1.0, 0.5]]
    assert answer.usage is None


def test_texts_and_pictures_count() -> None:
    meta = {"billed_units": {"input_tokens": 3, "image_tokens": 4}}
    answer = WIRE.decode_embeddings(json.dumps({"embeddings": [[1]], "meta": meta}).encode())
    assert answer.usage is not None
    assert answer.usage.input == 7


@pytest.mark.parametrize("body", [b"{}", b'{"embeddings": {}}', b'{"embeddings": [["x"]]}', b'{"embeddings": 5}'])
def test_a_reply_without_vectors_is_malformed(body: bytes) -> None:
    with pytest.raises(WireFault) as failed:
        WIRE.decode_embeddings(body)
    assert failed.value.fault.kind == "malformed_reply"
