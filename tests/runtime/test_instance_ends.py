"""How one incarnation ends: the intake closed, what is in hand drained, the stop hook, and a cut for the rest."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.runtime.actor import LATER, Actor
from callboard.runtime.cell import Cell, CellStatus
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.errors import ActorDown
from callboard.runtime.mailbox import Lane
from callboard.runtime.supervision.spec import ActorSpec, Restart
from callboard.runtime.system import System
from callboard.testing.doer import Do, Doer, Note
from callboard.testing.running import running

Work = Callable[[Doer, Envelope], object]


def sleeping(seconds: float, then: Callable[[], object] = lambda: None) -> Work:
    async def sleep() -> object:
        await trio.sleep(seconds)
        return then()

    return lambda actor, envelope: sleep()


def keep(actor: Doer, envelope: Envelope) -> object:
    actor.kept.append(envelope)
    return LATER


def crash(actor: Doer, envelope: Envelope) -> object:
    raise ValueError("bug")


def finish(actor: Doer, envelope: Envelope) -> None:
    actor.me.finish()


def spec(factory: Callable[[], Actor] = Doer, **options: Any) -> ActorSpec:
    return ActorSpec(name="a", factory=factory, **options)


def only_cell(system: System) -> Cell:
    (cell,) = system.cells()
    return cell


class Diary(Doer):
    """Writes down the phases of its life."""

    lines: list[str]

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.lines = lines

    async def start(self) -> None:
        self.lines.append("start")

    def receive(self, message: Message, envelope: Envelope) -> object:
        self.lines.append(type(message).__name__)
        return super().receive(message, envelope)

    async def stop(self) -> None:
        self.lines.append("stop")


async def test_stopping_closes_the_intake_drains_and_calls_the_stop_hook(autojump_clock: MockClock) -> None:
    lines: list[str] = []
    async with running(spec(lambda: Diary(lines))) as system:
        ref = system.ref("a")
        ref.tell(Note(sleeping(1, lambda: lines.append("first done"))))
        ref.tell(Note(sleeping(1, lambda: lines.append("second done"))))
        await wait_all_tasks_blocked()
        system.stop()
        await wait_all_tasks_blocked()
        with pytest.raises(ActorDown, match="stopping"):
            await ref.ask(Do(keep))
        assert only_cell(system).status is CellStatus.STOPPING
    assert lines == ["start", "Note", "first done", "Note", "second done", "stop"]
    assert system.clock.now() == ns(2)
    assert only_cell(system).status is CellStatus.STOPPED


async def test_a_stopping_actor_still_hears_what_its_handlers_report(autojump_clock: MockClock) -> None:
    async def work(actor: Doer) -> None:
        await trio.sleep(1)
        actor.me.report(Note(lambda actor, envelope: [kept.reply("saved") for kept in actor.kept]))

    async with running(spec(concurrency=2)) as system, trio.open_nursery() as nursery:
        ref, replies = system.ref("a"), list[object]()

        async def ask() -> None:
            replies.append(await ref.ask(Do(keep)))

        nursery.start_soon(ask)
        ref.tell(Note(lambda actor, envelope: work(actor)))
        await wait_all_tasks_blocked()
        system.stop()
    assert replies == ["saved"]
    assert system.clock.now() == ns(1)


@pytest.mark.parametrize("end", ["answered", "left"])
async def test_the_end_of_the_last_deferred_ask_ends_the_drain(end: str, autojump_clock: MockClock) -> None:
    kept: list[Envelope] = []

    async def leave(scope: trio.CancelScope) -> None:
        await trio.sleep(1)
        if end == "left":
            scope.cancel()
        else:
            kept[0].reply("outside")

    def keep_outside(actor: Doer, envelope: Envelope) -> object:
        kept.append(envelope)
        return LATER

    async with running(spec(drain=ns(60))) as system, trio.open_nursery() as nursery:
        ref = system.ref("a")
        nursery.start_soon(ref.ask, Do(keep_outside))
        await wait_all_tasks_blocked()
        system.stop()
        await leave(nursery.cancel_scope)
    await wait_all_tasks_blocked()
    assert system.clock.now() == ns(1)


async def test_a_drain_that_takes_too_long_is_cut_after_the_stop_hook(autojump_clock: MockClock) -> None:
    lines: list[str] = []

    async def stubborn() -> None:
        try:
            await trio.sleep(100)
        finally:
            lines.append("cut")

    async with running(spec(lambda: Diary(lines), drain=ns(3))) as system:
        system.ref("a").tell(Note(lambda actor, envelope: stubborn()))
        await wait_all_tasks_blocked()
    assert lines == ["start", "Note", "stop", "cut"]
    assert system.clock.now() == ns(3)


async def test_a_stop_hook_that_hangs_is_cut(autojump_clock: MockClock) -> None:
    class Hanging(Doer):
        async def stop(self) -> None:
            await trio.sleep_forever()

    async with running(spec(Hanging, drain=ns(3))) as system:
        pass
    assert system.clock.now() == ns(3)


async def test_a_crashed_incarnation_gets_no_stop_hook() -> None:
    lines: list[str] = []
    async with running(spec(lambda: Diary(lines), restart=Restart.TEMPORARY)) as system:
        system.ref("a").tell(Note(crash))
        await wait_all_tasks_blocked()
    assert lines == ["start", "Note"]


async def test_an_actor_that_finishes_does_what_it_has_in_hand_first(autojump_clock: MockClock) -> None:
    lines: list[str] = []
    async with running(spec(lambda: Diary(lines), concurrency=2, restart=Restart.TRANSIENT)) as system:
        ref = system.ref("a")
        ref.tell(Note(sleeping(2, lambda: lines.append("done"))))
        ref.tell(Note(finish))
        await trio.sleep(1)
        assert lines == ["start", "Note", "Note"]
        await trio.sleep(2)
        assert lines == ["start", "Note", "Note", "done", "stop"]
        assert only_cell(system).status is CellStatus.STOPPED


async def test_what_a_finished_incarnation_never_answered_ends_before_the_next_one_starts(
    autojump_clock: MockClock,
) -> None:
    async with running(spec(drain=ns(3))) as system, trio.open_nursery() as nursery:
        ref, ended = system.ref("a"), list[type]()

        async def ask(work: Work) -> None:
            with pytest.raises(ActorDown) as caught:
                await ref.ask(Do(work))
            ended.append(caught.type)

        nursery.start_soon(ask, keep)
        await wait_all_tasks_blocked()
        nursery.start_soon(ask, sleeping(99))
        await wait_all_tasks_blocked()
        ref.tell(Note(finish), lane=Lane.CONTROL)
        await trio.sleep(4)
        cell = only_cell(system)
        assert ended == [ActorDown, ActorDown]
        assert (cell.incarnation, len(cell.running), len(cell.deferred)) == (2, 0, 0)
