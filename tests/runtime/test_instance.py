"""How one incarnation works through its mailbox, and starts its handlers."""

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.messages.base import Tell
from callboard.messages.signals import Left
from callboard.runtime.actor import LATER, Actor, Scoped
from callboard.runtime.cell import Cell, CellStatus
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorCrashed, DeadlineExceeded, HandlerFailed
from callboard.runtime.instance import BATCH
from callboard.runtime.mailbox import Lane
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.spec import ActorSpec, Restart
from callboard.runtime.system import System
from callboard.testing.doer import Do, Doer, Note
from callboard.testing.running import running

Work = Callable[[Doer, Envelope], object]


class Tick(Tell, frozen=True):
    n: int


def sleeping(seconds: float, then: Callable[[], object] = lambda: None) -> Work:
    async def sleep() -> object:
        await trio.sleep(seconds)
        return then()

    return lambda actor, envelope: sleep()


def keep(actor: Doer, envelope: Envelope) -> object:
    actor.kept.append(envelope)
    return LATER


def received(actor: Doer, envelope: Envelope) -> list[Message]:
    return list(actor.received)


def crash(actor: Doer, envelope: Envelope) -> object:
    raise ValueError("bug")


def finish(actor: Doer, envelope: Envelope) -> None:
    actor.me.finish()


def spec(factory: Callable[[], Actor] = Doer, **options: Any) -> ActorSpec:
    return ActorSpec(name="a", factory=factory, **options)


def only_cell(system: System) -> Cell:
    (cell,) = system.cells()
    return cell


async def gather(*asks: Callable[[], Awaitable[object]]) -> list[object]:
    """The results in the order in which the asks ended."""
    results: list[object] = []

    async def one(ask: Callable[[], Awaitable[object]]) -> None:
        results.append(await ask())

    async with trio.open_nursery() as nursery:
        for ask in asks:
            nursery.start_soon(one, ask)
            await wait_all_tasks_blocked()
    return results


@pytest.mark.parametrize(("concurrency", "duration"), [(1, 6), (2, 3), (6, 1)])
async def test_no_more_handlers_run_at_once_than_allowed(
    concurrency: int, duration: int, autojump_clock: MockClock
) -> None:
    most = 0

    async def work(cell: Cell) -> None:
        nonlocal most
        most = max(most, len(cell.running))
        await trio.sleep(1)

    async with running(spec(concurrency=concurrency)) as system:
        ref, cell = system.ref("a"), only_cell(system)
        await gather(*[lambda: ref.ask(Do(lambda actor, envelope: work(cell)))] * 6)
        assert most == concurrency
        assert system.clock.now() == ns(duration)


async def test_a_message_stays_queued_until_a_handler_is_free(autojump_clock: MockClock) -> None:
    async with running(spec()) as system, trio.open_nursery() as nursery:
        ref = system.ref("a")
        for _ in range(3):
            nursery.start_soon(ref.ask, Do(sleeping(2)))
        await trio.sleep(1)
        assert only_cell(system).mailbox.statistics().queued == 2
        await trio.sleep(2)
        assert only_cell(system).mailbox.statistics().queued == 1


async def test_a_saturated_actor_still_hears_its_control_lane(autojump_clock: MockClock) -> None:
    async with running(spec()) as system, trio.open_nursery() as nursery:
        ref = system.ref("a")
        nursery.start_soon(ref.ask, Do(sleeping(9)))
        await wait_all_tasks_blocked()
        assert await ref.ask(Do(lambda actor, envelope: "heard"), lane=Lane.CONTROL) == "heard"
        assert system.clock.now() == 0


async def test_urgent_messages_are_served_first(autojump_clock: MockClock) -> None:
    async with running(spec()) as system, trio.open_nursery() as nursery:
        ref, order = system.ref("a"), list[int]()
        nursery.start_soon(ref.ask, Do(sleeping(1)))
        await wait_all_tasks_blocked()
        for n, priority in enumerate([2, 1, 0, 2, 1, 0]):
            ref.tell(Note(lambda actor, envelope, n=n: order.append(n)), priority=priority)  # type: ignore[misc]
        await trio.sleep(2)
        assert order == [2, 5, 1, 4, 0, 3]


async def test_decide_steps_are_never_interleaved_with_anything() -> None:
    async with running(spec(concurrency=9)) as system:
        ref, steps = system.ref("a"), list[str]()

        def step(name: str) -> Work:
            def work(actor: Doer, envelope: Envelope) -> None:
                steps.append(f"enter {name}")
                actor.me.report(Note(lambda actor, envelope: steps.append(f"report {name}")))
                steps.append(f"leave {name}")

            return work

        await gather(lambda: ref.ask(Do(step("a"))), lambda: ref.ask(Do(step("b"))))
    assert steps == ["enter a", "leave a", "report a", "enter b", "leave b", "report b"]


async def test_other_tasks_get_their_turn_after_a_batch() -> None:
    async with running(spec()) as system:
        ref, done = system.ref("a"), list[int]()

        def tell_itself(actor: Doer, envelope: Envelope) -> None:
            for n in range(BATCH * 9):
                actor.me.ref.tell(Note(lambda actor, envelope, n=n: done.append(n)))  # type: ignore[misc]

        ref.tell(Note(tell_itself))
        seen = [len(done)]
        while len(done) < BATCH * 9:
            await trio.lowlevel.checkpoint()
            seen.append(len(done))
        most = max(after - before for before, after in itertools.pairwise(seen))
        assert most <= 2 * BATCH  # in two rounds of the scheduler the actor may have both its turns in a row


async def test_a_deferred_ask_leaves_the_actor_free() -> None:
    async with running(spec()) as system, trio.open_nursery() as nursery:
        ref = system.ref("a")
        for _ in range(50):
            nursery.start_soon(ref.ask, Do(keep))
        await wait_all_tasks_blocked()
        assert len(only_cell(system).deferred) == 50
        await ref.ask(Do(lambda actor, envelope: [kept.reply(1) for kept in actor.kept]))
        assert not only_cell(system).deferred


async def test_the_actor_hears_when_the_asker_of_a_deferred_ask_has_left() -> None:
    async with running(spec()) as system:
        ref = system.ref("a")
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ref.ask, Do(keep))
                await wait_all_tasks_blocked()
                (envelope,) = only_cell(system).deferred
                scope.cancel()
        assert await ref.ask(Do(received)) == [Left(envelope)]
        assert not only_cell(system).deferred


async def test_an_answered_deferred_ask_is_not_reported_as_left() -> None:
    async with running(spec()) as system, trio.open_nursery() as nursery:
        ref = system.ref("a")
        nursery.start_soon(ref.ask, Do(keep))
        await wait_all_tasks_blocked()
        await ref.ask(Do(lambda actor, envelope: actor.kept[0].reply(1)))
        assert await ref.ask(Do(received)) == []


async def test_deferring_a_tell_keeps_nothing() -> None:
    async with running(spec()) as system:
        system.ref("a").tell(Note(keep))
        await wait_all_tasks_blocked()
        assert not only_cell(system).deferred


async def test_a_handler_of_a_tell_that_fails_is_counted_and_harms_nobody() -> None:
    async def fail() -> None:
        raise ValueError

    async with running(spec()) as system:
        system.ref("a").tell(Note(lambda actor, envelope: fail()))
        await wait_all_tasks_blocked()
        cell = only_cell(system)
        assert (cell.handler_failures, cell.last_error, cell.incarnation) == (1, "ValueError", 1)


async def test_a_group_of_one_failure_is_told_as_that_failure() -> None:
    bug = ValueError("bug")

    async def fail() -> None:
        async with trio.open_nursery():
            raise bug

    async with running(spec()) as system:
        with pytest.raises(HandlerFailed) as caught:
            await system.ref("a").ask(Do(lambda actor, envelope: fail()))
        assert caught.value.cause is bug


async def test_a_timer_is_a_message_at_its_time(autojump_clock: MockClock) -> None:
    def set_timer(actor: Doer, envelope: Envelope) -> None:
        actor.me.at(ns(5), Note(lambda actor, envelope: actor.received.append(Tick(actor.me.now()))))

    async with running(spec()) as system:
        await system.ref("a").ask(Do(set_timer))
        await trio.sleep(4)
        assert await system.ref("a").ask(Do(received)) == []
        await trio.sleep(2)
        assert await system.ref("a").ask(Do(received)) == [Tick(ns(5))]


async def test_a_cancelled_timer_never_fires(autojump_clock: MockClock) -> None:
    async with running(spec()) as system:
        scope = await system.ref("a").ask(Do(lambda actor, envelope: actor.me.at(ns(5), Tick(1))))
        scope.cancel()
        await trio.sleep(9)
        assert await system.ref("a").ask(Do(received)) == []


async def test_a_timer_ends_with_its_incarnation(autojump_clock: MockClock) -> None:
    async with running(spec()) as system:
        ref = system.ref("a")
        await ref.ask(Do(lambda actor, envelope: actor.me.at(ns(5), Tick(1)) and None))
        ref.tell(Note(crash))
        await trio.sleep(9)
        assert only_cell(system).incarnation == 2
        assert await ref.ask(Do(received)) == []


@pytest.mark.parametrize("end", [crash, finish])
async def test_what_an_incarnation_has_told_itself_does_not_reach_the_next(end: Work) -> None:
    def report_and_end(actor: Doer, envelope: Envelope) -> None:
        actor.me.report(Tick(1))
        actor.me.spawn(report_at_the_end, actor)
        end(actor, envelope)

    async def report_at_the_end(actor: Doer) -> None:
        try:
            await trio.sleep_forever()
        finally:
            actor.me.report(Tick(2))

    async with running(spec(restart=Restart.PERMANENT)) as system:
        ref = system.ref("a")
        ref.tell(Note(report_and_end))
        ref.tell(Tick(3), lane=Lane.CONTROL)
        await wait_all_tasks_blocked()
        assert only_cell(system).incarnation == 2
        told = [] if end is finish else [Tick(3)]
        assert await ref.ask(Do(received)) == told
        counts = only_cell(system).mailbox.statistics()
        assert counts.accepted == counts.delivered + counts.dropped


async def test_a_timer_does_not_keep_an_actor_from_stopping(autojump_clock: MockClock) -> None:
    async with running(spec()) as system:
        await system.ref("a").ask(Do(lambda actor, envelope: actor.me.at(ns(500), Tick(1)) and None))
    assert system.clock.now() == 0


async def test_a_failing_background_task_restarts_the_actor(autojump_clock: MockClock) -> None:
    async def fail() -> None:
        await trio.sleep(1)
        raise OSError

    async with running(spec()) as system:
        await system.ref("a").ask(Do(lambda actor, envelope: actor.me.spawn(fail)))
        await trio.sleep(2)
        cell = only_cell(system)
        assert (cell.incarnation, cell.last_error, cell.status) == (2, "OSError", CellStatus.RUNNING)


async def test_a_restart_makes_a_new_instance_from_the_factory() -> None:
    async with running(spec()) as system:
        ref = system.ref("a")
        first = await ref.ask(Do(lambda actor, envelope: actor))
        with pytest.raises(ActorCrashed):
            await ref.ask(Do(crash))
        second = await ref.ask(Do(lambda actor, envelope: actor))
        assert second is not first
        assert second.me.incarnation == 2


async def test_each_incarnation_draws_other_random_numbers_and_the_same_from_the_same_seed() -> None:
    async def draws() -> list[float]:
        numbers = []
        async with running(spec()) as system:
            for _ in range(3):
                numbers.append(await system.ref("a").ask(Do(lambda actor, envelope: actor.me.random.random())))
                system.ref("a").tell(Note(crash))
        return numbers

    first = await draws()
    assert len(set(first)) == 3
    assert first == await draws()


async def test_a_snapshot_survives_a_restart_until_the_next_is_published() -> None:
    async with running(spec()) as system:
        ref = system.ref("a")
        await ref.ask(Do(lambda actor, envelope: actor.me.publish("old")))
        ref.tell(Note(crash))
        await ref.ask(Do(received))
        assert ref.snapshot == "old"


async def test_an_actor_without_behaviour_crashes_with_its_name() -> None:
    class Blank(Actor):
        """Receives nothing."""

    async with running(spec(Blank, restart=Restart.TEMPORARY)) as system:
        with pytest.raises(ActorCrashed) as caught:
            await system.ref("a").ask(Do(keep))
        assert "Blank receives nothing" in str(caught.value.cause)


async def test_a_handler_may_ask_others_and_is_found_in_hand_meanwhile(autojump_clock: MockClock) -> None:
    async def ask(other: Ref) -> object:
        return await other.ask(Do(sleeping(1, lambda: "nested")))

    async with running(spec(), ActorSpec(name="b", factory=Doer)) as system, trio.open_nursery() as nursery:
        a, b = system.cells()
        other = system.ref("b")
        nursery.start_soon(system.ref("a").ask, Do(lambda actor, envelope: ask(other)))
        await wait_all_tasks_blocked()
        assert [len(a.running), len(b.running)] == [1, 1]
        assert dict(a.waits) == {b: 1}
        await trio.sleep(2)
        assert not a.waits


def scoped(scope: trio.CancelScope, answer: object = None) -> Work:
    """A handler that sleeps for good inside `scope`, and answers once it is cut, if it has an answer."""

    async def sleep() -> object:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            if answer is None:
                raise
        return answer

    return lambda actor, envelope: Scoped(scope, sleep())


async def test_a_handler_in_a_scope_of_its_actors_answers_when_that_is_over(autojump_clock: MockClock) -> None:
    async with running(spec()) as system:
        scope = trio.CancelScope(deadline=trio.current_time() + 9)
        trio.lowlevel.spawn_system_task(_move, scope, trio.current_time() + 2)
        assert await system.ref("a").ask(Do(scoped(scope, "cut"))) == "cut"
        assert trio.current_time() == 2


async def test_a_handler_that_is_cut_and_does_not_answer_was_too_late(autojump_clock: MockClock) -> None:
    async with running(spec()) as system:
        with pytest.raises(DeadlineExceeded):
            await system.ref("a").ask(Do(scoped(trio.CancelScope(deadline=trio.current_time() + 1))))


async def test_an_asker_that_leaves_cancels_a_scope_of_the_actors_too(autojump_clock: MockClock) -> None:
    async with running(spec()) as system:
        scope = trio.CancelScope()
        pending = system.ref("a").submit(Do(scoped(scope)))
        with trio.move_on_after(1):
            await pending.wait()
        await wait_all_tasks_blocked()
        assert scope.cancelled_caught


async def _move(scope: trio.CancelScope, deadline: float) -> None:
    await trio.sleep(1)
    scope.deadline = deadline
