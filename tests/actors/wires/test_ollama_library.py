import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.actors.wires.bodies import Json
from tests.actors.wires.test_decoders_fuzz import mutants, written

from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.ollama_library import PullReader
from callboard.actors.wires.wire import LibraryWire, WireFault
from callboard.messages.local_models import PullProgress, RunningModel

OLLAMA = Ollama()
LAYER = {"status": "pulling 6a0746a1ec1a", "digest": "sha256:6a07", "total": 400, "completed": 100}
PULL: list[Json] = [{"status": "pulling manifest"}, LAYER, {"status": "verifying sha256 digest"}, {"status": "success"}]
BODY = b"".join(json.dumps(line).encode() + b"\n" for line in PULL)
TAGS = {"models": [{"name": "llama3.2:latest", "model": "llama3.2:latest", "size": 9, "details": {}}, {"name": "old"}]}
RUNNING = {
    "models": [{"model": "m", "size": 9, "size_vram": 5, "expires_at": "2026-11-25T00:00:00Z", "context_length": 8}]
}
SHOWN = {
    "details": {"family": "llama", "parameter_size": "8.0B", "quantization_level": "Q4_0"},
    "model_info": {"general.architecture": "llama", "llama.context_length": 8192},
    "capabilities": ["completion", "tools"],
    "template": "…",
}


def test_it_is_a_wire_with_a_library() -> None:
    assert isinstance(OLLAMA, LibraryWire)


def test_each_goes_where_ollama_takes_it() -> None:
    asked = [
        OLLAMA.encode_running(),
        OLLAMA.encode_show("m"),
        OLLAMA.encode_pull("m"),
        OLLAMA.encode_delete("m"),
        OLLAMA.encode_models(),
    ]
    assert [(one.method, one.path) for one in asked] == [
        ("GET", "/ps"), ("POST", "/show"), ("POST", "/pull"), ("DELETE", "/delete"), ("GET", "/tags"),
    ]  # fmt: skip
    show, pull, delete = (json.loads(one.body) for one in asked[1:4])
    assert show == delete == {"model": "m"}
    assert pull == {"model": "m", "stream": True}


def test_the_models_that_there_are_are_named() -> None:
    assert [model.ref for model in OLLAMA.decode_models(written(TAGS))] == ["ollama/llama3.2:latest", "ollama/old"]
    with pytest.raises(WireFault, match="no list of models"):
        OLLAMA.decode_models(b"{}")


def test_the_models_in_memory_are_told_with_their_sizes() -> None:
    running = RunningModel(id="m", size=9, size_gpu=5, expires="2026-11-25T00:00:00Z", context=8)
    assert OLLAMA.decode_running(written(RUNNING)) == (running,)
    with pytest.raises(WireFault, match="no list of models"):
        OLLAMA.decode_running(b"{}")


def test_what_a_model_is_is_told_with_all_that_the_server_said() -> None:
    model = OLLAMA.decode_show(written(SHOWN))
    assert (model.family, model.parameters, model.quantization, model.context) == ("llama", "8.0B", "Q4_0", 8192)
    assert (model.capabilities, model.raw) == (("completion", "tools"), SHOWN)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_download_tells_how_far_it_is_however_its_bytes_are_split(size: int) -> None:
    reader = PullReader()
    told = [one for start in range(0, len(BODY), size) for one in reader.feed(BODY[start : start + size])]
    told += reader.close()
    assert [one.status for one in told] == [line["status"] for line in PULL]
    assert told[1] == PullProgress(status="pulling 6a0746a1ec1a", digest="sha256:6a07", completed=100, total=400)
    assert [one.share for one in told] == [None, 0.25, None, None]


def test_a_last_line_without_its_end_counts() -> None:
    reader = PullReader()
    reader.feed(BODY[:-1])
    assert [one.status for one in reader.close()] == ["success"]


def test_a_download_that_is_cut_is_interrupted() -> None:
    reader = PullReader()
    reader.feed(BODY[:60])
    with pytest.raises(WireFault) as failed:
        reader.close()
    assert failed.value.fault.kind == "interrupted"


def test_an_error_inside_a_download_is_its_fault() -> None:
    with pytest.raises(WireFault, match="file does not exist") as failed:
        PullReader().feed(b'{"error":"pull model manifest: file does not exist"}\n')
    assert failed.value.fault.kind == "server"


@given(seed=st.integers(0, 2**40))
@settings(max_examples=150, deadline=None)
def test_whatever_the_server_says_it_is_read_or_is_a_fault(seed: int) -> None:
    reader = PullReader()
    for step, good in ((OLLAMA.decode_running, RUNNING), (OLLAMA.decode_show, SHOWN), (OLLAMA.decode_models, TAGS)):
        try:
            step(mutants(good, seed, written))
        except WireFault as fault:
            assert fault.fault.provider == "ollama"
    try:
        for line in PULL:
            reader.feed(mutants(line, seed, written) + b"\n")
        reader.close()
    except WireFault as fault:
        assert fault.fault.provider == "ollama"
