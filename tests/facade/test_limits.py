"""Limits as a caller meets them: learned from replies, kept over restarts, and settled with what was really used."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

import callboard
from callboard.actors.provider import actor as provider_module
from callboard.actors.provider.deadline import Timeouts
from callboard.messages.base import Tell
from callboard.runtime.clock import virtual_utc
from callboard.runtime.mailbox import Lane
from callboard.sections import CalendarConfig, LimitConfig, ModelLimitConfig, StoreConfig
from callboard.testing import Behaviour, desk

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"
PATIENT = Timeouts(permit=300)


class Rubbish(Tell, frozen=True):
    """A message that no actor knows."""


def facts(w: Any) -> dict[str, Any]:
    """What alpha's limiter tells of itself."""
    found: dict[str, Any] = w.board._system.ref("limits/alpha").snapshot.facts()
    return found


async def many(w: Any, count: int, **options: Any) -> list[object]:
    """So many calls at once: replies and errors."""
    ends: list[object] = []

    async def one(number: int) -> None:
        try:
            ends.append(await w.board.generate(f"Why {number}?", model=ALPHA, **options))
        except callboard.CallError as error:
            ends.append(error)

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(one, number)
    return ends


async def test_a_limit_that_a_reply_told_is_never_met_again(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(requests_per_minute=6)}, timeouts=PATIENT) as w:
        await w.board.generate("What are the limits?", model=ALPHA)
        assert facts(w)["models"]["sim-small"]["requests_per_minute"] == {"used": 1, "limit": 6}
        ends = await many(w, 20)
        assert all(isinstance(end, callboard.Reply) for end in ends)
        assert [served.status for served in w["alpha"].log] == [200] * 21


async def test_what_others_have_used_of_the_account_is_believed(autojump_clock: object, world: Opening) -> None:
    limits = LimitConfig(requests_per_minute=30)
    async with AsyncExitStack() as stack:
        w = await stack.enter_async_context(world({"alpha": Behaviour(requests_per_minute=30)}, limits=limits))
        url = w["alpha"].url
        others = await stack.enter_async_context(world({"alpha": Behaviour()}, base_url=url))
        await many(others, 20)
        await many(w, 1)
        assert facts(w)["limits"]["requests_per_minute"] == {"used": 21, "limit": 30}
        ends = await many(w, 20, attempts=1)
        assert [served.status for served in w["alpha"].log] == [200] * (21 + 9)
        assert sum(isinstance(end, callboard.Reply) for end in ends) == 9


async def test_of_models_that_callers_made_up_the_latest_limits_are_remembered(
    autojump_clock: object, world: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_module, "MODELS", 3)
    monkeypatch.setattr(desk, "MODELS", tuple("abcde"))
    async with world({"alpha": Behaviour(requests_per_minute=30)}) as w:
        for model in "abcdeca":
            await w.board.generate("Why?", model=f"alpha/{model}")
        assert list(w.board._system.ref("providers/alpha").snapshot.limits) == ["e", "c", "a"]


async def test_models_have_limits_of_their_own(autojump_clock: object, world: Opening) -> None:
    limits = LimitConfig(models={"sim-small": ModelLimitConfig(concurrency=1)})
    async with world({"alpha": Behaviour(latency=(1, 1))}, limits=limits) as w:

        async def large() -> None:
            await w.board.generate("Why?", model="alpha/sim-large")
            assert trio.current_time() == pytest.approx(1, abs=0.1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(many, w, 5)
            await trio.sleep(0.01)
            nursery.start_soon(large)
        assert trio.current_time() == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])
@pytest.mark.parametrize("crash", [True, False], ids=["the limiter crashes", "the process ends"])
async def test_a_restart_does_not_double_the_day(
    autojump_clock: object, world: Opening, tmp_path: Path, crash: bool, zone: str
) -> None:
    opened = partial(
        world,
        {"alpha": Behaviour()},
        limits=LimitConfig(requests_per_day=3),
        store=StoreConfig(path=str(tmp_path / "store")),
        calendar=CalendarConfig(timezone=zone),
    )
    asked = 0
    async with opened() as w:
        assert all(isinstance(end, callboard.Reply) for end in await many(w, 2))
        if crash:
            w.board._system.ref("limits/alpha").tell(Rubbish(), lane=Lane.CONTROL)
            await trio.sleep(0.01)
            await one_more_and_no_other(w)
        asked += len(w["alpha"].log)
    if not crash:
        async with opened() as w:
            await one_more_and_no_other(w)
            asked += len(w["alpha"].log)
    assert asked == 3


@pytest.mark.parametrize(("zone", "hour"), [("UTC", 0), ("America/Los_Angeles", 8), ("Asia/Tokyo", 15)])
async def test_a_restart_just_past_midnight_does_not_double_the_day(
    autojump_clock: object, world: Opening, tmp_path: Path, zone: str, hour: int
) -> None:
    midnight = 1_767_225_600 + hour * 3_600
    opened = partial(
        world,
        {"alpha": Behaviour()},
        limits=LimitConfig(requests_per_day=3),
        store=StoreConfig(path=str(tmp_path / "store")),
        calendar=CalendarConfig(timezone=zone),
    )
    async with opened(utc=virtual_utc((midnight - 60) * 10**9)) as w:
        assert all(isinstance(end, callboard.Reply) for end in await many(w, 2))
    async with opened(utc=virtual_utc((midnight + 60) * 10**9)) as w:
        await one_more_and_no_other(w)


async def test_what_never_reached_the_provider_takes_nothing_from_the_day_after_a_restart(
    autojump_clock: object, world: Opening, tmp_path: Path
) -> None:
    limits, store = LimitConfig(requests_per_day=3), StoreConfig(path=str(tmp_path / "store"))
    async with world({"alpha": Behaviour()}, base_url="http://127.0.0.1:9/v1", limits=limits, store=store) as w:
        for _ in range(4):
            [end] = await many(w, 1, attempts=1)
            assert isinstance(end, callboard.CallError)
            assert end.fault.kind is callboard.FaultKind.CONNECTION
        assert [row.attempts for row in w.board.usage().models] == [4]
    async with world({"alpha": Behaviour()}, limits=limits, store=store) as w:
        assert all(isinstance(end, callboard.Reply) for end in await many(w, 3))


async def test_what_is_underway_when_the_limiter_crashes_counts_in_the_day(
    autojump_clock: object, world: Opening
) -> None:
    async with world({"alpha": Behaviour(latency=(1, 1))}, limits=LimitConfig(requests_per_day=3)) as w:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(many, w, 2)
            await trio.sleep(0.5)
            w.board._system.ref("limits/alpha").tell(Rubbish(), lane=Lane.CONTROL)
            await trio.sleep(0.01)
            await one_more_and_no_other(w)
        assert len(w["alpha"].log) == 3


async def one_more_and_no_other(w: Any) -> None:
    ends = await many(w, 2, attempts=1)
    (error,) = (end for end in ends if isinstance(end, callboard.CallError))
    assert error.fault.kind is callboard.FaultKind.RATE_LIMITED
    assert error.fault.retry_after is not None
    assert error.fault.retry_after > 3_600


@pytest.mark.parametrize("left", [True, False], ids=["left", "cut"])
async def test_a_stream_that_is_cut_is_charged_what_was_really_used(
    autojump_clock: object, world: Opening, left: bool
) -> None:
    behaviour = Behaviour(tokens=(50, 50), between_tokens=(1, 1), cut_rate=0 if left else 1, fault_after=(5, 5))
    async with world({"alpha": behaviour}, limits=LimitConfig(tokens_per_minute=5_000)) as w:
        try:
            async with w.board.stream("Why?", model=ALPHA, attempts=1, max_tokens=1_000) as stream:
                async for _ in stream:
                    reserved = facts(w)["limits"]["tokens_per_minute"]["used"]
                    if left:
                        break
        except callboard.Interrupted:
            assert not left
        await trio.sleep(0.1)
        assert reserved > 1_000
        used = facts(w)["limits"]["tokens_per_minute"]["used"]
        await w.board.flush()
        assert used == w.board.usage().usage.total
        assert 0 < used < 100
        assert w.in_flight() == {}
