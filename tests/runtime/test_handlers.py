"""Handlers that run in the tasks of those who asked."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.runtime.actor import Scoped
from callboard.runtime.clock import ns
from callboard.runtime.envelope import CURRENT, Envelope
from callboard.runtime.errors import ActorCrashed, ActorDown, ActorError, DeadlineExceeded, HandlerFailed
from callboard.runtime.mailbox import Lane
from callboard.runtime.slot import Slot
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.turns import AT_ONCE
from callboard.testing.doer import Do, Doer, Note, Work
from callboard.testing.running import running

A = ActorSpec(name="a", factory=Doer, concurrency=10, drain=ns(2))
B = ActorSpec(name="b", factory=Doer, concurrency=10, drain=ns(2))
NARROW = ActorSpec(name="a", factory=Doer, concurrency=1)


def scoped(work: Callable[[], Awaitable[object]], deadline: float = float("inf")) -> Work:
    """A handler in a scope of its actor's own."""

    async def run() -> object:
        return await work()

    return lambda actor, envelope: Scoped(trio.CancelScope(deadline=deadline), run())


def sleeping(seconds: float, log: list[object] | None = None) -> Work:
    """Sleeps, and says when it is over however that is."""

    async def sleep() -> object:
        try:
            await trio.sleep(seconds)
            return "slept"
        finally:
            if log is not None:
                log.append("handler over")

    return scoped(sleep)


async def task() -> object:
    return trio.lowlevel.current_task()


def crash(actor: Doer, envelope: Envelope) -> None:
    raise ValueError("bug")


async def test_the_handler_of_an_ask_that_is_taken_up_at_once_runs_in_the_askers_task() -> None:
    async with running(A) as system:
        assert await system.ref("a").ask(Do(scoped(task))) is trio.lowlevel.current_task()


async def test_the_handler_of_an_ask_that_had_to_wait_or_was_submitted_has_a_task_of_its_own(
    autojump_clock: MockClock,
) -> None:
    async with running(NARROW) as system, trio.open_nursery() as nursery:
        ref = system.ref("a")
        nursery.start_soon(ref.ask, Do(sleeping(1)))
        await wait_all_tasks_blocked()
        assert await ref.ask(Do(scoped(task))) is not trio.lowlevel.current_task()
        assert await ref.submit(Do(scoped(task))).wait() is not trio.lowlevel.current_task()


async def test_it_runs_in_its_actors_name_and_the_asker_is_himself_again_afterwards() -> None:
    async with running(A) as system:
        seen: list[str] = []

        async def look() -> None:
            current = CURRENT.get()
            assert current is not None and current.holder is not None
            seen.append(current.holder.path)

        await system.ref("a").ask(Do(scoped(look)))
        assert seen == ["a"]
        assert CURRENT.get() is None


async def test_whoever_is_cancelled_leaves_when_his_handler_has(autojump_clock: MockClock) -> None:
    async with running(A) as system:
        log: list[object] = []
        (cell,) = system.cells()
        with trio.move_on_after(1) as scope:
            await system.ref("a").ask(Do(sleeping(9, log)))
        assert scope.cancelled_caught
        assert log == ["handler over"]
        assert (len(cell.running), cell.late_replies, CURRENT.get()) == (0, 0, None)


@pytest.mark.parametrize(
    ("end", "error"),
    [("crash", ActorCrashed), ("background", ActorCrashed), ("stop", ActorDown)],
)
async def test_an_incarnation_that_ends_recalls_its_handlers_and_says_why(
    end: str, error: type[ActorError], autojump_clock: MockClock
) -> None:
    async def fail() -> None:
        raise OSError

    async with running(A) as system, trio.open_nursery() as nursery:
        ref, log = system.ref("a"), list[object]()

        async def ask() -> None:
            try:
                await ref.ask(Do(sleeping(60, log)))
            except ActorError as caught:
                log.append(type(caught))

        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        match end:
            case "crash":
                ref.tell(Note(crash), lane=Lane.CONTROL)
            case "background":
                ref.tell(Note(lambda actor, envelope: actor.me.spawn(fail)), lane=Lane.CONTROL)
            case _:
                system.stop()
        await trio.sleep(5)
        assert log == ["handler over", error]
        (cell,) = system.cells()
        assert len(cell.running) == 0


async def test_an_actor_that_stops_lets_them_finish_within_its_drain(autojump_clock: MockClock) -> None:
    async with running(A) as system, trio.open_nursery() as nursery:
        log: list[object] = []

        async def ask() -> None:
            log.append(await system.ref("a").ask(Do(sleeping(1))))

        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        system.stop()
        await trio.sleep(1.5)
        assert log == ["slept"]


async def test_a_handler_whose_asked_actor_crashes_goes_on_with_that_error(autojump_clock: MockClock) -> None:
    async with running(A, B) as system, trio.open_nursery() as nursery:
        ended: list[object] = []

        async def ask_b() -> object:
            with pytest.raises(ActorCrashed):
                await system.ref("b").ask(Do(sleeping(60)))
            await trio.sleep(1)
            return "went on"

        async def ask() -> None:
            ended.append(await system.ref("a").ask(Do(scoped(ask_b))))

        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        system.ref("b").tell(Note(crash), lane=Lane.CONTROL)
        await trio.sleep(2)
        assert ended == ["went on"]


async def test_a_handler_that_crashes_its_own_actor_ends_its_own_ask_too() -> None:
    async with running(A) as system:
        ref = system.ref("a")

        async def report() -> str:
            ref.tell(Note(crash), lane=Lane.CONTROL)
            await trio.lowlevel.checkpoint()
            return "never told"

        with pytest.raises(ActorCrashed):
            await ref.ask(Do(scoped(report)))
        assert await ref.ask(Do(lambda actor, envelope: actor.me.incarnation)) == 2


async def test_a_bug_in_it_is_the_actors_and_its_own_deadline_the_askers(autojump_clock: MockClock) -> None:
    async def bug() -> None:
        await trio.sleep(1)
        raise KeyError("bug")

    async with running(A) as system:
        with pytest.raises(HandlerFailed):
            await system.ref("a").ask(Do(scoped(bug)))
        with pytest.raises(DeadlineExceeded):
            await system.ref("a").ask(Do(scoped(trio.sleep_forever, trio.current_time() + 3)))
        assert trio.current_time() == 4
        assert await system.ref("a").ask(Do(lambda actor, envelope: actor.me.incarnation)) == 1


async def test_answers_without_waiting_leave_the_others_their_turn() -> None:
    async with running(A) as system, trio.open_nursery() as nursery:
        ref, answers, seen = system.ref("a"), list[object](), list[int]()

        async def other() -> None:
            seen.append(len(answers))

        nursery.start_soon(other)
        for _ in range(3 * AT_ONCE):
            answers.append(await ref.ask(Do(lambda actor, envelope: "now")))
        assert len(seen) == 1
        assert seen[0] < 2 * AT_ONCE  # who comes first in a turn is up to Trio


async def test_whoever_is_cancelled_is_not_answered_without_waiting() -> None:
    async with running(A) as system:
        answers: list[object] = []
        with trio.CancelScope() as scope:
            answers.append(await system.ref("a").ask(Do(lambda actor, envelope: "now")))
            scope.cancel()
            answers.append(await system.ref("a").ask(Do(lambda actor, envelope: "now")))
        assert answers == ["now"]


async def nested() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        await trio.sleep_forever()


async def test_whoever_is_cancelled_gets_that_alone_whatever_his_handler_had_open(autojump_clock: MockClock) -> None:
    async with running(A) as system:
        with trio.move_on_after(1) as scope:
            with pytest.raises(trio.Cancelled):
                await system.ref("a").ask(Do(scoped(nested)))
            await trio.sleep_forever()
        assert scope.cancelled_caught


async def test_a_bug_of_a_handler_that_is_cancelled_is_the_actors_and_not_the_askers(autojump_clock: MockClock) -> None:
    async def stumble() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("bug")

    async def work() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stumble)
            await trio.sleep_forever()

    async with running(A) as system:
        with trio.move_on_after(1) as scope:
            await system.ref("a").ask(Do(scoped(work)))
        assert scope.cancelled_caught
        (cell,) = system.cells()
        assert (cell.handler_failures, cell.last_error) == (1, "ValueError")


@pytest.mark.parametrize("own", [2.0, float("inf")])
async def test_an_asks_deadline_holds_whatever_its_handlers_own_is(own: float, autojump_clock: MockClock) -> None:
    async with running(A) as system:
        with pytest.raises(DeadlineExceeded):
            await system.ref("a").ask(
                Do(scoped(trio.sleep_forever, deadline=trio.current_time() + own)), deadline=system.clock.now() + ns(1)
            )
        assert trio.current_time() == pytest.approx(1)


async def test_an_incarnation_does_not_wait_for_ever_for_a_handler_that_nobody_runs(autojump_clock: MockClock) -> None:
    async with running(A) as system:
        (cell,) = system.cells()
        handler = nested()
        scope = trio.CancelScope()
        envelope = Envelope(Do(lambda actor, envelope: Scoped(scope, handler)), Slot(), lent=True)
        cell.put(envelope, Lane.DATA)
        assert envelope.carry is not None  # and a KeyboardInterrupt ends the asker
        system.ref("a").tell(Note(crash), lane=Lane.CONTROL)
        await trio.sleep(3)
        assert await system.ref("a").ask(Do(lambda actor, envelope: "back")) == "back"
        envelope.carry.close()
        handler.close()


async def test_each_asker_of_an_incarnation_that_ends_gets_an_error_of_his_own(autojump_clock: MockClock) -> None:
    async with running(A) as system, trio.open_nursery() as nursery:
        errors: list[ActorError] = []

        async def ask() -> None:
            try:
                await system.ref("a").ask(Do(sleeping(60)))
            except ActorCrashed as error:
                errors.append(error)

        for _ in range(2):
            nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        system.ref("a").tell(Note(crash), lane=Lane.CONTROL)
        await trio.sleep(1)
        first, second = errors
        assert first is not second
        assert first.__cause__ is second.__cause__
