import json
from typing import Any

import pytest

from callboard.actors.wires.gemini_embed import bounds, decode_embeddings, encode_embeddings
from callboard.actors.wires.wire import WireFault
from callboard.messages.embedding import EmbeddingRequest
from callboard.messages.faults import FaultKind
from callboard.messages.usage import Usage

TASK = "RETRIEVAL_QUERY"


def asked(model: str, *texts: str, vertex: bool, **more: Any) -> tuple[str, Any]:
    request = EmbeddingRequest(model="m", inputs=texts, **more)
    return encode_embeddings(request, model, provider="gemini", vertex=vertex)


def read(body: dict[str, Any]) -> Any:
    return decode_embeddings(json.dumps(body).encode(), "gemini")


def test_gemini_takes_many_texts_each_with_its_model() -> None:
    method, body = asked("e", "a", "b", vertex=False, task=TASK, dimensions=8, extra={"title": "t"})
    each = {"model": "models/e", "taskType": TASK, "outputDimensionality": 8, "title": "t"}
    assert method == "batchEmbedContents"
    assert body == {"requests": [each | {"content": {"parts": [{"text": text}]}} for text in "ab"]}
    assert asked("tunedModels/e", "a", vertex=False)[1]["requests"][0]["model"] == "tunedModels/e"


def test_vertex_takes_many_by_predict() -> None:
    assert asked("text-embedding-005", "a", "b", vertex=True, task=TASK, dimensions=8) == (
        "predict",
        {
            "instances": [{"content": text, "task_type": TASK} for text in "ab"],
            "parameters": {"outputDimensionality": 8},
        },
    )
    assert asked("gemini-embedding-001", "a", vertex=True) == ("predict", {"instances": [{"content": "a"}]})


def test_vertexs_newer_models_take_one_text_at_a_time() -> None:
    assert asked("gemini-embedding-2", "a", vertex=True) == ("embedContent", {"content": {"parts": [{"text": "a"}]}})
    with pytest.raises(WireFault) as caught:
        asked("gemini-embedding-2", "a", "b", vertex=True)
    assert caught.value.fault.kind is FaultKind.UNSUPPORTED
    limits = [bounds(model, vertex=True) for model in ("text-embedding-005", "gemini-embedding-2")]
    assert [(one.inputs, one.tokens) for one in limits] == [(250, 20_000), (1, None)]
    assert bounds("gemini-embedding-001", vertex=False).inputs == 100


@pytest.mark.parametrize(
    ("body", "vectors", "usage"),
    [
        ({"embeddings": [{"values": [1, 2]}, {"values": [3]}]}, ((1, 2), (3,)), None),
        ({"embedding": {"values": [1]}, "usageMetadata": {"promptTokenCount": 7}}, ((1,),), Usage(input=7)),
        (
            {"predictions": [{"embeddings": {"values": [1], "statistics": {"token_count": n}}} for n in (2, 3)]},
            ((1,), (1,)),
            Usage(input=5),
        ),
        ({"predictions": [{"embeddings": {"values": [1], "statistics": None}}]}, ((1,),), None),
    ],
)
def test_all_three_shapes_of_reply_are_read(body: dict[str, Any], vectors: Any, usage: Usage | None) -> None:
    answer = read(body)
    assert (answer.vectors, answer.usage) == (vectors, usage)


@pytest.mark.parametrize("body", [{}, {"embeddings": []}, {"embeddings": [{"values": "x"}]}, {"predictions": None}])
def test_a_reply_without_vectors_is_malformed(body: dict[str, Any]) -> None:
    with pytest.raises(WireFault) as caught:
        read(body)
    assert caught.value.fault.kind is FaultKind.MALFORMED_REPLY
