import json

import pytest

from callboard.actors.wires.cohere import Cohere
from callboard.actors.wires.wire import WireFault
from callboard.messages.faults import FaultKind
from callboard.messages.reranking import Ranked, RerankAnswer, RerankRequest
from callboard.messages.usage import Usage

WIRE = Cohere()


def test_the_request_holds_what_was_asked() -> None:
    request = RerankRequest(model="x", query="q", documents=("a", "b"), top=1, extra={"max_tokens_per_doc": 9})
    encoded = WIRE.encode_rerank(request, "rerank-v3.5")
    assert (encoded.method, encoded.path) == ("POST", "/rerank")
    assert json.loads(encoded.body) == {
        "model": "rerank-v3.5",
        "query": "q",
        "documents": ["a", "b"],
        "top_n": 1,
        "max_tokens_per_doc": 9,
    }


def test_the_reply_keeps_order_scores_and_what_is_billed() -> None:
    body = {
        "id": "i",
        "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
    }
    assert WIRE.decode_rerank(json.dumps(body).encode()) == RerankAnswer(
        results=(Ranked(index=1, score=0.9), Ranked(index=0, score=0.1)), search_units=1.0, id="i"
    )


@pytest.mark.parametrize("units", ["9" * 3000, "1e300", "-1", '"many"', "null"])
def test_a_number_of_units_that_is_none_costs_no_reply(units: str) -> None:
    body = f'{{"results": [], "meta": {{"billed_units": {{"search_units": {units}}}}}}}'
    assert WIRE.decode_rerank(body.encode()).search_units is None


def test_tokens_are_counted_where_they_are_told() -> None:
    body = {"results": [], "meta": {"tokens": {"input_tokens": 7, "output_tokens": 0}}}
    assert WIRE.decode_rerank(json.dumps(body).encode()).usage == Usage(input=7)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"results": [{"index": "1", "relevance_score": 1}]}'])
def test_a_reply_that_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(WireFault) as caught:
        WIRE.decode_rerank(body)
    assert caught.value.fault.kind is FaultKind.MALFORMED_REPLY
