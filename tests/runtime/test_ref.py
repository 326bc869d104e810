"""Every row of "outcomes of an ask: exactly one, always"."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.runtime.actor import LATER
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import (
    ActorCrashed,
    ActorDown,
    DeadlineExceeded,
    Deadlock,
    DeclaredError,
    HandlerFailed,
    MailboxFull,
)
from callboard.runtime.mailbox import Delivery, Full, Lane, MailboxSpec
from callboard.runtime.ref import Pending, Ref
from callboard.runtime.supervision.spec import ActorSpec, Restart, SupervisorSpec
from callboard.runtime.system import System
from callboard.testing.doer import Do, Doer, Note
from callboard.testing.running import running


class NotToday(DeclaredError):
    """An error that an actor declares."""


A = ActorSpec(name="a", factory=Doer)
WIDE = ActorSpec(name="a", factory=Doer, concurrency=10)


def raising(error: Exception) -> Callable[[Doer, Envelope], object]:
    def work(actor: Doer, envelope: Envelope) -> object:
        raise error

    return work


def raising_in_a_handler(error: Exception) -> Callable[[Doer, Envelope], object]:
    async def fail() -> None:
        await trio.lowlevel.checkpoint()
        raise error

    return lambda actor, envelope: fail()


def keep(actor: Doer, envelope: Envelope) -> object:
    actor.kept.append(envelope)
    return LATER


def answer_kept(value: object) -> Callable[[Doer, Envelope], object]:
    def work(actor: Doer, envelope: Envelope) -> object:
        return [kept.reply(value) for kept in actor.kept]

    return work


def sleeping(seconds: float, value: object = None) -> Callable[[Doer, Envelope], object]:
    async def sleep() -> object:
        await trio.sleep(seconds)
        return value

    return lambda actor, envelope: sleep()


def asking(ref: Ref, work: Callable[[Doer, Envelope], object], **options: Any) -> Callable[[Doer, Envelope], object]:
    async def ask() -> object:
        return await ref.ask(Do(work), **options)

    return lambda actor, envelope: ask()


class Outcomes:
    """What became of asks that were started in the background."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.ended: dict[str, object] = {}
        self.scopes: dict[str, trio.CancelScope] = {}
        self._nursery = nursery

    async def start(self, name: str, ref: Ref, work: Callable[[Doer, Envelope], object], **options: Any) -> None:
        self.scopes[name] = trio.CancelScope()
        self._nursery.start_soon(self._ask, name, ref, work, options)
        await wait_all_tasks_blocked()

    async def _ask(
        self, name: str, ref: Ref, work: Callable[[Doer, Envelope], object], options: dict[str, Any]
    ) -> None:
        assert name not in self.ended
        try:
            with self.scopes[name]:
                self.ended[name] = await ref.ask(Do(work), **options)
            if self.scopes[name].cancelled_caught:
                self.ended[name] = "cancelled"
        except Exception as error:
            self.ended[name] = error


@pytest.mark.parametrize(
    "work",
    [lambda actor, envelope: "reply", sleeping(1, "reply"), lambda actor, envelope: envelope.reply("reply") and LATER],
    ids=["decided at once", "by a handler", "deferred and answered at once"],
)
async def test_a_reply_is_the_askers(work: Callable[[Doer, Envelope], object], autojump_clock: MockClock) -> None:
    async with running(A) as system:
        assert await system.ref("a").ask(Do(work)) == "reply"
        assert await system.ref("a").submit(Do(work)).wait() == "reply"


async def test_a_deferred_ask_is_answered_later_and_only_then() -> None:
    async with running(A) as system, trio.open_nursery() as nursery:
        outcomes = Outcomes(nursery)
        await outcomes.start("deferred", system.ref("a"), keep)
        assert outcomes.ended == {}
        assert await system.ref("a").ask(Do(answer_kept("at last"))) == [True]
        await wait_all_tasks_blocked()
        assert outcomes.ended == {"deferred": "at last"}


@pytest.mark.parametrize("how", [raising, raising_in_a_handler], ids=["decide", "handler"])
async def test_a_declared_error_reaches_the_asker_as_it_is_and_nobody_is_restarted(
    how: Callable[[Exception], Callable[[Doer, Envelope], object]],
) -> None:
    error = NotToday("closed")
    async with running(A) as system:
        with pytest.raises(NotToday) as caught:
            await system.ref("a").ask(Do(how(error)))
        assert caught.value is error
        assert await system.ref("a").ask(Do(lambda actor, envelope: actor.me.incarnation)) == 1


async def test_a_failing_handler_ends_its_own_ask_and_nothing_else(autojump_clock: MockClock) -> None:
    bug = KeyError("bug")
    async with running(WIDE) as system, trio.open_nursery() as nursery:
        outcomes = Outcomes(nursery)
        await outcomes.start("sibling", system.ref("a"), sleeping(5, "done"))
        with pytest.raises(HandlerFailed) as caught:
            await system.ref("a").ask(Do(raising_in_a_handler(bug)))
        assert caught.value.cause is bug
        assert await system.ref("a").ask(Do(lambda actor, envelope: actor.me.incarnation)) == 1
        await trio.sleep(6)
        assert outcomes.ended == {"sibling": "done"}


async def test_a_crash_ends_every_ask_in_hand_and_leaves_the_queued_ones(autojump_clock: MockClock) -> None:
    bug = ValueError("bug")
    narrow = ActorSpec(name="a", factory=Doer, concurrency=2)
    async with running(narrow) as system, trio.open_nursery() as nursery:
        ref, outcomes = system.ref("a"), Outcomes(nursery)
        await outcomes.start("deferred", ref, keep)
        await outcomes.start("running", ref, sleeping(50))
        await outcomes.start("shielded", ref, _shielded(7))
        await outcomes.start("queued", ref, lambda actor, envelope: actor.me.incarnation)
        await outcomes.start("crashing", ref, raising(bug), lane=Lane.CONTROL)
        in_hand = {name: outcomes.ended.pop(name) for name in ("deferred", "running", "shielded", "crashing")}
        for error in in_hand.values():
            assert isinstance(error, ActorCrashed)
            assert (error.cause, error.incarnation, error.actor) == (bug, 1, "a")
        await trio.sleep(10)
        assert outcomes.ended == {"queued": 2}


async def test_a_failing_background_task_ends_every_ask_in_hand_too(autojump_clock: MockClock) -> None:
    async def fail() -> None:
        await trio.sleep(1)
        raise OSError

    def spawn(actor: Doer, envelope: Envelope) -> None:
        actor.me.spawn(fail)

    async with running(WIDE) as system, trio.open_nursery() as nursery:
        ref, outcomes = system.ref("a"), Outcomes(nursery)
        await outcomes.start("deferred", ref, keep)
        await outcomes.start("running", ref, sleeping(50))
        ref.tell(Note(spawn))
        await trio.sleep(2)
        assert [type(error) for error in outcomes.ended.values()] == [ActorCrashed, ActorCrashed]
        assert await ref.ask(Do(lambda actor, envelope: actor.me.incarnation)) == 2


async def test_an_actor_that_has_ended_answers_that_it_is_down(autojump_clock: MockClock) -> None:
    mortal = ActorSpec(name="a", factory=Doer, restart=Restart.TEMPORARY)
    async with running(mortal) as system, trio.open_nursery() as nursery:
        ref, outcomes = system.ref("a"), Outcomes(nursery)
        await outcomes.start("crashing", ref, raising(ValueError("bug")))
        with pytest.raises(ActorDown, match="a is down: it ended with ValueError"):
            await ref.ask(Do(keep))
        with pytest.raises(ActorDown):
            ref.submit(Do(keep))
        assert ref.tell(Note(keep)) is Delivery.DOWN
        assert isinstance(outcomes.ended["crashing"], ActorCrashed)


async def test_what_is_queued_at_an_actor_that_ends_for_good_ends_too(autojump_clock: MockClock) -> None:
    mortal = ActorSpec(name="a", factory=Doer, restart=Restart.TEMPORARY)
    async with running(mortal) as system, trio.open_nursery() as nursery:
        ref, outcomes = system.ref("a"), Outcomes(nursery)
        await outcomes.start("running", ref, sleeping(50))
        await outcomes.start("queued", ref, keep)
        ref.tell(Note(raising(ValueError("bug"))), lane=Lane.CONTROL)
        await wait_all_tasks_blocked()
        assert isinstance(outcomes.ended["running"], ActorCrashed)
        assert isinstance(outcomes.ended["queued"], ActorDown)


async def test_stopping_ends_every_ask_whatever_became_of_it(autojump_clock: MockClock) -> None:
    slow = ActorSpec(name="a", factory=Doer, concurrency=2, drain=ns(3))
    async with trio.open_nursery() as nursery:
        async with running(slow) as system:
            ref, outcomes = system.ref("a"), Outcomes(nursery)
            await outcomes.start("quick", ref, sleeping(2, "in time"))
            await outcomes.start("slow", ref, sleeping(50))
            await outcomes.start("deferred", ref, keep)
            await outcomes.start("queued", ref, sleeping(50))
        assert outcomes.ended.pop("quick") == "in time"
        assert [type(error) for error in outcomes.ended.values()] == [ActorDown] * 3
        with pytest.raises(ActorDown, match="stopped"):
            await ref.ask(Do(keep))


async def test_an_actor_that_nobody_knows_has_no_ref() -> None:
    async with running(A) as system:
        with pytest.raises(KeyError):
            system.ref("b")


async def test_a_full_mailbox_hands_the_message_back() -> None:
    tiny = ActorSpec(name="a", factory=Doer, mailbox=MailboxSpec(data=1))
    async with running(tiny) as system, trio.open_nursery() as nursery:
        ref, outcomes = system.ref("a"), Outcomes(nursery)
        await outcomes.start("running", ref, sleeping(50))
        await outcomes.start("queued", ref, sleeping(50))
        message = Do(keep)
        with pytest.raises(MailboxFull) as caught:
            await ref.ask(message)
        assert caught.value.message is message
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("place", ["running", "queued", "waiting", "deferred"])
async def test_a_deadline_ends_an_ask_wherever_it_is(place: str, autojump_clock: MockClock) -> None:
    tiny = ActorSpec(name="a", factory=Doer, mailbox=MailboxSpec(data=1, full=Full.WAIT))
    ahead = {"running": 0, "queued": 1, "waiting": 2, "deferred": 0}[place]
    cell_of: dict[str, Any] = {}
    async with running(tiny) as system, trio.open_nursery() as nursery:
        ref, outcomes = system.ref("a"), Outcomes(nursery)
        for n in range(ahead):
            await outcomes.start(f"ahead {n}", ref, sleeping(50))
        cell_of = {cell.path: cell for cell in system.cells()}
        with pytest.raises(DeadlineExceeded):
            await ref.ask(Do(keep if place == "deferred" else sleeping(50)), deadline=system.clock.now() + ns(3))
        assert system.clock.now() == ns(3)
        await wait_all_tasks_blocked()
        assert len(cell_of["a"].running) == min(ahead, 1)
        assert not cell_of["a"].deferred
        nursery.cancel_scope.cancel()


async def test_an_ask_whose_deadline_has_passed_is_not_answered_in_the_same_turn_either(mock_clock: MockClock) -> None:
    async with running(A) as system:
        ref, asked = system.ref("a"), []
        deadline = system.clock.now() + ns(1)
        mock_clock.jump(1)
        with pytest.raises(DeadlineExceeded):
            await ref.ask(Do(lambda actor, envelope: asked.append(actor)), deadline=deadline)
        assert asked == []


@pytest.mark.parametrize("place", ["running", "queued", "waiting", "deferred"])
async def test_a_submitted_ask_keeps_its_deadline_too(place: str, autojump_clock: MockClock) -> None:
    tiny = ActorSpec(name="a", factory=Doer, mailbox=MailboxSpec(data=1, full=Full.WAIT))
    ahead = {"running": 0, "queued": 1, "waiting": 2, "deferred": 0}[place]
    async with running(tiny) as system, trio.open_nursery() as nursery:
        ref, outcomes = system.ref("a"), Outcomes(nursery)
        for n in range(ahead):
            await outcomes.start(f"ahead {n}", ref, sleeping(50))
        work = keep if place == "deferred" else sleeping(50)
        pending = ref.submit(Do(work), deadline=system.clock.now() + ns(3))
        with pytest.raises(DeadlineExceeded):
            await pending.wait()
        assert system.clock.now() == ns(3)
        nursery.cancel_scope.cancel()


async def test_a_submitted_handler_ends_at_its_deadline_though_nobody_waits(autojump_clock: MockClock) -> None:
    async with running(A) as system:
        pending: Pending[Any] = system.ref("a").submit(Do(sleeping(50)), deadline=ns(3))
        await trio.sleep(4)
        assert await system.ref("a").ask(Do(lambda actor, envelope: "free")) == "free"
        with pytest.raises(DeadlineExceeded):
            await pending.wait()


async def test_an_abandoned_ask_cancels_its_handler_at_once(autojump_clock: MockClock) -> None:
    async with running(A) as system:
        pending = system.ref("a").submit(Do(sleeping(50)))
        await wait_all_tasks_blocked()
        pending.abandon()
        await wait_all_tasks_blocked()
        assert await system.ref("a").ask(Do(lambda actor, envelope: "free")) == "free"
        assert system.clock.now() == 0
        with pytest.raises(RuntimeError, match="abandoned"):
            await pending.wait()


async def test_a_cycle_of_asks_is_refused_at_once_and_named(autojump_clock: MockClock) -> None:
    specs = [ActorSpec(name=name, factory=Doer) for name in "abc"]
    async with running(*specs) as system:
        a, b, c = (system.ref(name) for name in "abc")
        with pytest.raises(HandlerFailed) as caught:
            await a.ask(Do(asking(b, asking(c, asking(a, keep)))))
        cause = caught.value.cause
        while isinstance(cause, HandlerFailed):
            cause = cause.cause
        assert isinstance(cause, Deadlock)
        assert cause.names == ("c", "a", "b", "c")
        assert system.clock.now() == 0


async def test_a_cycle_through_a_submitted_ask_is_refused_when_it_is_waited_for(autojump_clock: MockClock) -> None:
    specs = [ActorSpec(name=name, factory=Doer) for name in "ab"]
    async with running(*specs) as system:
        a, b = (system.ref(name) for name in "ab")

        async def submit() -> object:
            pending = b.submit(Do(asking(a, keep)))
            await trio.sleep(1)
            return await pending.wait()

        with pytest.raises(HandlerFailed) as caught:
            await a.ask(Do(lambda actor, envelope: submit()))
        assert isinstance(caught.value.cause, Deadlock)
        assert caught.value.cause.names == ("a", "b", "a")
        await wait_all_tasks_blocked()
        assert [(len(cell.running), len(cell.deferred)) for cell in system.cells()] == [(0, 0), (0, 0)]


async def test_an_asker_that_is_cancelled_while_queued_is_removed(autojump_clock: MockClock) -> None:
    async with running(A) as system, trio.open_nursery() as nursery:
        ref, outcomes = system.ref("a"), Outcomes(nursery)
        ran: list[str] = []
        await outcomes.start("running", ref, sleeping(5))
        await outcomes.start("queued", ref, lambda actor, envelope: ran.append("queued"))
        outcomes.scopes["queued"].cancel()
        await trio.sleep(6)
        assert outcomes.ended == {"running": None, "queued": "cancelled"}
        assert ran == []


async def test_an_asker_that_is_cancelled_while_running_cancels_exactly_its_handler(autojump_clock: MockClock) -> None:
    async with running(WIDE) as system, trio.open_nursery() as nursery:
        ref, outcomes = system.ref("a"), Outcomes(nursery)
        await outcomes.start("leaver", ref, sleeping(5))
        await outcomes.start("stayer", ref, sleeping(5, "done"))
        outcomes.scopes["leaver"].cancel()
        cell = next(iter(system.cells()))
        await wait_all_tasks_blocked()
        assert len(cell.running) == 1
        await trio.sleep(6)
        assert outcomes.ended == {"leaver": "cancelled", "stayer": "done"}
        assert cell.incarnation == 1


@pytest.mark.parametrize("how", ["handler", "deferred"])
async def test_a_late_reply_is_dropped_and_counted(how: str, autojump_clock: MockClock) -> None:
    async with running(WIDE) as system, trio.open_nursery() as nursery:
        ref, outcomes = system.ref("a"), Outcomes(nursery)
        await outcomes.start("leaver", ref, keep if how == "deferred" else _shielded(5))
        outcomes.scopes["leaver"].cancel()
        await trio.sleep(6)
        if how == "deferred":
            assert await ref.ask(Do(answer_kept("late"))) == [False]
        assert outcomes.ended == {"leaver": "cancelled"}
        assert next(iter(system.cells())).late_replies == 1


async def test_what_is_sent_before_an_actor_runs_waits_for_it() -> None:
    system = System(SupervisorSpec(name="root", children=(A,)))
    async with trio.open_nursery() as nursery:
        outcomes = Outcomes(nursery)
        await outcomes.start("early", system.ref("a"), lambda actor, envelope: "here")
        assert outcomes.ended == {}
        await nursery.start(system.run)
        await wait_all_tasks_blocked()
        assert outcomes.ended == {"early": "here"}
        system.stop()


def _shielded(seconds: float) -> Callable[[Doer, Envelope], object]:
    async def sleep() -> str:
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)
        return "late"

    return lambda actor, envelope: sleep()
