"""What travels with an ask, and the other things that a ref can do: tell, watch, snapshot."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.messages.signals import Down
from callboard.runtime.clock import NEVER, ns
from callboard.runtime.envelope import CURRENT, Envelope
from callboard.runtime.errors import (
    DeadlineExceeded,
)
from callboard.runtime.mailbox import Delivery, MailboxSpec
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.spec import ActorSpec, Restart
from callboard.testing.doer import Do, Doer, Note
from callboard.testing.running import running

A = ActorSpec(name="a", factory=Doer)


def raising(error: Exception) -> Callable[[Doer, Envelope], object]:
    def work(actor: Doer, envelope: Envelope) -> object:
        raise error

    return work


def sleeping(seconds: float, value: object = None) -> Callable[[Doer, Envelope], object]:
    async def sleep() -> object:
        await trio.sleep(seconds)
        return value

    return lambda actor, envelope: sleep()


async def test_deadline_priority_trace_and_attempt_travel_on(autojump_clock: MockClock) -> None:
    seen: list[tuple[int, int, str | None, int]] = []

    def look(actor: Doer, envelope: Envelope) -> None:
        seen.append((envelope.deadline, envelope.priority, envelope.trace, envelope.attempt))

    async def ask_twice(ref: Ref, envelope: Envelope) -> None:
        envelope.trace, envelope.attempt = "00-trace", 2
        await ref.ask(Do(look), deadline=ns(99))
        await ref.ask(Do(look), deadline=ns(5), priority=0)

    async with running(A, ActorSpec(name="b", factory=Doer)) as system:
        a, b = system.ref("a"), system.ref("b")
        await a.ask(Do(lambda actor, envelope: ask_twice(b, envelope)), deadline=ns(10), priority=2)
        await b.ask(Do(look))
    assert seen == [(ns(10), 2, "00-trace", 2), (ns(5), 0, "00-trace", 2), (NEVER, 1, None, 0)]


async def test_a_nested_deadline_that_is_tighter_ends_the_nested_ask_alone(autojump_clock: MockClock) -> None:
    async def ask_for_a_second(ref: Ref) -> str:
        with pytest.raises(DeadlineExceeded):
            await ref.ask(Do(sleeping(50)), deadline=ns(1))
        return "went on"

    async with running(A, ActorSpec(name="b", factory=Doer)) as system:
        b = system.ref("b")
        assert await system.ref("a").ask(Do(lambda actor, e: ask_for_a_second(b)), deadline=ns(9)) == "went on"


async def test_a_background_task_works_for_no_ask(autojump_clock: MockClock) -> None:
    seen: list[Envelope | None] = []

    async def look() -> None:
        seen.append(CURRENT.get())

    async def spawn(actor: Doer) -> None:
        seen.append(CURRENT.get())
        actor.me.spawn(look)

    async with running(A) as system:
        await system.ref("a").ask(Do(lambda actor, envelope: spawn(actor)))
        await wait_all_tasks_blocked()
    assert isinstance(seen[0], Envelope)
    assert seen[1] is None


async def test_a_watch_tells_one_down_when_the_actor_is_gone_for_good(autojump_clock: MockClock) -> None:
    watched = ActorSpec(name="watched", factory=Doer, restart=Restart.TRANSIENT)
    async with running(A, watched) as system:
        system.ref("watched").watch(system.ref("a"))
        system.ref("watched").tell(Note(raising(ValueError("bug"))))
        await trio.sleep(1)
        assert await system.ref("a").ask(Do(lambda actor, envelope: list(actor.received))) == []
        system.ref("watched").tell(Note(lambda actor, envelope: actor.me.finish()))
        await trio.sleep(1)
        system.ref("watched").watch(system.ref("a"))
        assert await system.ref("a").ask(Do(lambda actor, envelope: actor.received)) == [
            Down("watched", "it ended"),
            Down("watched", "it ended"),
        ]


async def test_no_down_is_lost_when_more_actors_stop_than_the_system_lane_holds() -> None:
    crowd = [ActorSpec(name=f"m{n}", factory=Doer, restart=Restart.TEMPORARY) for n in range(5)]
    watcher = ActorSpec(name="a", factory=Doer, mailbox=MailboxSpec(system=1))
    async with running(watcher, *crowd) as system, trio.open_nursery() as nursery:
        for child in crowd:
            system.ref(child.name).watch(system.ref("a"))
        release = trio.Event()
        nursery.start_soon(system.ref("a").ask, Do(lambda actor, envelope: release.wait()))
        await wait_all_tasks_blocked()
        for child in crowd:
            system.ref(child.name).tell(Note(lambda actor, envelope: actor.me.finish()))
        await wait_all_tasks_blocked()
        release.set()
        received = await system.ref("a").ask(Do(lambda actor, envelope: actor.received))
        assert {down.path for down in received} == {child.name for child in crowd}


async def test_a_tell_never_waits_and_says_what_became_of_it() -> None:
    tiny = ActorSpec(name="a", factory=Doer, mailbox=MailboxSpec(data=1))
    async with running(tiny) as system:
        ref = system.ref("a")
        busy = ref.submit(Do(lambda actor, envelope: trio.sleep_forever()))
        assert ref.tell(Note(lambda actor, envelope: None)) is Delivery.ACCEPTED
        assert ref.tell(Note(lambda actor, envelope: None)) is Delivery.FULL
        busy.abandon()
        assert system.dead_letters.counts() == {"mailbox full": 1}


async def test_a_ref_shows_the_path_and_the_latest_snapshot() -> None:
    async with running(A) as system:
        ref = system.ref("a")
        assert (repr(ref), ref.path, ref.snapshot) == ("Ref(a)", "a", None)
        await ref.ask(Do(lambda actor, envelope: actor.me.publish((1, 2))))
        assert ref.snapshot == (1, 2)
