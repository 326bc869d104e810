"""Messages that are handled in their sender's step, and those that are not."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from callboard.runtime.actor import LATER
from callboard.runtime.clock import Clock
from callboard.runtime.envelope import CURRENT, Envelope
from callboard.runtime.errors import ActorCrashed
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.turns import Turns
from callboard.testing.doer import Do, Doer, Note, Work
from callboard.testing.running import running

A = ActorSpec(name="a", factory=Doer)
B = ActorSpec(name="b", factory=Doer)


async def test_turns_are_counted_while_they_are_watched() -> None:
    turns = Turns(Clock())
    await trio.lowlevel.checkpoint()
    assert turns.count == 0
    with turns.watching():
        before = turns.count
        await trio.lowlevel.checkpoint()
        assert turns.count > before
    after = turns.count
    await trio.lowlevel.checkpoint()
    assert turns.count == after


async def test_what_an_idle_actor_is_told_is_handled_in_its_senders_step() -> None:
    async with running(A) as system:
        ref, done = system.ref("a"), list[int]()
        for n in range(3):
            ref.tell(Note(lambda actor, envelope, n=n: done.append(n)))  # type: ignore[misc]
        assert done == [0, 1, 2]


async def test_an_actor_that_decides_is_not_entered_again() -> None:
    async with running(A, B) as system:
        a, b, order = system.ref("a"), system.ref("b"), list[str]()

        def first(actor: Doer, envelope: Envelope) -> None:
            order.append("a begins")
            b.tell(Note(second))
            order.append("a ends")

        def second(actor: Doer, envelope: Envelope) -> None:
            order.append("b")
            a.tell(Note(lambda actor, envelope: order.append("a again")))

        a.tell(Note(first))
        await wait_all_tasks_blocked()
        assert order == ["a begins", "b", "a ends", "a again"]


async def test_what_fails_in_the_senders_step_fails_the_actor_and_not_the_sender() -> None:
    async with running(A) as system, trio.open_nursery() as nursery:
        ref = system.ref("a")
        kept: list[Exception] = []

        async def waits() -> None:
            try:
                await ref.ask(Do(lambda actor, envelope: LATER))
            except ActorCrashed as error:
                kept.append(error)

        nursery.start_soon(waits)
        await wait_all_tasks_blocked()
        ref.tell(Note(lambda actor, envelope: 1 / 0))
        await wait_all_tasks_blocked()
        assert [type(error) for error in kept] == [ActorCrashed]
        assert await ref.ask(Do(lambda actor, envelope: actor.me.incarnation)) == 2


async def test_the_context_in_which_a_message_is_handled_is_the_actors_own() -> None:
    async with running(A, B) as system:
        seen: list[object] = []

        async def handler(actor: Doer, envelope: Envelope) -> None:
            system.ref("b").tell(Note(lambda actor, envelope: seen.append(CURRENT.get())))

        await system.ref("a").ask(Do(handler))
        assert seen == [None]


async def test_nothing_is_decided_inside_the_cancellation_of_a_task() -> None:
    async with running(A) as system, trio.open_nursery() as nursery:
        ref, scope = system.ref("a"), trio.CancelScope()

        async def waits() -> None:
            with scope:
                await ref.ask(Do(lambda actor, envelope: LATER))

        nursery.start_soon(waits)
        await wait_all_tasks_blocked()
        heard: list[int] = []
        ref.tell(Note(lambda actor, envelope: heard.append(len(actor.received))))
        await wait_all_tasks_blocked()
        scope.cancel()
        ref.tell(Note(lambda actor, envelope: heard.append(len(actor.received))))
        await wait_all_tasks_blocked()
        assert heard == [0, 1]  # that the asker has left was queued, and came first


async def test_an_ask_of_a_handler_is_answered_in_its_step() -> None:
    async with running(A, B) as system:

        async def handler(actor: Doer, envelope: Envelope) -> int:
            before = system.world.turns.count
            assert await system.ref("a").ask(Do(lambda actor, envelope: "answer")) == "answer"
            return system.world.turns.count - before

        assert await system.ref("b").ask(Do(handler)) == 0


async def test_an_ask_never_overtakes_what_was_told_before() -> None:
    async with running(A) as system:
        ref, done = system.ref("a"), list[int]()
        for n in range(3):
            ref.tell(Note(lambda actor, envelope, n=n: done.append(n)))  # type: ignore[misc]
        assert await ref.ask(Do(lambda actor, envelope: list(done))) == [0, 1, 2]


async def test_an_error_that_answers_an_ask_in_its_askers_step_is_raised() -> None:
    async with running(A, B) as system:

        async def handler(actor: Doer, envelope: Envelope) -> object:
            with pytest.raises(ActorCrashed):
                await system.ref("b").ask(Do(lambda actor, envelope: 1 / 0))
            return "raised"

        assert await system.ref("a").ask(Do(handler)) == "raised"


def tells_itself(*works: Work) -> Work:
    """What it tells itself while it decides is queued, and wakes its loop."""

    def tell(actor: Doer, envelope: Envelope) -> None:
        for work in works:
            actor.me.ref.tell(Note(work))

    return tell


async def test_an_ask_of_an_actor_that_was_woken_is_answered_in_its_askers_step_after_what_woke_it() -> None:
    async with running(A, B) as system:
        a, done = system.ref("a"), list[int]()

        async def handler(actor: Doer, envelope: Envelope) -> int:
            before = system.world.turns.count
            a.tell(Note(tells_itself(lambda actor, envelope: done.append(0), lambda actor, envelope: done.append(1))))
            assert done == []
            assert await a.ask(Do(lambda actor, envelope: list(done))) == [0, 1]
            return system.world.turns.count - before

        assert await system.ref("b").ask(Do(handler)) == 0


async def test_what_fails_in_a_step_after_the_actor_was_woken_fails_the_actor_too() -> None:
    async with running(A) as system:
        ref = system.ref("a")
        ref.tell(Note(tells_itself(lambda actor, envelope: None)))
        with pytest.raises(ActorCrashed):
            await ref.ask(Do(lambda actor, envelope: 1 / 0))
        assert await ref.ask(Do(lambda actor, envelope: actor.me.incarnation)) == 2


async def test_the_latest_snapshot_is_of_what_was_told_before() -> None:
    async with running(A) as system:
        ref = system.ref("a")
        ref.tell(Note(tells_itself(lambda actor, envelope: actor.me.publish("new"))))
        assert (ref.snapshot, ref.latest) == (None, "new")
