import json

import pytest

from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.wire import WireFault
from callboard.messages.embedding import EmbeddingRequest

WIRE = Ollama()


def test_only_the_cloud_wants_a_credential() -> None:
    assert WIRE.headers(None) == {}
    assert WIRE.headers("k") == {"authorization": "Bearer k"}


def test_a_model_is_named_by_its_tag_and_an_entry_without_a_name_is_passed_over() -> None:
    body = b'{"models": [{"name": "a", "model": "a:latest"}, {"name": "b"}, {"size": 5}, 7]}'
    assert [model.id for model in WIRE.decode_models(body)] == ["a:latest", "b"]


def test_embeddings_are_asked_for_all_at_once() -> None:
    encoded = WIRE.encode_embeddings(EmbeddingRequest(model="m", inputs=("a", "b"), extra={"truncate": False}), "m")
    assert encoded.path == "/embed"
    assert json.loads(encoded.body) == {"model": "m", "input": ["a", "b"], "truncate": False}


def test_a_task_for_embeddings_is_refused() -> None:
    with pytest.raises(WireFault, match="a task for embeddings"):
        WIRE.encode_embeddings(EmbeddingRequest(model="m", inputs=("a",), task="search"), "m")


def test_embeddings_without_a_count_have_no_usage() -> None:
    assert WIRE.decode_embeddings(b'{"embeddings": [[1, 0.5]]}').usage is None
    counted = WIRE.decode_embeddings(b'{"embeddings": [[1, 0.5]], "prompt_eval_count": 4, "model": "m"}')
    assert counted.usage is not None
    assert (counted.usage.input, counted.model, [list(one) for one in counted.vectors]) == (4, "m", [[1, 0.5]])


def test_a_proxy_may_ask_to_wait() -> None:
    assert WIRE.limits({}) is None
    limits = WIRE.limits({"retry-after": "3"})
    assert limits is not None
    assert limits.retry_after == 3
