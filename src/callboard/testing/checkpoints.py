"""Cancel everywhere: run a scenario once for every checkpoint that it passes, and cancel it there.

A *scenario* is an async function that takes a `Cut`. It wraps what is to be cancelled, sets up what it needs outside
of that, and asserts afterwards what must hold wherever the cut fell:

    async def asking(cut: Cut) -> None:
        async with running(ActorSpec(name="a", factory=Doer)) as system:
            with cut.scope():
                await system.ref("a").ask(Do(slowly))
            assert await system.ref("a").ask(Do(quickly)) == "quick"

    def test_an_ask_can_be_cancelled_anywhere() -> None:
        cancel_everywhere(asking)

A checkpoint here is one step of Trio's scheduler: whenever any task of the run is about to go on, the cut may fall
just before it. So it falls between any two steps of everybody, not only of the task that is cancelled. Every run has
its own virtual clock and the same seeded schedule; a failure says how to repeat it alone.
"""

import random
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.testing.schedule import seeded

PATIENCE = 86_400.0
"""Seconds of the scenario's clock after which it counts as hanging."""


class Cut:
    """Counts the checkpoints that pass while it is armed, and strikes at the chosen one."""

    def __init__(self, at: int | None = None) -> None:
        self._at = at
        self._strike: Callable[[], object] | None = None
        self.passed = 0
        """Checkpoints so far, counted from 1; parts that are armed one after the other count on."""
        self.struck = False

    @contextmanager
    def scope(self) -> Iterator[trio.CancelScope]:
        """Arm this part: its scope is cancelled at the chosen checkpoint. The scope swallows its own cancellation."""
        with trio.CancelScope() as scope, self.calling(scope.cancel):
            yield scope

    @contextmanager
    def calling(self, strike: Callable[[], object]) -> Iterator[None]:
        """Arm this part: `strike` is called at the chosen checkpoint, in place of a cancellation.

        It runs between two steps of the scheduler, so it must not wait and must not raise; `System.stop`,
        `Stream.leave` or `CancelScope.cancel` are what it is for.
        """
        if self._strike is not None:
            raise RuntimeError("a cut is armed for one part of a scenario at a time")
        self._strike = strike
        try:
            yield
        finally:
            self._strike = None

    def step(self) -> None:
        """One task is about to go on."""
        if self._strike is None:
            return
        self.passed += 1
        if self.passed == self._at:
            self.struck = True
            self._strike()

    def __repr__(self) -> str:
        return f"Cut(at={self._at}, passed={self.passed}, struck={self.struck})"


Scenario: TypeAlias = Callable[[Cut], Awaitable[object]]
ClockFactory: TypeAlias = Callable[[], trio.abc.Clock | None]
"""None is Trio's own clock."""


class _Steps(trio.abc.Instrument):
    def __init__(self, cut: Cut) -> None:
        self._cut = cut

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._cut.step()


def virtual_clock() -> MockClock:
    """A clock that jumps to the next deadline whenever nothing else can happen."""
    return MockClock(autojump_threshold=0)


def cancel_at(scenario: Scenario, checkpoint: int | None, *, seed: int = 0, clock: ClockFactory = virtual_clock) -> Cut:
    """Run the scenario once, cut at this checkpoint (None: nowhere), and give its cut with what it counted.

    Raises what the scenario raises, and trio.TooSlowError when it hangs for `PATIENCE` seconds of its own clock.
    """
    cut = Cut(checkpoint)

    async def once() -> None:
        await wait_all_tasks_blocked()  # Trio's own tasks take their first steps uncounted
        with trio.fail_after(PATIENCE):
            await scenario(cut)

    with seeded(seed):
        trio.run(once, clock=clock(), instruments=[_Steps(cut)])
    return cut


def cancel_everywhere(
    scenario: Scenario, *, seed: int = 0, at_most: int | None = None, clock: ClockFactory = virtual_clock
) -> int:
    """Run the scenario uncut, then once for each checkpoint it passed. Gives their number, and prints it.

    `seed` fixes the schedule and, when there are more than `at_most` checkpoints, which of them are tried. `clock`
    makes the clock of each run; give another one for a scenario that waits for real sockets or threads. What a run
    raises is raised, with a note that says where the cut was and how to repeat it.
    """
    total = cancel_at(scenario, None, seed=seed, clock=clock).passed
    tried = _chosen(total, at_most, seed)
    name = getattr(scenario, "__qualname__", repr(scenario))
    for checkpoint in tried:
        try:
            cancel_at(scenario, checkpoint, seed=seed, clock=clock)
        except BaseException as error:
            error.add_note(f"cut at checkpoint {checkpoint} of {total}: cancel_at({name}, {checkpoint}, seed={seed})")
            raise
    sys.stdout.write(f"{name}: cut at {len(tried)} of {total} checkpoints, seed {seed}\n")
    return total


def _chosen(total: int, at_most: int | None, seed: int) -> Sequence[int]:
    everywhere = range(1, total + 1)
    if at_most is None or total <= at_most:
        return everywhere
    return sorted(random.Random(seed).sample(everywhere, at_most))
