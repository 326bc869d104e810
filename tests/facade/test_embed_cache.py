"""Vectors are kept one by one: of many texts only those without one are asked."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import trio

import callboard
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"


async def test_only_the_missing_texts_are_asked_and_paid_for_and_all_come_in_order(
    autojump_clock: object, world: Opening
) -> None:
    async with world() as w:
        known = await w.board.embed(["b", "d"], model=ALPHA)
        alone = await w.board.embed(["a", "c"], model=ALPHA, cache="off")
        reply = await w.board.embed(["a", "b", "c", "d", "b"], model=ALPHA)
        assert w["alpha"].statistics().requests == 3
        b, d = known.vectors
        a, c = alone.vectors
        assert reply.vectors == (a, b, c, d, b)
        assert (reply.usage, reply.cost, reply.cached) == (alone.usage, alone.cost, False)
        again = await w.board.embed(["d", "a"], model=ALPHA)
        assert (again.vectors, again.cached, again.usage.total, again.cost) == ((d, a), True, 0, Decimal(0))
        assert (again.provider, again.model, again.attempts) == ("alpha", "sim-small", ())
        assert w["alpha"].statistics().requests == 3


@pytest.mark.parametrize(
    "differs",
    [
        {"dimensions": 4},
        {"user": "another"},
        {"cache": callboard.CacheControl(partition="t")},
        {"cache": "refresh"},
        {"cache": "off"},
    ],
    ids=str,
)
async def test_what_may_change_a_vector_or_names_another_tenant_is_asked_anew(
    autojump_clock: object, world: Opening, differs: dict[str, Any]
) -> None:
    async with world() as w:
        await w.board.embed(["a"], model=ALPHA)
        other = await w.board.embed(["a"], model=ALPHA, **differs)
        assert (other.cached, other.shared) == (False, False)
        assert w["alpha"].statistics().requests == 2
        assert (await w.board.embed(["a"], model=ALPHA)).cached


async def test_only_answers_from_what_is_kept_or_not_at_all(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        await w.board.embed(["a"], model=ALPHA)
        assert (await w.board.embed(["a"], model=ALPHA, cache="only")).cached
        with pytest.raises(callboard.Unavailable, match="not in the cache"):
            await w.board.embed(["a", "b"], model=ALPHA, cache="only")
        assert w["alpha"].statistics().requests == 1


async def test_the_same_texts_at_once_are_asked_once(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(latency=(1, 1))}) as w:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(partial(w.board.embed, ["a", "b"], model=ALPHA))
        await w.board.flush()
        assert w["alpha"].statistics().requests == 1
        assert w.board.usage().calls[0].shared == 19


async def test_the_same_texts_just_after_the_answer_are_not_asked_again(autojump_clock: object, world: Opening) -> None:
    """From the end of the fill on until its leader has kept the vectors."""

    class Follower(trio.abc.Instrument):
        def after_task_step(self, task: object) -> None:
            view = w.board._system.ref("cache").snapshot
            if view is not None and view.ended == 1:
                trio.lowlevel.remove_instrument(self)
                nursery.start_soon(partial(w.board.embed, ["a", "b"], model=ALPHA))

    async with world({"alpha": Behaviour(latency=(1, 1))}) as w, trio.open_nursery() as nursery:
        trio.lowlevel.add_instrument(Follower())
        await w.board.embed(["a", "b"], model=ALPHA)
    assert w["alpha"].statistics().requests == 1


async def test_vectors_are_forgotten_by_model_and_tag(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        await w.board.embed(["a", "b"], model=ALPHA, tag="index")
        assert await w.board.forget(tag="index", model=ALPHA) == 2
        assert not (await w.board.embed(["a"], model=ALPHA)).cached


async def test_all_vectors_of_a_reply_are_of_one_model_whatever_is_kept(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(), "gamma": Behaviour()}) as w:
        await w.board.embed(["a"], model="gamma/sim-small")
        reply = await w.board.embed(["a", "b"], model="any")
        assert reply.provider == "alpha"
        assert reply.vectors == (await w.board.embed(["a", "b"], model=ALPHA, cache="off")).vectors


async def test_all_vectors_of_a_large_call_are_kept_at_once_and_forgotten_at_once(
    autojump_clock: object, world: Opening
) -> None:
    texts = [str(number) for number in range(400)]
    async with world() as w:
        await w.board.embed(texts, model=ALPHA, tag="index")
        assert (await w.board.embed(texts, model=ALPHA)).cached
        await w.board.embed(texts, model=ALPHA, tag="again", cache="refresh")
        assert await w.board.forget(tag="again") == 400
        await trio.sleep(1)
        with pytest.raises(callboard.Unavailable, match="not in the cache"):
            await w.board.embed(texts[:1], model=ALPHA, cache="only")
