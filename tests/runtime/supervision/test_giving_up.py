"""Failures that are too many, and endings that are nobody's plan: every ask ends, nobody hangs."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.messages.events import ActorRestarted, Event, SupervisorGaveUp
from callboard.messages.signals import Down
from callboard.runtime.actor import LATER
from callboard.runtime.cell import CellStatus
from callboard.runtime.clock import Clock, ns, virtual_utc
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import ActorCrashed, ActorDown, ActorError
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.intensity import Intensity
from callboard.runtime.supervision.spec import ActorSpec, Restart, Strategy
from callboard.runtime.supervision.supervisor import GaveUp
from callboard.runtime.system import System
from callboard.testing.doer import Do, Doer, Note
from callboard.testing.running import leaks
from callboard.testing.timed import group, started, timed


class Panic(BaseException):
    """As KeyboardInterrupt: nobody's to handle."""


def bug(actor: Doer, envelope: Envelope) -> None:
    raise ValueError("bug")


def panic(actor: Doer, envelope: Envelope) -> None:
    raise Panic


async def panic_later() -> None:
    await trio.lowlevel.checkpoint()
    raise Panic


def keep(actor: Doer, envelope: Envelope) -> object:
    return LATER


def sleeping(actor: Doer, envelope: Envelope) -> object:
    return trio.sleep(1_000)


async def outcome(ended: list[object], ref: Ref, work: Callable[[Doer, Envelope], object]) -> None:
    """Append how the ask ended; a cancellation of the asker is no end."""
    try:
        ended.append(await ref.ask(Do(work)))
    except ActorError as error:
        ended.append(type(error))


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_restarting_many_siblings_for_one_failure_is_one_event(
    strategy: Strategy, autojump_clock: MockClock
) -> None:
    log: list[str] = []
    crowd = [timed(log, f"a{n}") for n in range(6)]
    spec = group(*crowd, strategy=strategy, intensity=Intensity(failures=2, period=ns(1_000)))
    system = System(spec)
    with pytest.raises(GaveUp) as caught:
        async with _cut_groups(), trio.open_nursery() as nursery:
            await nursery.start(system.run)
            for _ in range(2):
                system.ref("a0").tell(Note(bug))
                await trio.sleep(20)
                assert {cell.status for cell in system.cells()} == {CellStatus.RUNNING}
            system.ref("a0").tell(Note(bug))
    assert isinstance(caught.value.__cause__, ValueError)
    assert {cell.incarnation for cell in system.cells()} == {3}


async def test_failures_further_apart_than_the_period_never_add_up(autojump_clock: MockClock) -> None:
    spec = group(ActorSpec(name="a", factory=Doer), intensity=Intensity(failures=1, period=ns(5)))
    async with started(spec) as system:
        for _ in range(20):
            await trio.sleep(20)
            system.ref("a").tell(Note(bug))
        await trio.sleep(20)
        assert next(iter(system.cells())).incarnation == 21


async def test_giving_up_ends_every_ask_and_says_why(autojump_clock: MockClock) -> None:
    events: list[Event] = []
    spec = group(*[ActorSpec(name=name, factory=Doer) for name in "abc"], intensity=Intensity(failures=0))
    system = System(spec, emit=events.append, clock=Clock(virtual_utc(epoch=7)))
    ended: list[object] = []
    async with trio.open_nursery() as nursery:
        with pytest.raises(GaveUp, match="the root gave up after ValueError"):
            async with _cut_groups(), trio.open_nursery() as inner:
                await inner.start(system.run)
                for work in (keep, sleeping, sleeping):
                    nursery.start_soon(outcome, ended, system.ref("a"), work)
                await wait_all_tasks_blocked()
                system.ref("b").tell(Note(bug))
    assert ended == [ActorDown] * 3
    assert leaks(system) == []
    assert events == [SupervisorGaveUp(at=7, path="", cause="ValueError")]
    assert {cell.status for cell in system.cells()} == {CellStatus.GIVEN_UP}
    with pytest.raises(ActorDown, match="gave up"):
        await system.ref("c").ask(Do(keep))


async def test_a_subtree_that_gives_up_is_restarted_by_the_supervisor_above(autojump_clock: MockClock) -> None:
    log: list[str] = []
    events: list[Event] = []
    fragile = group(timed(log, "b"), timed(log, "c"), name="mid", intensity=Intensity(failures=1))
    async with started(group(timed(log, "a"), fragile), emit=events.append) as system:
        for _ in range(2):
            await wait_all_tasks_blocked()
            system.ref("mid/b").tell(Note(bug))
        await trio.sleep(1)
        assert log == ["0 +a", "0 +b", "0 +c", "0 -b", "0 +b", "0 -b", "0 -c", "0 +b", "0 +c"]
    told = [event for event in events if isinstance(event, ActorRestarted | SupervisorGaveUp)]
    summary = [(type(event).__name__, event.path, event.cause) for event in told]
    assert summary == [
        ("ActorRestarted", "mid/b", "ValueError"),
        ("SupervisorGaveUp", "mid", "ValueError"),
        ("ActorRestarted", "mid", "GaveUp"),
    ]


async def test_what_siblings_had_in_hand_ends_when_their_subtree_gives_up(autojump_clock: MockClock) -> None:
    children = [ActorSpec(name=name, factory=Doer, drain=ns(2)) for name in "bc"]
    fragile = group(*children, name="mid", intensity=Intensity(failures=0))
    ended: list[object] = []
    async with started(group(fragile)) as system, trio.open_nursery() as nursery:
        for work in (keep, sleeping):
            await wait_all_tasks_blocked()
            nursery.start_soon(outcome, ended, system.ref("mid/c"), work)
        await wait_all_tasks_blocked()
        nursery.start_soon(outcome, ended, system.ref("mid/c"), lambda actor, envelope: actor.me.incarnation)
        system.ref("mid/b").tell(Note(bug))
        await trio.sleep(9)
        assert ended == [ActorDown, ActorDown, 2]


@pytest.mark.parametrize("work", [keep, sleeping])
async def test_what_a_sibling_had_in_hand_ends_when_it_is_cut(
    work: Callable[[Doer, Envelope], object], autojump_clock: MockClock
) -> None:
    children = [ActorSpec(name=name, factory=Doer) for name in "ab"]
    ended: list[object] = []
    async with started(group(*children, strategy=Strategy.ONE_FOR_ALL)) as system, trio.open_nursery() as nursery:
        await wait_all_tasks_blocked()
        nursery.start_soon(outcome, ended, system.ref("b"), work)
        await wait_all_tasks_blocked()
        system.ref("a").tell(Note(bug))
        await wait_all_tasks_blocked()
        assert ended == [ActorCrashed]
        cut = list(system.cells())[1]
        assert (cut.incarnation, len(cut.running), len(cut.deferred), cut.last_error) == (2, 0, 0, None)


async def test_cancelling_everything_ends_every_ask(autojump_clock: MockClock) -> None:
    ended: list[object] = []
    system = System(group(group(ActorSpec(name="a", factory=Doer), name="mid")))
    async with trio.open_nursery() as nursery, trio.open_nursery() as inner:
        await inner.start(system.run)
        for work in (keep, sleeping, sleeping):
            nursery.start_soon(outcome, ended, system.ref("mid/a"), work)
        await wait_all_tasks_blocked()
        inner.cancel_scope.cancel()
    assert ended == [ActorDown] * 3
    assert leaks(system) == []


@pytest.mark.parametrize("place", ["decide", "handler", "background", "nested"])
async def test_what_is_nobodys_to_handle_escapes_and_every_ask_ends(place: str, autojump_clock: MockClock) -> None:
    works: dict[str, Callable[[Doer, Envelope], object]] = {
        "decide": panic,
        "handler": lambda actor, envelope: panic_later(),
        "background": lambda actor, envelope: actor.me.spawn(panic_later),
        "nested": panic,
    }
    actors = (ActorSpec(name="a", factory=Doer, concurrency=3), ActorSpec(name="b", factory=Doer))
    system = System(group(*((group(*actors, name="mid"),) if place == "nested" else actors)))
    prefix = "mid/" if place == "nested" else ""
    ended: list[object] = []
    async with trio.open_nursery() as nursery:
        with pytest.raises(Panic):
            async with _cut_groups(), trio.open_nursery() as inner:
                await inner.start(system.run)
                for name, work in (("a", keep), ("a", sleeping), ("b", keep), ("b", sleeping), ("b", sleeping)):
                    nursery.start_soon(outcome, ended, system.ref(prefix + name), work)
                await wait_all_tasks_blocked()
                nursery.start_soon(outcome, ended, system.ref(f"{prefix}a"), works[place])
    assert len(ended) == 6
    assert leaks(system) == []


async def test_a_temporary_child_that_was_cut_with_a_sibling_is_gone_for_good(autojump_clock: MockClock) -> None:
    children = (
        ActorSpec(name="watcher", factory=Doer),
        ActorSpec(name="a", factory=Doer),
        ActorSpec(name="b", factory=Doer, restart=Restart.TEMPORARY),
    )
    async with started(group(*children, strategy=Strategy.REST_FOR_ONE)) as system:
        await wait_all_tasks_blocked()
        system.ref("b").watch(system.ref("watcher"))
        system.ref("a").tell(Note(bug))
        await wait_all_tasks_blocked()
        received = await system.ref("watcher").ask(Do(lambda actor, envelope: actor.received))
        assert received == [Down("b", "its sibling was restarted")]
        with pytest.raises(ActorDown):
            await system.ref("b").ask(Do(keep))


async def test_a_watch_is_told_once_though_the_child_lives_again_with_its_restarted_supervisor(
    autojump_clock: MockClock,
) -> None:
    mortal = ActorSpec(name="b", factory=Doer, restart=Restart.TEMPORARY)
    fragile = group(mortal, ActorSpec(name="c", factory=Doer), name="mid", intensity=Intensity(failures=0))
    async with started(group(ActorSpec(name="watcher", factory=Doer), fragile)) as system:
        await wait_all_tasks_blocked()
        system.ref("mid/b").watch(system.ref("watcher"))
        for _ in range(2):
            system.ref("mid/b").tell(Note(bug))
            await wait_all_tasks_blocked()
            system.ref("mid/c").tell(Note(bug))
            await trio.sleep(5)
        assert await system.ref("mid/b").ask(Do(lambda actor, envelope: actor.me.incarnation)) == 3
        received = await system.ref("watcher").ask(Do(lambda actor, envelope: actor.received))
        assert received == [Down("mid/b", "it ended with ValueError")]


async def test_a_temporary_child_that_was_not_born_yet_is_still_started(autojump_clock: MockClock) -> None:
    log: list[str] = []
    children = (timed(log, "a", failures=1), timed(log, "b", restart=Restart.TEMPORARY))
    async with started(group(*children, strategy=Strategy.ONE_FOR_ALL)) as system:
        await trio.sleep(5)
        assert log == ["0 !a", "0 +a", "0 +b"]
        assert list(system.cells())[1].status is CellStatus.RUNNING


async def test_an_asker_survives_the_restart_of_the_whole_subtree(autojump_clock: MockClock) -> None:
    """Queued messages belong to the address: they wait for the next incarnation."""
    child = ActorSpec(name="b", factory=Doer)
    async with started(group(group(child, name="mid", intensity=Intensity(failures=0)))) as system:
        await wait_all_tasks_blocked()
        ref = system.ref("mid/b")
        ref.tell(Note(bug))
        assert await ref.ask(Do(lambda actor, envelope: actor.me.incarnation)) == 2


@asynccontextmanager
async def _cut_groups() -> AsyncIterator[None]:
    """Raise the one error inside the groups that nurseries make."""
    try:
        yield
    except BaseExceptionGroup as error:
        inner: BaseException = error
        while isinstance(inner, BaseExceptionGroup):
            (inner,) = inner.exceptions
        raise inner from inner.__cause__
