"""Ctrl-C waits until no actor is at work, and so at the moments at which a task is about to wait, or has been woken.

Whoever was taken for waiting when it no longer was would be woken from something else, which Trio cannot bear.
"""

import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from tests.interruptible import interruptible
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import ActorCrashed
from callboard.runtime.leaf import interrupted
from callboard.runtime.slot import Slot
from callboard.runtime.stream import Stream
from callboard.runtime.supervision.spec import ActorSpec, SupervisorSpec
from callboard.runtime.system import System
from callboard.testing.doer import Do, Doer, Note
from callboard.testing.running import running

Moment = Callable[[], object]


def at_each_wait(monkeypatch: pytest.MonkeyPatch, moment: Moment) -> None:
    """Call this just before a task waits, and when it has been woken."""
    wait = trio.lowlevel.wait_task_rescheduled

    async def watched(abort: Any) -> object:
        moment()
        woken = await wait(abort)
        moment()
        return woken

    monkeypatch.setattr(trio.lowlevel, "wait_task_rescheduled", watched)


async def slot() -> None:
    one = Slot()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.wait)
        await wait_all_tasks_blocked()
        one.settle(1)


async def stream() -> None:
    both: Stream[int] = Stream(credit=1)

    async def produce() -> None:
        for n in range(3):
            await both.send(n)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(produce)
        await wait_all_tasks_blocked()
        for _ in range(3):
            await both.receive()
        both.close("all of it")


def answered(actor: Doer, envelope: Envelope) -> object:
    async def later() -> int:
        await trio.sleep(0)
        return 1

    return later()


async def actors() -> None:
    async with running(ActorSpec(name="a", factory=Doer), ActorSpec(name="b", factory=Doer)) as system:
        for name in "abab":
            await system.ref(name).ask(Do(answered))


async def asked(system: System) -> None:
    one = system.ref("a")
    pending = one.submit(Do(answered))
    with trio.fail_after(1):
        await pending.wait()
    one.submit(Do(answered)).abandon()
    one.watch(system.ref("b"))
    one.tell(Note(answered))
    assert one.latest is None


async def crashed(system: System) -> None:
    def crash(actor: Doer, envelope: Envelope) -> object:
        raise ValueError("a bug")

    with pytest.raises(ActorCrashed):
        await system.ref("a").ask(Do(crash))
    await system.ref("a").ask(Do(answered))


@pytest.mark.parametrize("use", [asked, crashed])
async def test_no_step_of_an_actor_is_interrupted(
    use: Callable[[System], Awaitable[None]], autojump_clock: MockClock
) -> None:
    children = ActorSpec(name="a", factory=Doer), ActorSpec(name="b", factory=Doer)
    system = System(SupervisorSpec(name="root", children=children))
    with interruptible() as found:
        async with trio.open_nursery() as nursery:
            await nursery.start(system.run)
            await use(system)
            system.stop()
    assert found <= {"callboard.runtime.system.System.ref", "callboard.runtime.ref.Ref.__init__"}


async def test_no_step_of_a_stream_is_interrupted() -> None:
    with interruptible() as found:
        await stream()
    assert found <= {"callboard.runtime.stream.Stream.__init__"}


@pytest.mark.parametrize("waits", [slot, stream, actors])
async def test_whoever_waits_is_not_interrupted_between_saying_so_and_waiting(
    monkeypatch: pytest.MonkeyPatch, waits: Callable[[], Any]
) -> None:
    protected: list[bool] = []
    at_each_wait(monkeypatch, lambda: protected.append(trio.lowlevel.currently_ki_protected()))
    await waits()
    assert protected
    assert all(protected)


@pytest.mark.parametrize("waits", [slot, stream, actors])
def test_ctrl_c_at_such_a_moment_ends_the_run_as_at_any_other(
    monkeypatch: pytest.MonkeyPatch, waits: Callable[[], Any]
) -> None:
    left = passed = 0

    def press() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGINT)

    at_each_wait(monkeypatch, press)
    for passed in range(1, 100):
        left = passed
        try:
            trio.run(waits)
        except BaseException as error:
            if not interrupted(error):
                raise
        if left > 0:
            break
    assert passed > 2
