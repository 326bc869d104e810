"""Kept replies that are no longer wanted."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from trio.testing import MockClock

import callboard

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA, BETA = "alpha/sim-small", "beta/sim-small"


async def ask(w: Any, prompt: str, model: str = ALPHA, **options: Any) -> callboard.Reply:
    reply: callboard.Reply = await w.board.generate(prompt, model=model, temperature=0, **options)
    return reply


async def test_kept_replies_are_forgotten_by_key_model_tag_tenant_and_age(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        tenant = callboard.CacheControl(partition="t")
        key = (await ask(w, "key")).cache_key
        assert key == (await ask(w, "key")).cache_key
        await ask(w, "tag", tag="x")
        await ask(w, "tenant", cache=tenant)
        await ask(w, "model", BETA)
        assert await w.board.forget(key=key) == 1
        assert await w.board.forget(tag="x") == 1
        assert await w.board.forget(partition="t") == 1
        assert await w.board.forget(model=BETA) == 1
        for prompt, model, options in (
            ("key", ALPHA, {}),
            ("tag", ALPHA, {"tag": "x"}),
            ("tenant", ALPHA, {"cache": tenant}),
            ("model", BETA, {}),
        ):
            assert not (await ask(w, prompt, model, **options)).cached
            assert (await ask(w, prompt, model, **options)).cached
        assert await w.board.forget(older_than=60) == 0
        assert await w.board.forget() == 4


async def test_a_call_in_which_the_cache_has_no_part_has_no_key(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        assert (await w.board.generate("Why?", model=ALPHA)).cache_key is None


@pytest.mark.parametrize("bad", [{"key": "no key"}, {"key": 7}, {"older_than": float("nan")}], ids=str)
async def test_what_cannot_be_meant_is_refused(autojump_clock: MockClock, world: Opening, bad: dict[str, Any]) -> None:
    async with world() as w:
        with pytest.raises(callboard.InvalidRequest, match="cache_key"):
            await w.board.forget(**bad)
