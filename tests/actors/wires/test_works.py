import msgspec
import pytest

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.gemini import Gemini
from callboard.actors.wires.ollama import Ollama
from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.wire import EmbeddingWire, Wire, WireFault
from callboard.actors.wires.works import decode, encode
from callboard.messages.chat import user
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingRequest
from callboard.messages.faults import FaultKind
from callboard.messages.images import ImageRequest
from callboard.messages.request import Request, Work
from callboard.messages.reranking import RerankAnswer, RerankRequest

CHAT = Request(model="x", messages=(user("Why?"),))
EMBED = EmbeddingRequest(model="x", inputs=("sesame", "b"))
RERANK = RerankRequest(model="x", query="sesame", documents=("a", "b", "c"))
DRAW = ImageRequest(model="x", prompt="sesame")


@pytest.mark.parametrize(
    ("wire", "work", "path"),
    [
        (OpenAIChat(), CHAT, "/chat/completions"),
        (OpenAIChat(), EMBED, "/embeddings"),
        (Cohere(), EMBED, "/embed"),
        (Cohere(), RERANK, "/rerank"),
        (OpenAIChat(), DRAW, "/images/generations"),
    ],
)
def test_each_kind_of_work_goes_where_the_wire_takes_it(wire: Wire, work: Work, path: str) -> None:
    encoded = encode(wire, work, "m", stream=False)
    assert (encoded.method, encoded.path) == ("POST", path)
    assert msgspec.json.decode(encoded.body)["model"] == "m"


@pytest.mark.parametrize(
    ("wire", "work"),
    [(AnthropicMessages(), EMBED), (OpenAIChat(), RERANK), (Cohere(), DRAW), (AnthropicMessages(), DRAW)],
)
def test_what_a_wire_cannot_do_is_said_before_anything_is_sent(wire: Wire, work: Work) -> None:
    for attempt in (lambda: encode(wire, work, "m", stream=False), lambda: decode(wire, work, b"{}")):
        with pytest.raises(WireFault) as caught:
            attempt()
        assert caught.value.fault.kind is FaultKind.UNSUPPORTED
        assert wire.name in caught.value.fault.message
        assert "sesame" not in caught.value.fault.message


@pytest.mark.parametrize(
    ("wire", "inputs", "tokens"),
    [(OpenAIChat(), 512, 150_000), (Cohere(), 96, None), (Gemini(), 100, None), (Ollama(), 512, None)],
)
def test_each_wire_says_how_much_one_request_for_embeddings_holds(
    wire: EmbeddingWire, inputs: int, tokens: int | None
) -> None:
    bounds = wire.embedding_bounds("m")
    assert (bounds.inputs, bounds.tokens) == (inputs, tokens)


@pytest.mark.parametrize(
    ("model", "inputs"), [("text-embedding-005", 250), ("gemini-embedding-001", 1), ("gemini-embedding-2", 1)]
)
def test_vertex_bounds_depend_on_the_model(model: str, inputs: int) -> None:
    assert Gemini(vertex=True).embedding_bounds(model).inputs == inputs


def vectors(*found: list[float]) -> bytes:
    data = [{"embedding": vector, "index": index} for index, vector in enumerate(found)]
    return msgspec.json.encode({"data": data})


@pytest.mark.parametrize("body", [vectors([1.0]), vectors([1.0], [2.0], [3.0]), vectors([1.0], [])])
def test_every_input_has_its_vector_or_the_reply_is_malformed(body: bytes) -> None:
    decode(OpenAIChat(), EMBED, vectors([1.0], [2.0]))
    with pytest.raises(WireFault) as caught:
        decode(OpenAIChat(), EMBED, body)
    assert caught.value.fault.kind is FaultKind.MALFORMED_REPLY


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (OpenAIChat(), vectors([1.0, 2.0], [3.0])),
        (Cohere(), b'{"embeddings":{"float":[[1,2],[3]]}}'),
        (Gemini(), b'{"embeddings":[{"values":[1,2]},{"values":[3]}]}'),
        (Ollama(), b'{"embeddings":[[1,2],[3]]}'),
    ],
)
def test_vectors_of_different_lengths_are_malformed(wire: Wire, body: bytes) -> None:
    with pytest.raises(WireFault, match="different lengths") as caught:
        decode(wire, EMBED, body)
    assert caught.value.fault.kind is FaultKind.MALFORMED_REPLY


def test_numbers_that_are_finite_and_their_sum_is_not_are_kept() -> None:
    assert isinstance(decode(OpenAIChat(), EMBED, vectors([1e308, 1e308], [0.0, 1.0])), EmbeddingAnswer)


def ranking(*places: int, scores: tuple[float, ...] = (0.5,) * 9) -> bytes:
    results = [{"index": place, "relevance_score": score} for place, score in zip(places, scores, strict=False)]
    return msgspec.json.encode({"results": results})


def ranked(work: RerankRequest, body: bytes) -> list[tuple[int, float]]:
    answer = decode(Cohere(), work, body)
    assert isinstance(answer, RerankAnswer)
    return [(one.index, one.score) for one in answer.results]


@pytest.mark.parametrize("places", [[3, 0, 1], [-1, 0, 1], [0, 0, 1]])
def test_a_ranking_of_documents_that_were_not_sent_is_malformed(places: list[int]) -> None:
    with pytest.raises(WireFault, match="not sent, or one twice") as caught:
        decode(Cohere(), RERANK, ranking(*places))
    assert caught.value.fault.kind is FaultKind.MALFORMED_REPLY


def test_the_best_documents_come_first_whatever_order_the_server_has() -> None:
    assert ranked(RERANK, ranking(2, 0, 1, scores=(0.1, 0.9, 0.1))) == [(0, 0.9), (2, 0.1), (1, 0.1)]


@pytest.mark.parametrize(("top", "wanted"), [(1, [1]), (2, [1, 2]), (7, [1, 2, 0])])
def test_no_more_documents_come_than_were_asked_for(top: int, wanted: list[int]) -> None:
    work = msgspec.structs.replace(RERANK, top=top)
    assert [place for place, _ in ranked(work, ranking(0, 1, 2, scores=(0.1, 0.9, 0.3)))] == wanted


@pytest.mark.parametrize(("top", "places"), [(None, [0, 1]), (None, []), (2, [1]), (7, [0, 1])])
def test_a_ranking_of_fewer_documents_than_were_asked_for_is_malformed(top: int | None, places: list[int]) -> None:
    work = msgspec.structs.replace(RERANK, top=top)
    with pytest.raises(WireFault, match=f"names {len(places)} documents of {min(top or 3, 3)}") as caught:
        decode(Cohere(), work, ranking(*places))
    assert caught.value.fault.kind is FaultKind.MALFORMED_REPLY


def test_members_of_the_callers_own_may_ask_for_fewer_documents() -> None:
    assert ranked(msgspec.structs.replace(RERANK, extra={"top_n": 1}), ranking(2)) == [(2, 0.5)]


@pytest.mark.parametrize(
    ("wire", "before", "after"),
    [
        (OpenAIChat(), '{"data":[{"embedding":', "}]}"),
        (Cohere(), '{"embeddings":{"float":[', "]}}"),
        (Gemini(), '{"embeddings":[{"values":', "}]}"),
        (Ollama(), '{"embeddings":[', "]}"),
    ],
)
def test_more_numbers_are_read_than_other_values(wire: Wire, before: str, after: str) -> None:
    numbers = 2_000_000
    body = f"{before}[{'0,' * (numbers - 1)}0]{after}".encode()
    answer = decode(wire, EmbeddingRequest(model="x", inputs=("a",)), body)
    assert isinstance(answer, EmbeddingAnswer)
    assert len(answer.vectors[0]) == numbers
