import os
import signal
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from callboard.runtime.storage import committing
from callboard.runtime.storage.committing import FEW, committed

MANY = FEW + 1
ENOUGH = 10.0
"""Seconds that no test needs."""

AllIn = Callable[[], object]


class Company:
    """Another task of the Trio thread, which tells other threads that it gets its turns."""

    def __init__(self) -> None:
        self._turn = threading.Event()

    async def run(self) -> None:
        while True:
            self._turn.set()
            await trio.lowlevel.checkpoint()

    def within(self, seconds: float) -> bool:
        """Whether it has a turn from now on."""
        self._turn.clear()
        return self._turn.wait(seconds)


class Aside:
    """The times at which Trio's thread stood aside, in seconds of its clock."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._more = threading.Condition()

    def note(self) -> None:
        with self._more:
            self.times.append(trio.current_time())
            self._more.notify()

    def reached(self, number: int) -> bool:
        """Wait until there are so many."""
        with self._more:
            return self._more.wait_for(lambda: len(self.times) >= number, ENOUGH)


@pytest.fixture
def aside(monkeypatch: pytest.MonkeyPatch) -> Aside:
    aside, wait = Aside(), threading.Event.wait

    def noted(event: threading.Event, timeout: float | None = None) -> bool:
        if timeout == committing.ASIDE:
            aside.note()
        return wait(event, timeout)

    monkeypatch.setattr(threading.Event, "wait", noted)
    return aside


@pytest.fixture
def company(nursery: trio.Nursery) -> Company:
    company = Company()
    nursery.start_soon(company.run)
    return company


async def test_nothing_runs_until_all_operations_are_in_and_everything_while_the_disk_works(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committing, "STANDSTILL", ENOUGH)
    seen: list[bool] = []

    def commit(all_in: AllIn) -> None:
        seen.append(company.within(0.02))
        all_in()
        seen.append(company.within(ENOUGH))

    await trio.lowlevel.checkpoint()
    await committed(commit, MANY)
    assert seen == [False, True]


async def test_nobody_stands_still_for_a_few_operations(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "STANDSTILL", ENOUGH)
    seen: list[bool] = []
    await committed(lambda _: seen.append(company.within(ENOUGH / 2)), FEW)
    assert seen == [True]


async def test_operations_that_take_long_are_not_waited_for(company: Company) -> None:
    seen: list[bool] = []
    await committed(lambda _: seen.append(company.within(ENOUGH)), MANY)
    assert seen == [True]


async def test_a_commit_that_takes_long_is_stood_aside_for_until_it_is_over(
    company: Company, aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committing, "ASIDE", threading.TIMEOUT_MAX)
    seen: list[bool] = []

    def commit(_: AllIn) -> None:
        assert aside.reached(1)
        seen.append(company.within(0.02))

    await committed(commit, FEW)
    assert seen == [False]


async def test_the_time_until_a_commit_is_stood_aside_for_again_doubles_up_to_the_longest(
    aside: Aside, autojump_clock: MockClock
) -> None:
    def commit(_: AllIn) -> None:
        assert aside.reached(9)

    await committed(commit, FEW)
    gaps = [later - earlier for earlier, later in pairwise([0.0, *aside.times[:9]])]
    assert gaps == pytest.approx([0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.064, 0.064, 0.064])


async def test_a_commit_that_fails_before_all_is_in_ends_the_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "STANDSTILL", threading.TIMEOUT_MAX)

    def commit(_: AllIn) -> None:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        await committed(commit, MANY)


async def test_a_commit_is_not_left_by_whoever_is_cancelled() -> None:
    ended: list[bool] = []

    with trio.CancelScope() as scope:

        def commit(all_in: AllIn) -> None:
            all_in()
            trio.from_thread.run_sync(scope.cancel, trio_token=token)
            ended.append(True)

        token = trio.lowlevel.current_trio_token()
        await committed(commit, MANY)
        assert ended == [True]
    assert not scope.cancelled_caught


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process that a script starts in the background ignores the keyboard."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_of_the_keyboard_waits_for_the_commit() -> None:
    ended: list[bool] = []

    def commit(all_in: AllIn) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        all_in()

    async def writer() -> None:
        await committed(commit, MANY)
        ended.append(True)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer)
            await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as caught:
        trio.run(main)
    assert [type(one) for one in caught.value.exceptions] == [KeyboardInterrupt]
    assert ended == [True]
