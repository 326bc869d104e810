import json

import httpx
import pytest

from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.wire import EmbeddingWire, WireFault
from callboard.messages.chat import user
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.limits import RateLimits
from callboard.messages.models import Model
from callboard.messages.request import Request
from callboard.messages.usage import Usage

TEXTS = EmbeddingRequest(model="x", inputs=("a", "b"), dimensions=8, task="RETRIEVAL_QUERY", extra={"title": "t"})


def test_it_is_a_wire_and_goes_by_the_name_it_is_given() -> None:
    wire: EmbeddingWire = Gemini("vertex", vertex=True)
    assert wire.name == "vertex"
    assert Gemini().name == "gemini"


def test_the_key_goes_into_the_header_that_each_of_the_two_reads() -> None:
    assert Gemini().headers("k") == {"x-goog-api-key": "k"}
    assert Gemini(vertex=True).headers("k") == {"authorization": "Bearer k"}
    assert Gemini().headers(None) == {}


@pytest.mark.parametrize(
    ("stream", "method", "accept"),
    [(False, "generateContent", "application/json"), (True, "streamGenerateContent?alt=sse", "text/event-stream")],
)
def test_the_model_and_the_stream_stand_in_the_path(stream: bool, method: str, accept: str) -> None:
    encoded = Gemini().encode(Request(model="fast", messages=(user("hi"),)), "gemini-x", stream=stream)
    assert (encoded.method, encoded.path) == ("POST", f"/models/gemini-x:{method}")
    assert encoded.headers == {"content-type": "application/json", "accept": accept}
    assert json.loads(encoded.body) == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_a_model_of_another_collection_is_named_with_it_and_cannot_leave_the_path() -> None:
    request = Request(model="x", messages=(user("hi"),))
    assert Gemini().encode(request, "tunedModels/t1", stream=False).path == "/tunedModels/t1:generateContent"
    assert Gemini().encode(request, "a?b c", stream=False).path == "/models/a%3Fb%20c:generateContent"


def test_only_a_wait_is_read_from_headers() -> None:
    assert Gemini().limits({"retry-after": "3"}) == RateLimits(retry_after=3)
    assert Gemini().limits({}) is None


def test_models_are_listed() -> None:
    encoded = Gemini().encode_models()
    assert (encoded.method, encoded.path) == ("GET", "/models?pageSize=1000")
    entry = {"name": "models/g", "displayName": "G", "inputTokenLimit": 5, "outputTokenLimit": 2}
    listed = Gemini().decode_models(json.dumps({"models": [entry, {}, 1]}).encode())
    assert listed == (Model(provider="gemini", id="g", name="G", context=5, max_output=2),)
    base = "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google"
    where = httpx.URL(base + Gemini("vertex", vertex=True).encode_models().path)
    assert str(where) == "https://aiplatform.googleapis.com/v1beta1/publishers/google/models"
    vertex = b'{"publisherModels": [{"name": "publishers/google/models/g"}]}'
    assert [model.id for model in Gemini().decode_models(vertex)] == ["g"]
    with pytest.raises(WireFault, match="no list"):
        Gemini().decode_models(b"{}")


def test_texts_are_embedded_in_one_batch() -> None:
    encoded = Gemini().encode_embeddings(TEXTS, "e")
    assert encoded.path == "/models/e:batchEmbedContents"
    one, two = json.loads(encoded.body)["requests"]
    content = {"parts": [{"text": "a"}]}
    asked = {"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8, "title": "t"}
    assert one == {"model": "models/e", "content": content} | asked
    assert two["content"] == {"parts": [{"text": "b"}]}


def test_vertex_embeds_by_predict_or_one_text_at_a_time_as_the_model_wants() -> None:
    wire = Gemini(vertex=True)
    encoded = wire.encode_embeddings(TEXTS, "gemini-embedding-001")
    assert encoded.path == "/models/gemini-embedding-001:predict"
    body = json.loads(encoded.body)
    assert body["instances"] == [{"content": text, "task_type": "RETRIEVAL_QUERY"} for text in "ab"]
    assert body["parameters"] == {"outputDimensionality": 8}
    one = EmbeddingRequest(model="x", inputs=("a",))
    assert wire.encode_embeddings(one, "gemini-embedding-2").path == "/models/gemini-embedding-2:embedContent"
    with pytest.raises(WireFault, match="more than one text"):
        wire.encode_embeddings(TEXTS, "gemini-embedding-2")


def test_vectors_are_read_from_all_three_methods() -> None:
    batch = Gemini().decode_embeddings(b'{"embeddings": [{"values": [1, 2]}, {"values": [3]}]}')
    assert (batch.vectors, batch.usage) == (((1, 2), (3,)), None)
    one = Gemini().decode_embeddings(b'{"embedding": {"values": [1]}, "usageMetadata": {"promptTokenCount": 4}}')
    assert (one.vectors, one.usage) == (((1,),), Usage(input=4))
    predicted = {"predictions": [{"embeddings": {"values": [1], "statistics": {"token_count": n}}} for n in (2, 3)]}
    many = Gemini().decode_embeddings(json.dumps(predicted).encode())
    assert (many.vectors, many.usage) == (((1,), (1,)), Usage(input=5))
    for body in (b"{}", b'{"embeddings": [{"values": "x"}]}', b"no"):
        with pytest.raises(WireFault):
            Gemini().decode_embeddings(body)
