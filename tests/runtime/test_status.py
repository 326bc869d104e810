"""The status of a running tree, also while a handler keeps the event loop from turning."""

import threading
import time
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.messages.status import NodeStatus, Status
from callboard.runtime.actor import LATER
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import HandlerFailed
from callboard.runtime.mailbox import MailboxSpec
from callboard.runtime.status import PATIENCE, SHOWN, StatusReader
from callboard.runtime.supervision.spec import ActorSpec, Restart, SupervisorSpec
from callboard.testing.blocking import Block
from callboard.testing.doer import Do, Doer, Note, Work
from callboard.testing.running import running


class Facts:
    """A snapshot that has something to show."""

    def facts(self) -> dict[str, object]:
        return {"permits": 3}


def only_child(status: Status) -> NodeStatus:
    (child,) = status.tree.children
    return child


def sleeping(actor: Doer, envelope: Envelope) -> object:
    return trio.sleep(50)


def deciding(block: Callable[[], None]) -> Work:
    return lambda actor, envelope: block()


def handling(block: Callable[[], None]) -> Work:
    async def handle() -> None:
        await trio.lowlevel.checkpoint()
        await deeper()

    async def deeper() -> None:
        block()

    return lambda actor, envelope: handle()


@pytest.mark.parametrize("place", [deciding, handling], ids=["decide step", "async handler"])
async def test_a_handler_that_blocks_the_loop_is_named_from_another_thread(
    place: Callable[[Callable[[], None]], Work],
) -> None:
    block, taken, began = Block(), list[Status](), time.perf_counter()

    def look(read: StatusReader) -> None:
        with block.looked_at():
            taken.append(read())

    async with running(ActorSpec(name="quiet", factory=Doer), ActorSpec(name="stuck", factory=Doer)) as system:
        thread = threading.Thread(target=look, args=(StatusReader(system, "1.2"),))
        thread.start()
        await system.ref("stuck").ask(Do(place(block)))
        await trio.to_thread.run_sync(thread.join)
    (status,) = taken
    assert status.blocked is not None
    assert (status.blocked.path, status.blocked.message) == ("stuck", "Do")
    assert PATIENCE / 2 <= status.blocked.seconds <= time.perf_counter() - began
    assert [child.path for child in status.tree.children] == ["quiet", "stuck"]


async def test_a_loop_that_is_stuck_outside_any_handler_is_told_as_such() -> None:
    block, taken = Block(), list[Status]()

    def look(read: StatusReader) -> None:
        with block.looked_at():
            time.sleep(PATIENCE)  # so that it was stuck for longer than the look takes
            taken.append(read())

    async with running(ActorSpec(name="a", factory=Doer)) as system:
        thread = threading.Thread(target=look, args=(StatusReader(system, "1.2"),))
        thread.start()
        block()
        await trio.to_thread.run_sync(thread.join)
    (status,) = taken
    assert status.blocked is not None
    assert (status.blocked.path, status.blocked.message) == ("", "outside any handler")
    assert status.blocked.seconds >= 1.5 * PATIENCE


async def test_a_loop_that_turns_is_not_blocked() -> None:
    async with running(ActorSpec(name="a", factory=Doer)) as system:
        read = StatusReader(system, "1.2")
        status = await trio.to_thread.run_sync(read)
        assert status.blocked is None
        assert read().blocked is None


async def test_a_runtime_that_has_ended_is_not_blocked() -> None:
    async def read_later() -> StatusReader:
        async with running(ActorSpec(name="a", factory=Doer)) as system:
            return StatusReader(system, "1.2")

    read = await trio.to_thread.run_sync(trio.run, read_later)
    status = read()
    assert status.blocked is None
    assert (status.tree.status, only_child(status).status) == ("stopped", "stopped")


async def test_the_tree_is_told_with_its_mailboxes_handlers_and_facts(autojump_clock: MockClock) -> None:
    specs = SupervisorSpec(
        name="limits",
        children=(ActorSpec(name="a", factory=Doer, concurrency=2, mailbox=MailboxSpec(data=1)),),
    )
    async with running(specs) as system, trio.open_nursery() as nursery:
        ref, read = system.ref("limits/a"), StatusReader(system, "1.2")
        await ref.ask(Do(lambda actor, envelope: actor.me.publish(Facts())))
        nursery.start_soon(ref.ask, Do(lambda actor, envelope: LATER))
        await wait_all_tasks_blocked()
        for _ in range(3):
            nursery.start_soon(ref.ask, Do(sleeping))
            await wait_all_tasks_blocked()
        ref.tell(Note(sleeping))
        await trio.sleep(2)
        status = read()
        nursery.cancel_scope.cancel()
    limits = only_child(status)
    (actor,) = limits.children
    assert (status.version, status.tree.status, limits.kind, limits.path) == ("1.2", "running", "supervisor", "limits")
    assert (actor.path, actor.status, actor.incarnation, actor.running, actor.deferred) == (
        "limits/a",
        "running",
        1,
        2,
        1,
    )
    assert actor.facts == {"permits": 3}
    assert actor.mailbox is not None
    assert (actor.mailbox.queued, actor.mailbox.accepted, actor.mailbox.refused) == (1, 5, 1)
    assert [child.status for child in actor.children] == ["Do for 2.0 s", "Do for 2.0 s"]
    assert status.dead_letters == {"mailbox full": 1}


async def test_a_crowd_of_handlers_is_counted_and_not_listed(autojump_clock: MockClock) -> None:
    async with running(ActorSpec(name="a", factory=Doer, concurrency=99)) as system, trio.open_nursery() as nursery:
        read = StatusReader(system, "1.2")
        for _ in range(SHOWN + 5):
            nursery.start_soon(system.ref("a").ask, Do(sleeping))
        await wait_all_tasks_blocked()
        actor = only_child(read())
        assert (actor.running, len(actor.children)) == (SHOWN + 5, SHOWN)
        nursery.cancel_scope.cancel()


async def test_the_status_names_the_last_error_and_the_incarnation(autojump_clock: MockClock) -> None:
    def crash(actor: Doer, envelope: Envelope) -> object:
        raise ValueError("my password")

    async with running(ActorSpec(name="a", factory=Doer, restart=Restart.TRANSIENT)) as system:
        read = StatusReader(system, "1.2")
        system.ref("a").tell(Note(crash))
        await wait_all_tasks_blocked()
        status = read()
        assert (only_child(status).incarnation, only_child(status).last_error) == (2, "ValueError")
        assert status.tree.last_error == "ValueError"
        assert "password" not in repr(status)


async def test_failed_handlers_are_counted_and_dates_that_stand_still_are_told(autojump_clock: MockClock) -> None:
    async def fail() -> None:
        raise ValueError

    async with running(ActorSpec(name="a", factory=Doer, concurrency=2)) as system:
        read = StatusReader(system, "1.2")
        with pytest.raises(HandlerFailed):
            await system.ref("a").ask(Do(lambda actor, envelope: fail()))
        system.clock._latest = system.clock.utc() + ns(90)
        system.clock.utc()
        status = read()
        assert (only_child(status).failed, only_child(status).late, status.clock_behind) == (1, 0, 90)
        assert "THE WALL CLOCK WAS SET BACK by 90 s" in str(status)
