"""Reranking through the whole runtime, against a server on loopback that answers as Cohere does."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import trio

import callboard
from callboard.testing import Behaviour
from callboard.testing.asked import Asked, Kind, digest, text_of
from callboard.testing.openai import OpenAIShape
from callboard.testing.said import Said
from callboard.testing.shape import Stamp

Opening = Callable[..., AbstractAsyncContextManager[Any]]
DELTA = "delta/sim-small"
KEPT = {"cache": "use"}
DOCUMENTS = ["rain", "the weather", "a theatre at night"]


class Reranker(OpenAIShape):
    """Documents in the order of their lengths, the longest first."""

    def kind(self, method: str, path: str) -> Kind | None:
        return "embeddings" if (method, path) == ("POST", "/v1/rerank") else None

    def read(self, kind: Kind, headers: Mapping[str, str], body: dict[str, Any]) -> Asked:
        model, name = text_of(body, "model"), digest(body)
        lengths = [len(document) for document in body["documents"]]
        order = sorted(range(len(lengths)), key=lambda place: -lengths[place])[: body.get("top_n")]
        ranked = tuple(f"{place}:{lengths[place]}" for place in order)
        return Asked(kind="embeddings", digest=name, model=model, input_tokens=sum(lengths), inputs=ranked)

    def reply(self, asked: Asked, said: Said, stamp: Stamp) -> bytes:
        results = [
            {"index": int(place), "relevance_score": int(length) / 100}
            for place, length in (ranked.split(":") for ranked in asked.inputs)
        ]
        meta = {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": said.input_tokens, "output_tokens": 0}}
        return msgspec.json.encode({"id": stamp.id, "results": results, "meta": meta})


def opened(world: Opening, **behaviours: Behaviour) -> AbstractAsyncContextManager[Any]:
    return world(behaviours or {"delta": Behaviour()}, shapes={"delta": ("cohere", Reranker())})


async def test_a_ranking_is_kept_only_where_the_call_says_so(autojump_clock: object, world: Opening) -> None:
    async with opened(world) as w:
        ranked = [await w.board.rerank("What?", DOCUMENTS, model=DELTA, **use) for use in ({}, {}, KEPT, KEPT)]
        assert [reply.cached for reply in ranked] == [False, False, False, True]


async def test_the_best_come_first_and_the_reply_tells_what_it_cost(autojump_clock: object, world: Opening) -> None:
    async with opened(world, delta=Behaviour(latency=(0.5, 0.5))) as w:
        reply = await w.board.rerank("What is on?", DOCUMENTS, model=DELTA, top=2, tag="search")
        assert [(one.index, one.score) for one in reply.results] == [(2, 0.18), (1, 0.11)]
        assert (reply.provider, reply.search_units) == ("delta", 1)
        assert reply.usage == w["delta"].log[0].usage
        assert reply.cost == Decimal(reply.usage.input) / 1_000_000
        assert 0.5 <= reply.duration < 1
        await w.board.flush()
        [row] = w.board.usage().models
        assert (row.attempts, row.usage, row.cost) == (1, reply.usage, reply.cost)
        assert w.board.usage().calls[0].tag == "search"


async def test_a_provider_that_ranks_nothing_is_passed_over_before_anything_is_sent(
    autojump_clock: object, world: Opening
) -> None:
    async with opened(world, alpha=Behaviour(), delta=Behaviour()) as w:
        reply = await w.board.rerank("What is on?", DOCUMENTS, model="any", attempts=1)
        assert len(reply.results) == 3
        assert [one.fault and one.fault.kind for one in reply.attempts] == [callboard.FaultKind.UNSUPPORTED, None]
        assert w["alpha"].log == ()


async def test_a_server_that_fails_is_asked_once_more(autojump_clock: object, world: Opening) -> None:
    async with opened(world) as w:
        w["delta"].upcoming.append(Behaviour(malformed_rate=1))
        reply = await w.board.rerank("What is on?", DOCUMENTS, model=DELTA)
        assert [one.outcome for one in reply.attempts] == ["fault", "ok"]


async def test_leaving_closes_the_connection_at_once(autojump_clock: object, world: Opening) -> None:
    async with opened(world, delta=Behaviour(latency=(5, 5))) as w:
        with trio.move_on_after(1):
            await w.board.rerank("What is on?", DOCUMENTS, model=DELTA)
        await trio.sleep(0.1)
        assert (w["delta"].log[0].outcome, w.in_flight()) == ("client_gone", {})


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"query": ""}, "query"),
        ({"query": 7}, "query"),
        ({"documents": []}, "documents"),
        ({"documents": "one string"}, "documents"),
        ({"documents": ["a", None]}, r"documents\[1\]"),
        ({"top": 0}, "top"),
        ({"model": "delta/"}, "model"),
    ],
)
async def test_a_mistake_never_leaves_the_process(
    autojump_clock: object, world: Opening, wrong: dict[str, Any], field: str
) -> None:
    async with opened(world) as w:
        with pytest.raises(callboard.InvalidRequest, match=f"^{field}"):
            await w.board.rerank(**({"query": "q", "documents": ["a"], "model": DELTA} | wrong))
        assert w["delta"].log == ()
