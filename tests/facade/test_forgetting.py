"""Kept replies that are no longer wanted, and users who want nothing kept."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import callboard
from callboard.actors.logbook.pages import LogSpec
from callboard.actors.store.actor import CACHE_DATABASES, LEDGER_DATABASES
from callboard.messages.accounting import Write
from callboard.sections import StoreConfig
from callboard.testing.checkpoints import Cut, cancel_everywhere
from callboard.testing.records import ended

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


NO_AGE = [float("nan"), -1, True, "60"]
NO_FORGETTING = [{"key": "no key"}, {"key": 7}, {"model": 7}, {"tag": 7}, {"partition": 7}]


@pytest.mark.parametrize("bad", [*NO_FORGETTING, *({"older_than": age} for age in NO_AGE)], ids=str)
async def test_what_cannot_be_meant_is_refused(autojump_clock: MockClock, world: Opening, bad: dict[str, Any]) -> None:
    async with world() as w:
        with pytest.raises(callboard.InvalidRequest, match=f"^{next(iter(bad))}: expected"):
            await w.board.forget(**bad)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("any", f"model: 'any' is an alias; name its models one by one: {ALPHA}, {BETA}"),
        ("sim-small", "model: expected provider/model, got 'sim-small'"),
    ],
)
async def test_a_name_that_no_kept_reply_can_have_is_told_instead_of_forgetting_nothing(
    autojump_clock: MockClock, world: Opening, name: str, told: str
) -> None:
    async with world() as w:
        await ask(w, "key", "any")
        with pytest.raises(callboard.InvalidRequest) as caught:
            await w.board.forget(model=name)
        assert str(caught.value) == told
        assert await w.board.forget(model="former/model") == 0


def on_disk(w: Any) -> bytes:
    """Everything that the store holds, as it lies there."""
    store = w.board._system.ref("store").snapshot
    ledger = [store.ledger.all(database) for database in LEDGER_DATABASES]
    cache = [store.cache.all(database) for database in CACHE_DATABASES]
    return repr([*ledger, *cache]).encode()


async def test_a_user_who_is_deleted_is_named_nowhere_and_what_was_spent_stays(
    autojump_clock: MockClock, world: Opening
) -> None:
    async with world() as w:
        await ask(w, "Why?", user="user-of-old", tag="x")
        await ask(w, "Why not?", user="user-of-old")
        await ask(w, "Why?", user="another")
        await w.board.flush()
        assert b"user-of-old" in on_disk(w)
        before = w.board.usage().cost
        erased = await w.board.delete(user="user-of-old")
        assert (erased.replies, erased.rows > 0, erased.entries >= 2) == (2, True, True)
        await w.board.flush()
        assert b"user-of-old" not in on_disk(w)
        assert b"another" in on_disk(w)
        assert w.board.usage().cost == before
        assert {row.user for row in w.board.usage().calls} == {"", "another"}
        assert (await ask(w, "Why?", user="another")).cached
        assert not (await ask(w, "Why?", user="user-of-old")).cached


async def test_a_call_and_what_is_older_than_a_date_can_be_deleted(autojump_clock: MockClock, world: Opening) -> None:
    async with world() as w:
        reply = await ask(w, "Why?")
        await ask(w, "Why not?")
        assert (await w.board.delete(call=reply.id)).entries == 3
        assert reply.id.encode() not in on_disk(w)
        erased = await w.board.delete(before=datetime.now(UTC) + timedelta(days=36_500))
        assert (erased.entries, erased.replies) == (3, 2)
        assert sum(row.attempts for row in w.board.usage().models) == 2


async def test_deleting_makes_room_in_a_store_that_has_come_to_its_bound(
    autojump_clock: MockClock, world: Opening, tmp_path: Path
) -> None:
    store = StoreConfig(path=str(tmp_path), initial_size=65_536, max_size=1_048_576)
    async with world(store=store) as w:
        ledger = w.board._system.ref("ledger")
        told, now = 0, w.board._system.clock.utc()
        while not ledger.snapshot.facts()["failed_commits"]:
            ledger.tell(Write(tuple(ended(id=f"{told + number}", at=now) for number in range(100))))
            told += 100
            await trio.sleep(1)
        erased = await w.board.delete(before=datetime.now(UTC) + timedelta(days=1))
        assert (erased.entries, ledger.snapshot.facts()["waiting"]) == (told, 0)
        await ask(w, "Why?")
        await w.board.flush()


NO_DATE = [datetime(2026, 1, 1), "2026-01-01", 1767225600]
NO_DELETING = [{}, {"user": ""}, {"user": 7}, {"call": 7}, *({"user": "u", "before": date} for date in NO_DATE)]


@pytest.mark.parametrize("bad", NO_DELETING, ids=str)
async def test_deleting_what_cannot_be_meant_is_refused(
    autojump_clock: MockClock, world: Opening, bad: dict[str, Any]
) -> None:
    async with world() as w:
        with pytest.raises(callboard.InvalidRequest, match=r": expected .*(time zone|string)"):
            await w.board.delete(**bad)


@pytest.mark.parametrize("what", ["forget", "delete"])
def test_forgetting_and_deleting_can_be_cancelled_anywhere_and_done_again(world: Opening, what: str) -> None:
    async def scenario(cut: Cut) -> None:
        async with world(log=LogSpec(requests=True)) as w:
            for number in range(3):
                await ask(w, f"Why {number}?", user="user-of-old")

            async def clear() -> None:
                if what == "forget":
                    await w.board.forget()
                else:
                    await w.board.delete(user="user-of-old")

            with cut.scope():
                await clear()
            await clear()
            assert w.in_flight() == {}
            assert not (await ask(w, "Why 0?")).cached
            if what == "delete":
                assert b"user-of-old" not in on_disk(w)

    assert cancel_everywhere(scenario) > 3
