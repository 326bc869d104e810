import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.orchestrator.batches import Batch, Batches
from callboard.messages.calls import Candidate
from callboard.messages.embedding import EmbeddingAnswer, EmbeddingBounds, EmbeddingRequest, Vector

A, B = Candidate("a", "m"), Candidate("b", "m")


def request(*inputs: str) -> EmbeddingRequest:
    return EmbeddingRequest(model="x", inputs=inputs, task="query")


def vector(text: str) -> Vector:
    return (float(len(text)), float(sum(map(ord, text))))


def answered(asked: EmbeddingRequest) -> EmbeddingAnswer:
    return EmbeddingAnswer(vectors=tuple(map(vector, asked.inputs)), model="m-1")


def test_what_fits_into_one_request_is_asked_as_it_came() -> None:
    asked = request("a", "b")
    assert Batch(asked, None).next() is asked
    assert Batch(asked, EmbeddingBounds(inputs=2, tokens=2)).next() is asked


def test_a_text_that_stands_there_twice_is_asked_once() -> None:
    batch = Batch(request("a", "b", "a"), None)
    asked = batch.next()
    assert (asked.inputs, asked.task) == (("a", "b"), "query")
    whole = batch.take(asked, answered(asked))
    assert whole is not None
    assert (whole.vectors, whole.model) == ((vector("a"), vector("b"), vector("a")), "m-1")


def test_a_fault_in_between_asks_the_same_part_again() -> None:
    batch = Batch(request("a", "b", "c"), EmbeddingBounds(inputs=2))
    first = batch.next()
    assert batch.next() == first
    assert batch.take(first, answered(first)) is None
    assert batch.next().inputs == ("c",)


def test_tokens_bound_a_request_but_one_text_always_goes() -> None:
    long = "four" * 10
    batch = Batch(request(long, "four", "more", long), EmbeddingBounds(inputs=9, tokens=3))
    parts = []
    answer = None
    while answer is None:
        asked = batch.next()
        parts.append(asked.inputs)
        answer = batch.take(asked, answered(asked))
    assert parts == [(long,), ("four", "more")]


def test_vectors_that_are_known_beforehand_are_not_asked() -> None:
    batch = Batch(request("a", "b", "c"), None)
    batch.lay_in({"b": (9.0,)})
    asked = batch.next()
    assert asked.inputs == ("a", "c")
    whole = batch.take(asked, answered(asked))
    assert whole is not None
    assert whole.vectors == (vector("a"), (9.0,), vector("c"))


def test_an_answer_of_another_length_is_refused_and_not_laid_in() -> None:
    batch = Batch(request("a", "b"), None)
    with pytest.raises(ValueError, match="shorter"):
        batch.take(request("a", "b"), EmbeddingAnswer(vectors=((1.0,),)))
    assert batch.next().inputs == ("a", "b")


def test_each_candidate_has_a_batch_and_bounds_of_its_own() -> None:
    batches = Batches(request("a", "b"), lambda candidate: EmbeddingBounds(inputs=1) if candidate == A else None)
    part = batches.at(A).next()
    batches.at(A).take(part, answered(part))
    assert batches.at(A).next().inputs == ("b",)
    assert batches.at(B).next().inputs == ("a", "b")


@given(
    st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=40),
    st.integers(1, 5),
    st.one_of(st.none(), st.integers(1, 8)),
)
def test_parts_joined_are_the_vectors_of_the_inputs_in_their_order(
    texts: list[str], most: int, tokens: int | None
) -> None:
    batch = Batch(request(*texts), EmbeddingBounds(inputs=most, tokens=tokens))
    seen: list[str] = []
    answer = None
    while answer is None:
        asked = batch.next()
        assert 1 <= len(asked.inputs) <= most
        seen.extend(asked.inputs)
        answer = batch.take(asked, answered(asked))
    assert answer.vectors == tuple(map(vector, texts))
    assert len(seen) == len(set(texts))
