"""Embeddings through the whole runtime: the life of a call is that of a conversation's."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trio

import callboard
from callboard.sections import LimitConfig, StoreConfig
from callboard.testing import Behaviour
from callboard.testing.checkpoints import Cut, cancel_everywhere

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"
BREAKS = Behaviour(error_rate=1, error_statuses=(500,))


async def test_each_text_has_its_vector_and_the_reply_tells_what_it_cost(
    autojump_clock: object, world: Opening
) -> None:
    async with world({"alpha": Behaviour(latency=(0.5, 0.5))}) as w:
        reply = await w.board.embed(["one", "two", "one"], model=ALPHA, dimensions=4, metadata={"ticket": "7"})
        first, second, third = reply.vectors
        assert first == third != second
        assert {len(vector) for vector in reply.vectors} == {4}
        billed = w["alpha"].log[0].usage
        assert reply.usage == billed
        assert reply.cost == Decimal(billed.input) / 1_000_000
        assert (reply.provider, reply.model, reply.metadata) == ("alpha", "sim-small", {"ticket": "7"})
        assert (reply.cached, reply.estimated, len(reply.attempts)) == (False, False, 1)
        assert 0.5 <= reply.duration < 1


async def test_one_text_has_the_vector_that_it_has_among_others(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        alone = await w.board.embed("two", model=ALPHA)
        among = await w.board.embed(("one", "two"), model=ALPHA)
        assert alone.vectors == among.vectors[1:]


async def test_the_ledger_keeps_attempt_and_call(autojump_clock: object, world: Opening, tmp_path: Path) -> None:
    async with world({"alpha": Behaviour()}, store=StoreConfig(path=str(tmp_path), durability="strict")) as w:
        reply = await w.board.embed("one", model=ALPHA, tag="index", user="ann")
        assert reply.recorded == "acknowledged"
        report = w.board.usage()
        [row] = report.models
        assert (row.provider, row.model, row.attempts, row.usage) == ("alpha", "sim-small", 1, reply.usage)
        assert row.cost == reply.cost
        [call] = report.calls
        assert (call.tag, call.user, call.calls, call.ok, call.cost) == ("index", "ann", 1, 1, reply.cost)


async def test_another_provider_takes_over_from_one_that_fails(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": BREAKS, "gamma": Behaviour()}) as w:
        reply = await w.board.embed("one", model="any")
        assert [(one.provider, one.outcome) for one in reply.attempts] == [
            ("alpha", "fault"),
            ("alpha", "fault"),
            ("gamma", "ok"),
        ]


async def test_a_provider_that_cannot_embed_is_passed_over_before_anything_is_sent(
    autojump_clock: object, world: Opening
) -> None:
    async with world({"beta": Behaviour(), "alpha": Behaviour()}) as w:
        reply = await w.board.embed("one", model="any", attempts=1)
        first, second = reply.attempts
        assert first.fault.kind is callboard.FaultKind.UNSUPPORTED
        assert (first.provider, first.id, second.outcome) == ("beta", None, "ok")
        assert w["beta"].log == ()


async def test_alone_such_a_provider_is_a_clear_fault_and_opens_no_circuit(
    autojump_clock: object, world: Opening
) -> None:
    async with world() as w:
        for _ in range(6):
            with pytest.raises(callboard.CallError, match="does not take texts to embed") as caught:
                await w.board.embed("one", model="beta/sim-small")
            assert caught.value.fault.kind is callboard.FaultKind.UNSUPPORTED
        assert (w["beta"].log, w.moves, w.board.usage().cost) == ((), [], 0)


async def test_a_provider_that_keeps_failing_opens_its_circuit(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": BREAKS}) as w:
        for _ in range(2):
            with pytest.raises(callboard.CallError):
                await w.board.embed("one", model=ALPHA, attempts=3)
        assert w.moves[0] == ("alpha", "endpoint sim-small", "closed", "open")
        with pytest.raises(callboard.Unavailable):
            await w.board.embed("one", model=ALPHA)


async def test_the_callers_time_ends_it(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(latency=(5, 5))}) as w:
        began = trio.current_time()
        with pytest.raises(callboard.DeadlineExceeded):
            await w.board.embed("one", model=ALPHA, timeout=2)
        assert trio.current_time() - began == pytest.approx(2, abs=0.01)
        await trio.sleep(1)
        assert (w["alpha"].log[0].outcome, w.in_flight(), w.moves) == ("client_gone", {}, [])
        [row] = w.board.usage().models
        assert (row.attempts, row.estimated, row.usage) == (1, 1, callboard.Usage(input=1))


def test_it_can_be_cancelled_anywhere(world: Opening) -> None:
    async def scenario(cut: Cut) -> None:
        async with world({"alpha": Behaviour(latency=(1, 1))}, limits=LimitConfig(concurrency=1)) as w:
            with cut.scope():
                await w.board.embed("one", model=ALPHA)
            await trio.sleep(30)
            assert w.in_flight() == {}
            assert w["alpha"].statistics().in_flight == 0
            assert (await w.board.embed("two", model=ALPHA)).vectors
            await w.board.flush()
            [row] = w.board.usage().calls
            assert row.calls == row.ok + row.cancelled

    assert cancel_everywhere(scenario, at_most=60) >= 20


async def test_more_texts_than_a_request_holds_are_asked_in_several(autojump_clock: object, world: Opening) -> None:
    texts = [f"text {number}" for number in range(1_200)]
    async with world({"alpha": Behaviour()}) as w:
        reply = await w.board.embed(texts, model=ALPHA)
        assert len(set(reply.vectors)) == len(texts)
        alone = await w.board.embed(texts[512], model=ALPHA)
        assert reply.vectors[512] == alone.vectors[0]
        assert [attempt.id for attempt in reply.attempts] == [f"{reply.id}-{number}" for number in (1, 2, 3)]
        billed = [served.usage for served in w["alpha"].log[:3]]
        assert reply.usage == sum(billed, callboard.Usage())
        assert reply.cost == Decimal(reply.usage.input) / 1_000_000


async def test_a_fault_repeats_only_the_part_that_it_hit(autojump_clock: object, world: Opening) -> None:
    texts = [f"text {number}" for number in range(1_200)]
    async with world({"alpha": Behaviour()}) as w:
        w["alpha"].upcoming.extend([Behaviour(), BREAKS, Behaviour(), BREAKS])
        reply = await w.board.embed(texts, model=ALPHA)
        assert [attempt.outcome for attempt in reply.attempts] == ["ok", "fault", "ok", "fault", "ok"]
        assert len(set(reply.vectors)) == len(texts)
        assert (await w.board.embed(texts[-1], model=ALPHA)).vectors[0] == reply.vectors[-1]


async def test_all_vectors_are_of_one_model_when_another_takes_over_in_the_middle(
    autojump_clock: object, world: Opening
) -> None:
    texts = [f"text {number}" for number in range(700)]
    async with world({"alpha": BREAKS, "gamma": Behaviour()}) as w:
        w["alpha"].upcoming.append(Behaviour())
        reply = await w.board.embed(texts, model="any")
        assert [(one.provider, one.outcome) for one in reply.attempts] == [
            ("alpha", "ok"),
            ("alpha", "fault"),
            ("alpha", "fault"),
            ("gamma", "ok"),
            ("gamma", "ok"),
        ]
        assert len(reply.vectors) == len(texts)


async def test_money_that_is_spent_ends_a_call_between_its_parts(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour()}) as w:
        with pytest.raises(callboard.CallError) as caught:
            await w.board.embed([f"text {number}" for number in range(1_200)], model=ALPHA, money="0.0015")
        assert caught.value.fault.kind is callboard.FaultKind.BUDGET
        assert len(w["alpha"].log) == 1


@pytest.mark.parametrize(
    ("texts", "options", "field"),
    [
        ([], {}, "texts"),
        ("", {}, r"texts\[0\]"),
        (["a", ""], {}, r"texts\[1\]"),
        (["a", 7], {}, r"texts\[1\]"),
        (7, {}, "texts"),
        (["a"] * 10_001, {}, "texts"),
        ("a", {"dimensions": 0}, "dimensions"),
        ("a", {"task": ""}, "task"),
        ("a", {"user": 7}, "user"),
        ("a", {"priority": "high"}, "priority"),
        ("a", {"extra": {"input": ["b"]}}, "extra.input"),
        ("a", {"extra": {"n": object()}}, "extra.n"),
        ("a", {"temperature": 0}, "temperature"),
        ("a", {"timeout": -1}, "timeout"),
        ("a", {"model": "nobody/x"}, "model"),
        ("a", {"model": None}, "model"),
    ],
)
async def test_a_mistake_never_leaves_the_process(
    autojump_clock: object, world: Opening, texts: Any, options: dict[str, Any], field: str
) -> None:
    async with world() as w:
        with pytest.raises(callboard.InvalidRequest, match=f"^{field}"):
            await w.board.embed(texts, **({"model": ALPHA} | options))
        assert w["alpha"].log == ()
