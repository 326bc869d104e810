"""Starting in order, stopping in reverse, and waiting between restarts."""

from contextlib import suppress
from functools import partial

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.messages.events import ActorRestarted, Event
from callboard.runtime.actor import LATER
from callboard.runtime.cell import CellStatus
from callboard.runtime.clock import Clock, ns, virtual_utc
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import ActorDown, ActorError
from callboard.runtime.mailbox import Lane
from callboard.runtime.supervision.spec import ActorSpec, ChildSpec, Restart
from callboard.runtime.supervision.supervisor import GaveUp, Life, StartTimeout
from callboard.runtime.system import System
from callboard.testing.doer import Do, Doer, Note
from callboard.testing.running import leaks, running
from callboard.testing.timed import Timed, group, started, timed


def bug(actor: Doer, envelope: Envelope) -> None:
    raise ValueError("bug")


def finish(actor: Doer, envelope: Envelope) -> None:
    actor.me.finish()


def keep(actor: Doer, envelope: Envelope) -> object:
    return LATER


async def test_children_start_in_order_each_after_the_one_before_has_started(autojump_clock: MockClock) -> None:
    log: list[str] = []
    nested = group(timed(log, "b", 1), timed(log, "c", 1), name="mid")
    async with running(timed(log, "a", 1), nested, timed(log, "d", 1)) as system:
        assert log == ["1 +a", "2 +b", "3 +c", "4 +d"]
        assert {cell.status for cell in system.cells()} == {CellStatus.RUNNING}
        assert system.root.status is CellStatus.RUNNING


async def test_children_stop_in_reverse_one_at_a_time(autojump_clock: MockClock) -> None:
    log: list[str] = []
    nested = group(timed(log, "b", 1), timed(log, "c", 1), name="mid")
    async with running(timed(log, "a", 1), nested, timed(log, "d", 1)):
        log.clear()
    assert log == ["5 -d", "6 -c", "7 -b", "8 -a"]


async def test_the_order_of_stopping_does_not_depend_on_restarts(autojump_clock: MockClock) -> None:
    log: list[str] = []
    async with running(timed(log, "a"), timed(log, "b"), timed(log, "c")) as system:
        system.ref("a").tell(Note(bug))
        await wait_all_tasks_blocked()
        log.clear()
    assert log == ["0 -c", "0 -b", "0 -a"]


async def test_a_cancelled_tree_is_cut_in_reverse_one_at_a_time(autojump_clock: MockClock) -> None:
    log: list[str] = []

    class Tidy(Timed):
        async def _live(self) -> None:
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)
                self._write("-")

    specs = [ActorSpec(name=name, factory=partial(Tidy, log, name)) for name in "abcd"]
    system = System(group(specs[0], group(specs[1], specs[2], name="mid"), specs[3]))
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
        log.clear()
        nursery.cancel_scope.cancel()
    assert log == ["1 -d", "2 -c", "3 -b", "4 -a"]
    assert leaks(system) == []


async def test_a_failing_start_is_tried_again_after_growing_waits_while_the_next_child_waits(
    autojump_clock: MockClock,
) -> None:
    log: list[str] = []
    async with started(group(timed(log, "a", failures=4), timed(log, "b"))):
        await trio.sleep(20)
        assert log == ["0 !a", "0 !a", "1 !a", "3 !a", "7 +a", "7 +b"]


async def test_a_child_that_fails_again_and_again_is_restarted_after_growing_waits(autojump_clock: MockClock) -> None:
    log: list[str] = []
    async with started(group(timed(log, "a"))) as system:
        for _ in range(4):
            await wait_all_tasks_blocked()
            system.ref("a").tell(Note(bug))
        await trio.sleep(20)
        assert [line for line in log if "+" in line] == ["0 +a", "0 +a", "1 +a", "3 +a", "7 +a"]
        await trio.sleep(100)
        system.ref("a").tell(Note(bug))
        await wait_all_tasks_blocked()
        assert log[-1] == "120 +a"


async def test_one_child_in_its_backoff_does_not_keep_another_from_its_restart(autojump_clock: MockClock) -> None:
    log: list[str] = []
    async with started(group(timed(log, "a"), timed(log, "b"))) as system:
        for _ in range(3):
            await wait_all_tasks_blocked()
            system.ref("a").tell(Note(bug))
            await trio.sleep(1.5)
        log.clear()
        system.ref("b").tell(Note(bug))
        await wait_all_tasks_blocked()
        assert log == ["4.5 -b"]
        await trio.sleep(20)
        assert log == ["4.5 -b", "5 +a", "8.5 +b"]


async def test_a_start_that_takes_too_long_is_a_failure(autojump_clock: MockClock) -> None:
    events: list[Event] = []

    class Slow(Timed):
        async def start(self) -> None:
            if self.me.incarnation == 1:
                await trio.sleep_forever()
            await super().start()

    log: list[str] = []
    slow = ActorSpec(name="a", factory=partial(Slow, log, "a"), start_timeout=ns(7))
    async with started(group(slow), emit=events.append):
        await trio.sleep(20)
    assert log == ["7 +a", "20 -a"]
    assert [event.cause for event in events if isinstance(event, ActorRestarted)] == [StartTimeout.__name__]


async def test_a_child_whose_start_waits_for_one_ahead_of_it_does_not_keep_that_one_from_its_restart(
    autojump_clock: MockClock,
) -> None:
    class Asking(Timed):
        async def start(self) -> None:
            await trio.sleep(2)
            await system.ref("a").ask(Do(lambda *_: None))
            await super().start()

    log: list[str] = []
    asking = ActorSpec(name="b", factory=partial(Asking, log, "b"))
    system = System(group(timed(log, "a"), asking), clock=Clock(virtual_utc()), seed=0)
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
        log.clear()
        system.ref("b").tell(Note(bug))
        await trio.sleep(1.5)  # in the middle of its start, before it asks
        system.ref("a").tell(Note(bug))
        await trio.sleep(5)
        assert [line for line in log if "+" in line] == ["4.5 +a", "4.5 +b"]
        system.stop()


async def test_nobody_starts_during_the_start_of_one_ahead_of_it(autojump_clock: MockClock) -> None:
    log: list[str] = []
    async with running(timed(log, "a", 5), timed(log, "b")) as system:
        log.clear()
        system.ref("a").tell(Note(bug))
        await trio.sleep(1)
        system.ref("b").tell(Note(bug))
        await trio.sleep(20)
        assert [line for line in log if "+" in line] == ["10 +a", "10 +b"]


@pytest.mark.parametrize("nested", [False, True])
async def test_a_stop_during_a_backoff_is_prompt(nested: bool, autojump_clock: MockClock) -> None:
    log: list[str] = []
    failing = group(timed(log, "b", failures=4), name="mid")
    tree = (failing,) if nested else failing.children
    async with started(group(timed(log, "a", 1), *tree)) as system:
        await trio.sleep(5)
        system.stop()
        await trio.sleep(2)
        assert system.root.status is CellStatus.STOPPED
    assert log == ["1 +a", "1 !b", "1 !b", "2 !b", "4 !b", "6 -a"]


@pytest.mark.parametrize("depth", [0, 1, 2])
async def test_a_stop_during_a_hanging_start_is_prompt_and_still_in_order(
    depth: int, autojump_clock: MockClock
) -> None:
    log: list[str] = []
    tree: tuple[ChildSpec, ...] = (timed(log, "b", 1), timed(log, "c", 1_000))
    for level in range(depth):
        tree = (group(*tree, name=f"mid{level}"),)
    async with started(group(timed(log, "a", 1), *tree)) as system:
        await trio.sleep(5)
        system.stop()
        await trio.sleep(3)
        assert system.root.status is CellStatus.STOPPED
    assert log == ["1 +a", "2 +b", "6 -b", "7 -a"]


@pytest.mark.parametrize(
    ("crashes", "end"),
    [pytest.param((0.25, 0.5), 1.0, id="before the stop"), pytest.param((1.25,), 1.25, id="during the stop")],
)
async def test_nobody_who_finishes_waits_for_one_that_has_crashed(
    crashes: tuple[float, ...], end: float, autojump_clock: MockClock
) -> None:
    ends: list[float] = []
    async with started(group(ActorSpec(name="b", factory=Doer), ActorSpec(name="a", factory=Doer))) as system:
        b, began = system.ref("b"), trio.current_time()

        async def finish() -> None:
            for work in (keep, keep, lambda *_: 1):
                with suppress(ActorError):
                    await b.ask(Do(work))
            ends.append(trio.current_time() - began)

        await wait_all_tasks_blocked()
        system.ref("a").submit(Do(lambda *_: finish()))
        for when in sorted((*crashes, 1.0)):
            await trio.sleep_until(began + when)
            if when == 1:
                system.stop()
            else:
                b.tell(Note(bug), lane=Lane.CONTROL)
        await wait_all_tasks_blocked()
        assert system.root.status is CellStatus.STOPPED
    assert ends == [end]


async def test_a_runtime_that_is_stopped_before_it_runs_starts_nothing() -> None:
    log: list[str] = []
    system = System(group(timed(log, "a")))
    system.stop()
    await system.run()
    assert log == []
    with pytest.raises(ActorDown):
        await system.ref("a").ask(Do(keep))


def test_a_start_that_ends_after_it_was_cut_is_none() -> None:
    told: list[str] = []
    for cut in (True, False):
        life = Life(0, lambda: told.append("started"))
        life.cut = cut
        life.started()
        assert len(told) == (not cut)


async def test_a_stubborn_child_is_cut_when_its_time_is_over(autojump_clock: MockClock) -> None:
    log: list[str] = []

    async def dawdle() -> None:
        with trio.move_on_after(9, shield=True):
            await trio.sleep_forever()

    async with running(timed(log, "a"), ActorSpec(name="b", factory=Doer, drain=ns(2))) as system:
        system.ref("b").tell(Note(lambda actor, envelope: dawdle()))
        await wait_all_tasks_blocked()
    assert log == ["0 +a", "9 -a"]


async def test_a_significant_child_takes_its_supervisor_along(autojump_clock: MockClock) -> None:
    log: list[str] = []
    main = timed(log, "b", restart=Restart.TRANSIENT, significant=True)
    mid = group(timed(log, "a", 1), main, name="mid", restart=Restart.TRANSIENT, significant=True)
    system = System(group(mid))
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
        system.ref("mid/b").tell(Note(bug))
        await wait_all_tasks_blocked()
        log.clear()
        system.ref("mid/b").tell(Note(finish))
    assert log == ["1 -b", "2 -a"]
    assert system.root.status is CellStatus.STOPPED


async def test_a_restart_is_told_as_an_event(autojump_clock: MockClock) -> None:
    events: list[Event] = []
    async with running(ActorSpec(name="a", factory=Doer), emit=events.append) as system:
        await trio.sleep(3)
        system.ref("a").tell(Note(bug))
        await wait_all_tasks_blocked()
        now = system.clock.utc()
    assert events == [ActorRestarted(at=now, path="a", incarnation=1, cause="ValueError", delay=0)]


async def test_nothing_of_an_error_but_its_type_is_logged(
    caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    def leak(actor: Doer, envelope: Envelope) -> None:
        raise ValueError("my password")

    async def leak_later() -> None:
        raise ValueError("my password")

    async with running(ActorSpec(name="a", factory=Doer)) as system:
        system.ref("a").tell(Note(leak))
        system.ref("a").tell(Note(lambda actor, envelope: leak_later()))
        await wait_all_tasks_blocked()
    assert "ValueError" in caplog.text
    assert "password" not in caplog.text
    assert "password" not in str(GaveUp("", ValueError("my password")))
