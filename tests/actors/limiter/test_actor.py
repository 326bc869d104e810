"""The limiter as its neighbours meet it: permits asked for, waited for, left and lost."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.actors.limiter.actor import LimiterActor
from callboard.actors.limiter.limits import LimitSpec
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limiting import Permit, Reserve, Settle, SlowDown, Unblock
from callboard.messages.priority import Priority
from callboard.runtime.clock import ns
from callboard.runtime.errors import ActorCrashed, DeadlineExceeded
from callboard.runtime.mailbox import Lane
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.system import System
from callboard.testing.checkpoints import Cut, cancel_everywhere
from callboard.testing.doer import Note
from callboard.testing.running import running

DAY = ns(86_400)


def spec(**limits: Any) -> ActorSpec:
    return ActorSpec(name="limiter", factory=lambda: LimiterActor(LimitSpec(**limits)))


def wish(tokens: int = 0, *, model: str = "m", priority: Priority = "normal", until: int = DAY) -> Reserve:
    return Reserve(model=model, tokens=tokens, priority=priority, deadline=until)


def settle(limiter: Ref, permit: Permit | Fault, tokens: int | None = 0) -> None:
    assert isinstance(permit, Permit)
    limiter.tell(Settle(permit, tokens), lane=Lane.CONTROL)


def facts(system: System) -> dict[str, object]:
    found: dict[str, object] = system.ref("limiter").snapshot.facts()
    return found


async def timed(system: System, ask: Callable[[], Awaitable[object]], ends: list[tuple[int, object]]) -> None:
    try:
        result = await ask()
    except DeadlineExceeded as error:
        result = error
    ends.append((system.clock.now(), result))


async def test_whoever_waits_is_woken_when_the_rate_has_room(autojump_clock: MockClock) -> None:
    async with running(spec(requests_per_minute=6)) as system:
        limiter, ends = system.ref("limiter"), list[tuple[int, object]]()
        async with trio.open_nursery() as nursery:
            for _ in range(9):
                nursery.start_soon(timed, system, lambda: limiter.ask(wish()), ends)
        assert [when for when, _ in ends] == [*[0] * 6, *[ns(60)] * 3]
        assert all(isinstance(result, Permit) for _, result in ends)


async def test_those_of_a_paused_model_are_woken_when_the_pause_ends(autojump_clock: MockClock) -> None:
    async with running(spec(concurrency=9)) as system:
        limiter, ends = system.ref("limiter"), list[tuple[int, object]]()
        limiter.tell(SlowDown(model="slow", until=ns(7), quota=False, why="rate_limited"), lane=Lane.CONTROL)
        async with trio.open_nursery() as nursery:
            for model in ("slow", "fast", "slow"):
                nursery.start_soon(timed, system, lambda model=model: limiter.ask(wish(model=model)), ends)
        assert [when for when, _ in ends] == [0, ns(7), ns(7)]


async def test_the_status_tells_what_counts_now_even_when_nothing_has_happened_since(
    autojump_clock: MockClock,
) -> None:
    async with running(spec(tokens_per_minute=100)) as system:
        settle(system.ref("limiter"), await system.ref("limiter").ask(wish(30)), 20)
        await wait_all_tasks_blocked()
        assert facts(system)["limits"] == {"tokens_per_minute": {"used": 20, "limit": 100}}
        await trio.sleep(60)
        from_a_thread = await trio.to_thread.run_sync(facts, system)
        assert from_a_thread["limits"] == {"tokens_per_minute": {"used": 0, "limit": 100}}


async def test_an_alarm_is_brought_forward_by_one_who_waits_for_less(autojump_clock: MockClock) -> None:
    async with running(spec()) as system:
        limiter, ends = system.ref("limiter"), list[tuple[int, object]]()
        for model, until in (("long", 60), ("short", 10)):
            limiter.tell(SlowDown(model=model, until=ns(until), quota=False, why="rate_limited"), lane=Lane.CONTROL)
        async with trio.open_nursery() as nursery:
            for model in ("long", "short"):
                nursery.start_soon(timed, system, lambda model=model: limiter.ask(wish(model=model)), ends)
                await wait_all_tasks_blocked()
        assert [when for when, _ in ends] == [ns(10), ns(60)]


async def test_an_alarm_that_came_too_early_is_set_again(autojump_clock: MockClock) -> None:
    async with running(spec(requests_per_minute=1)) as system:
        limiter, ends = system.ref("limiter"), list[tuple[int, object]]()
        await limiter.ask(wish())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(timed, system, lambda: limiter.ask(wish()), ends)
            await trio.sleep(59)
            limiter.tell(SlowDown(model=None, until=ns(90), quota=False, why="rate_limited"), lane=Lane.CONTROL)
        assert [when for when, _ in ends] == [ns(90)]


async def test_a_quota_is_told_at_once_to_all_who_wait_until_an_operator_lifts_it(autojump_clock: MockClock) -> None:
    async with running(spec(concurrency=1)) as system:
        limiter, ends = system.ref("limiter"), list[tuple[int, object]]()
        held = await limiter.ask(wish())
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(timed, system, lambda: limiter.ask(wish()), ends)
            await trio.sleep(1)
            limiter.tell(SlowDown(model=None, until=None, quota=True, why="spend limit"), lane=Lane.CONTROL)
        for when, told in ends:
            assert (when, isinstance(told, Fault) and told.kind) == (ns(1), FaultKind.QUOTA_EXHAUSTED)
        settle(limiter, held)
        limiter.tell(Unblock(), lane=Lane.CONTROL)
        assert isinstance(await limiter.ask(wish()), Permit)


async def test_a_waiter_whose_time_runs_out_leaves_and_the_next_one_goes(autojump_clock: MockClock) -> None:
    async with running(spec(tokens_per_minute=60)) as system:
        limiter, ends = system.ref("limiter"), list[tuple[int, object]]()
        await limiter.ask(wish(30))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(timed, system, lambda: limiter.ask(wish(60), deadline=ns(2)), ends)
            await wait_all_tasks_blocked()
            nursery.start_soon(timed, system, lambda: limiter.ask(wish(30)), ends)
        (first, error), (second, permit) = ends
        assert (first, second) == (ns(2), ns(2))
        assert isinstance(error, DeadlineExceeded)
        assert isinstance(permit, Permit)
        assert facts(system)["waiting"] == 0


async def test_a_permit_that_is_free_in_the_tick_in_which_its_asker_leaves_goes_to_the_next(
    autojump_clock: MockClock,
) -> None:
    async with running(spec(concurrency=1)) as system, trio.open_nursery() as nursery:
        limiter, ends = system.ref("limiter"), list[tuple[int, object]]()
        held = await limiter.ask(wish())
        leaving = trio.CancelScope()

        async def leaver() -> None:
            with leaving:
                await limiter.ask(wish())

        nursery.start_soon(leaver)
        await wait_all_tasks_blocked()
        nursery.start_soon(timed, system, lambda: limiter.ask(wish()), ends)
        await wait_all_tasks_blocked()
        leaving.cancel()
        settle(limiter, held)
        await wait_all_tasks_blocked()
        assert len(ends) == 1
        told = facts(system)
        assert (told["in_flight"], told["waiting"], told["granted"], told["denied"]) == (1, 0, 2, 0)


async def test_a_restarted_limiter_starts_with_empty_buckets_and_ignores_old_permits(
    autojump_clock: MockClock,
) -> None:
    async with running(spec(requests_per_minute=60, concurrency=1)) as system:
        limiter = system.ref("limiter")
        old = await limiter.ask(wish())
        with pytest.raises(ActorCrashed):
            await limiter.ask(Reserve(model="m", tokens=0, priority="no such thing", deadline=DAY))  # type: ignore[arg-type]
        await wait_all_tasks_blocked()
        start = system.clock.now()
        new = await limiter.ask(wish())
        assert system.clock.now() - start == ns(1)
        settle(limiter, old)
        async with trio.open_nursery() as nursery:
            ends = list[tuple[int, object]]()
            nursery.start_soon(timed, system, lambda: limiter.ask(wish()), ends)
            await trio.sleep(5)
            assert ends == []
            settle(limiter, new)


async def test_those_who_wait_when_the_limiter_crashes_are_told(autojump_clock: MockClock) -> None:
    async with running(spec(concurrency=1)) as system:
        limiter, told = system.ref("limiter"), list[BaseException]()
        await limiter.ask(wish())

        async def waiter() -> None:
            try:
                await limiter.ask(wish())
            except ActorCrashed as error:
                told.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiter)
            await wait_all_tasks_blocked()
            limiter.tell(Note(lambda actor, envelope: None))  # which no limiter understands
        assert len(told) == 1


async def test_thousands_wait_without_a_task_or_an_alarm_each(autojump_clock: MockClock) -> None:
    async with running(spec(concurrency=1)) as system:
        limiter = system.ref("limiter")
        held: Permit | Fault = await limiter.ask(wish())
        order = list[int]()

        async def one(number: int) -> None:
            permit = await limiter.ask(wish())
            order.append(number)
            settle(limiter, permit)

        async with trio.open_nursery() as nursery:
            for number in range(1_000):
                nursery.start_soon(one, number)
                if not number % 100:
                    await wait_all_tasks_blocked()
            await wait_all_tasks_blocked()
            assert facts(system)["waiting"] == 1_000
            settle(limiter, held)
        await wait_all_tasks_blocked()
        assert sorted(order) == list(range(1_000))
        assert facts(system)["in_flight"] == 0


def test_a_waiter_can_be_cancelled_anywhere_and_its_permit_comes_back() -> None:
    async def waiting(cut: Cut) -> None:
        async with running(spec(concurrency=1, requests_per_minute=60)) as system:
            limiter = system.ref("limiter")
            held = await limiter.ask(wish())

            async def user() -> None:
                with cut.scope():
                    permit = await limiter.ask(wish())
                    try:
                        await trio.sleep(1)
                    finally:
                        settle(limiter, permit)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(user)
                await trio.sleep(1)
                settle(limiter, held)
            await wait_all_tasks_blocked()
            assert (facts(system)["in_flight"], facts(system)["waiting"]) == (0, 0)
            assert isinstance(await limiter.ask(wish(), deadline=system.clock.now() + ns(2)), Permit)

    assert cancel_everywhere(waiting) >= 4
