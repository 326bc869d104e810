"""Trees that start, stop, restart and give up, cut everywhere: once before each step of the scheduler."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import TypeAlias

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from callboard.runtime.cell import CellStatus
from callboard.runtime.clock import ns
from callboard.runtime.envelope import Envelope
from callboard.runtime.errors import ActorCrashed, ActorDown, ActorError
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.backoff import Backoff
from callboard.runtime.supervision.intensity import Intensity
from callboard.runtime.supervision.spec import ActorSpec, Strategy, SupervisorSpec
from callboard.runtime.supervision.supervisor import GaveUp
from callboard.runtime.system import System
from callboard.testing.checkpoints import Cut, Scenario, cancel_everywhere
from callboard.testing.doer import Do, Doer, Note, Work
from callboard.testing.running import leaks

SEEDS = range(2)


def sleeping(seconds: float, value: object = "done") -> Work:
    async def sleep() -> object:
        await trio.sleep(seconds)
        return value

    return lambda actor, envelope: sleep()


def crash(actor: Doer, envelope: Envelope) -> object:
    raise ValueError("bug")


def incarnation(actor: Doer, envelope: Envelope) -> int:
    return actor.me.incarnation


class Pet(Doer):
    """Takes its time to start and to stop, and writes down its life."""

    def __init__(self, log: list[str], name: str) -> None:
        super().__init__()
        self._log, self._name = log, name

    async def start(self) -> None:
        await trio.sleep(1)
        self.me.spawn(self._live)

    async def _live(self) -> None:
        self._log.append(f"+{self._name}")
        try:
            await trio.sleep_forever()
        finally:
            self._log.append(f"-{self._name}")

    async def stop(self) -> None:
        await trio.sleep(1)


def household(log: list[str]) -> System:
    def pet(name: str) -> ActorSpec:
        return ActorSpec(name=name, factory=partial(Pet, log, name), drain=ns(2))

    group = SupervisorSpec(name="mid", children=(pet("b"), pet("c")), strategy=Strategy.ONE_FOR_ALL)
    return System(SupervisorSpec(name="root", children=(pet("a"), group, pet("d"))), seed=0)


def cancelled(cut: Cut, system: System) -> AbstractContextManager[object]:
    return cut.scope()


def told_to_stop(cut: Cut, system: System) -> AbstractContextManager[object]:
    return cut.calling(system.stop)


Ending: TypeAlias = Callable[[Cut, System], AbstractContextManager[object]]


async def from_start_to_stop(cut: Cut, ending: Ending) -> None:
    log: list[str] = []
    system = household(log)
    ended: list[object] = []
    async with trio.open_nursery() as nursery:
        for path in ("a", "mid/c", "d"):
            nursery.start_soon(_collect, ended, system.ref(path), sleeping(1))
        with ending(cut, system):
            async with trio.open_nursery() as inner:
                inner.start_soon(system.run)
                await trio.sleep(7)
                system.stop()
    born = [line[1:] for line in log if line.startswith("+")]
    assert born == list("abcd")[: len(born)]
    assert log == [f"+{name}" for name in born] + [f"-{name}" for name in reversed(born)]
    assert len(ended) == 3
    assert set(ended) <= {"done", ActorDown}
    assert cut.struck or ended == ["done"] * 3
    assert leaks(system) == []
    assert {cell.status for cell in system.cells()} == {CellStatus.STOPPED}


async def while_a_group_restarts(cut: Cut, ending: Ending) -> None:
    log: list[str] = []
    system = household(log)
    ended: list[object] = []
    async with trio.open_nursery() as nursery:
        with ending(cut, system):
            async with trio.open_nursery() as inner:
                inner.start_soon(system.run)
                await trio.sleep(5)
                nursery.start_soon(_collect, ended, system.ref("mid/c"), sleeping(9))
                await wait_all_tasks_blocked()
                system.ref("mid/b").tell(Note(crash))
                await trio.sleep(5)
                nursery.start_soon(_collect, ended, system.ref("mid/c"), incarnation)
                await wait_all_tasks_blocked()
                system.stop()
    assert all(log.count(f"+{name}") == log.count(f"-{name}") for name in "abcd")
    assert set(ended) <= {ActorCrashed, ActorDown, 1, 2}
    assert cut.struck or ended == [ActorCrashed, 2]
    assert leaks(system) == []


async def a_tree_that_is_cancelled(cut: Cut) -> None:
    await from_start_to_stop(cut, cancelled)


async def a_tree_that_is_told_to_stop(cut: Cut) -> None:
    await from_start_to_stop(cut, told_to_stop)


async def a_restart_that_is_cancelled(cut: Cut) -> None:
    await while_a_group_restarts(cut, cancelled)


async def a_restart_that_is_told_to_stop(cut: Cut) -> None:
    await while_a_group_restarts(cut, told_to_stop)


async def a_tree_that_gives_up(cut: Cut) -> None:
    children = tuple(ActorSpec(name=name, factory=Doer, drain=ns(2)) for name in "ab")
    mid = SupervisorSpec(name="mid", children=children, intensity=Intensity(failures=0), backoff=Backoff(base=ns(1)))
    system = System(SupervisorSpec(name="root", children=(mid,), intensity=Intensity(failures=0)), seed=0)
    ended: list[object] = []
    async with trio.open_nursery() as nursery:
        try:
            with cut.scope():
                async with trio.open_nursery() as inner:
                    await inner.start(system.run)
                    for work in (sleeping(9), sleeping(9), crash):
                        nursery.start_soon(_collect, ended, system.ref("mid/b"), work)
                    await wait_all_tasks_blocked()
                    system.ref("mid/a").tell(Note(crash))
        except* GaveUp:
            pass
    assert set(ended) <= {ActorDown, ActorCrashed}
    assert len(ended) == 3 or cut.struck
    assert leaks(system) == []


SCENARIOS: list[Scenario] = [
    a_tree_that_is_cancelled,
    a_tree_that_is_told_to_stop,
    a_restart_that_is_cancelled,
    a_restart_that_is_told_to_stop,
    a_tree_that_gives_up,
]


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("seed", SEEDS)
def test_cut_at_any_checkpoint_nothing_hangs_leaks_or_ends_twice(scenario: Scenario, seed: int) -> None:
    assert cancel_everywhere(scenario, seed=seed) > 0


async def _collect(ended: list[object], ref: Ref, work: Work) -> None:
    try:
        ended.append(await ref.ask(Do(work)))
    except ActorError as error:
        ended.append(type(error))
