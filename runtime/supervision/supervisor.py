"""A supervisor: starts its children in order, restarts them by the rules, gives up when it is too much, stops in
strictly reverse order.

Nothing here waits for a child in a way that could keep a stop waiting: ends are queued as events, restarts are due
times, and the one loop in `_manage` carries them out.

Each child runs in a task whose cancel scope is shielded, so that a cancelled tree is taken down in order too: each
child in turn is cut and waited for.
"""

import itertools
import random
from collections import deque
from collections.abc import Callable, Iterator

import trio

from callboard.messages.events import ActorRestarted, SupervisorGaveUp
from callboard.runtime.cell import GONE, Cell, CellStatus, World
from callboard.runtime.clock import NEVER, seconds, trio_deadline
from callboard.runtime.leaf import leaf
from callboard.runtime.logs import get_logger
from callboard.runtime.supervision.backoff import BackoffState
from callboard.runtime.supervision.decide import RESTARTS, Exit, affected
from callboard.runtime.supervision.intensity import FailureTimes
from callboard.runtime.supervision.node import ActorNode
from callboard.runtime.supervision.spec import ChildSpec, Restart, SupervisorSpec

_log = get_logger("callboard.supervision")


class GaveUp(Exception):
    """A supervisor saw more failures than its intensity allows. The cause is the last of them."""

    def __init__(self, path: str, cause: BaseException) -> None:
        super().__init__(f"{path or 'the root'} gave up after {type(cause).__name__}")
        self.path = path
        self.cause = cause


class StartTimeout(Exception):
    """A child did not say in time that it had started."""


class Ended(Exception):
    """A child that should go on for ever returned."""


class Life:
    """One run of one child, which is to have started before `limit` (monotonic nanoseconds); `started` is told then."""

    def __init__(self, limit: int, started: Callable[[], None]) -> None:
        self.limit = limit
        self._started = started
        self.scope = trio.CancelScope(shield=True)
        self.done = trio.Event()
        self.was_started = False
        self.cut = False

    def started(self, value: None = None) -> None:
        """The child says that it is ready (the task_status of its run)."""
        self.was_started = True
        if not self.cut:
            self._started()


class Supervisor:
    """One supervisor's place in the tree; it may run many times."""

    def __init__(self, path: str, spec: SupervisorSpec, world: World, rng: random.Random) -> None:
        self.path = path
        self.restart = spec.restart
        self.significant = spec.significant
        self.start_timeout = NEVER
        self.patience = float("inf")
        self.incarnation = 0
        self.status = CellStatus.NEW
        self.last_error: str | None = None
        self._spec = spec
        self._world = world
        self._rng = rng
        self.children: dict[str, ActorNode | Supervisor] = {
            child.name: _node(f"{path}/{child.name}" if path else child.name, child, world, rng)
            for child in spec.children
        }
        self._lives: dict[str, Life] = {}
        self._pending: dict[str, int] = {}
        self._ends: deque[tuple[str, Life, Exit, BaseException]] = deque()
        self._changed = trio.Event()
        self._stopping = False
        self._nursery: trio.Nursery

    async def run(self, task_status: "trio.TaskStatus[None]") -> None:
        """One life: until a stop is requested, or raises GaveUp. Its children have ended when it returns."""
        self._begin()
        try:
            async with trio.open_nursery() as self._nursery:
                try:
                    await self._manage(task_status)
                finally:
                    await self._stop_children()
        except Exception as error:
            cause = leaf(error)
            self.interrupted(cause)
            raise cause from cause.__cause__
        finally:
            self._stopping = False

    def running(self) -> None:
        """All children have started."""
        self.status = CellStatus.RUNNING

    def restarting(self) -> None:
        """It and all below it will start again."""
        self.status = CellStatus.RESTARTING
        for child in self.children.values():
            child.restarting()

    def request_stop(self) -> None:
        """Stop the children in reverse order and end. A restart that is due or a start underway does not delay it."""
        self._stopping = True
        self.status = CellStatus.STOPPING
        self._changed.set()

    def interrupted(self, cause: BaseException) -> None:
        """It has ended and may start again: every ask in hand below it ends."""
        for child in self.children.values():
            child.interrupted(cause)

    def end(self, status: CellStatus, why: str) -> None:
        """It and all below it are gone for good."""
        if self.status not in GONE:
            self.status = status
        for child in self.children.values():
            child.end(status, why)

    def cells(self) -> Iterator[Cell]:
        """All cells below, in order of start."""
        for child in self.children.values():
            yield from child.cells()

    def _begin(self) -> None:
        self.incarnation += 1
        self.status = CellStatus.STARTING
        self._failures = FailureTimes(self._spec.intensity)
        self._backoff = BackoffState(self._spec.backoff)
        self._ends.clear()
        self._lives.clear()
        self._pending = dict.fromkeys(self.children, 0)

    async def _manage(self, task_status: "trio.TaskStatus[None]") -> None:
        announced = False
        while not self._stopping:
            now = self._world.clock.now()
            name, when = self._next(in_order=not announced)
            starting, limit = self._first_start_to_end()
            if self._ends:
                await self._ended(*self._ends.popleft())
            elif not announced and not self._pending and starting is None:
                announced = True
                task_status.started()
            elif starting is not None and limit <= now:
                await self._give_up_start(starting)
            elif name is not None and when <= now:
                self._start(name, now)
            else:
                await self._wait(min(when, limit))

    def _next(self, *, in_order: bool) -> tuple[str | None, int]:
        """The child to start next, and when. The first time round nobody starts before those ahead of it have.

        Later on it is the one that is due first. Nobody starts during the start of one ahead of it, which it may
        need; one that is ahead does, since the start underway may be waiting for it.
        """
        free = itertools.takewhile(lambda name: not self._is_starting(name), self.children)
        waiting = [name for name in free if name in self._pending]
        if not waiting:
            return None, NEVER
        name = waiting[0] if in_order else min(waiting, key=self._pending.__getitem__)
        return name, self._pending[name]

    def _is_starting(self, name: str) -> bool:
        life = self._lives.get(name)
        return life is not None and not (life.was_started or life.done.is_set())

    def _first_start_to_end(self) -> tuple[str | None, int]:
        """Of the starts underway the one whose time is over first, and when that is."""
        name = min(filter(self._is_starting, self._lives), key=lambda one: self._lives[one].limit, default=None)
        return name, NEVER if name is None else self._lives[name].limit

    async def _wait(self, until: int) -> None:
        self._changed = trio.Event()
        if until >= NEVER:
            await self._changed.wait()
            return
        with trio.move_on_at(trio_deadline(until)):
            await self._changed.wait()

    def _start(self, name: str, now: int) -> None:
        child = self.children[name]
        del self._pending[name]

        def started() -> None:
            child.running()
            if self._pending or self.status is CellStatus.STARTING:  # somebody has waited for it
                self._changed.set()

        life = self._lives[name] = Life(min(NEVER, now + child.start_timeout), started)
        self._nursery.start_soon(self._live, name, child, life)

    async def _give_up_start(self, name: str) -> None:
        child, life = self.children[name], self._lives[name]
        await self._cut(life)
        self._ends.append((name, life, Exit.FAILED_START, StartTimeout(f"{child.path} did not start in time")))

    @trio.lowlevel.enable_ki_protection
    async def _live(self, name: str, child: "ActorNode | Supervisor", life: Life) -> None:
        end = Exit.NORMAL
        cause: BaseException = Ended(f"{child.path} ended")
        try:
            with life.scope:
                await child.run(life)
        except Exception as error:
            end = Exit.CRASH if life.was_started else Exit.FAILED_START
            cause = leaf(error)
        finally:
            life.done.set()
        if self._stopping:  # nobody is to wait until this one's turn in the order comes: it does not start again
            child.end(CellStatus.STOPPED, "it was stopped")
        elif not life.cut:
            self._ends.append((name, life, end, cause))
            self._changed.set()

    async def _ended(self, name: str, life: Life, end: Exit, cause: BaseException) -> None:
        if self._lives.get(name) is not life:
            return
        del self._lives[name]
        child = self.children[name]
        if not RESTARTS[child.restart][end]:
            self._leave_down(child, end, cause)
            return
        child.restarting()
        now = self._world.clock.now()
        self.last_error = type(cause).__name__
        if self._failures.add(now):
            self._emit_gave_up(cause)
            raise GaveUp(self.path, cause) from cause
        delay = self._backoff.next(now, self._rng.random())
        self._emit_restart(child, cause, delay)
        await self._restart_later(affected(self._spec.strategy, name, tuple(self.children)), name, now + delay, cause)

    def _leave_down(self, child: "ActorNode | Supervisor", end: Exit, cause: BaseException) -> None:
        if end is not Exit.NORMAL:
            _log.warning("%s ended with %s and is not restarted", child.path, type(cause).__name__)
        if end is Exit.NORMAL:
            child.end(CellStatus.STOPPED, "it ended")
        else:
            child.end(CellStatus.GIVEN_UP, f"it ended with {type(cause).__name__}")
        if child.significant:
            self.request_stop()

    async def _restart_later(self, names: tuple[str, ...], failed: str, when: int, cause: BaseException) -> None:
        for name in reversed(names):
            child = self.children[name]
            if name in self._lives:
                await self._cut(self._lives.pop(name))
                child.interrupted(cause)
                if child.restart is Restart.TEMPORARY:
                    child.end(CellStatus.STOPPED, "its sibling was restarted")
                    continue
                child.restarting()
            elif name != failed and name not in self._pending:
                continue
            self._pending[name] = when

    async def _cut(self, life: Life) -> None:
        life.cut = True
        life.scope.cancel()
        await life.done.wait()

    async def _stop_children(self) -> None:
        """In reverse order, one at a time. Once this is cancelled, the children that are left are cut, not asked."""
        lives = [(self.children[name], self._lives[name]) for name in reversed(self.children) if name in self._lives]
        if self._stopping:
            self._end_the_dead()
        try:
            for child, life in lives:
                await self._stop_child(child, life)
        finally:
            with trio.CancelScope(shield=True):
                for _, life in lives:
                    await self._cut(life)

    def _end_the_dead(self) -> None:
        """Those that have ended do not start again: nobody is to wait for them until their turn comes."""
        for name, child in self.children.items():
            if name not in self._lives or self._lives[name].done.is_set():
                child.end(CellStatus.STOPPED, "it was stopped")

    async def _stop_child(self, child: "ActorNode | Supervisor", life: Life) -> None:
        life.cut = True
        if not life.done.is_set():
            with trio.move_on_after(child.patience):
                child.request_stop()
                await life.done.wait()
            await self._cut(life)

    def _emit_restart(self, child: "ActorNode | Supervisor", cause: BaseException, delay: int) -> None:
        _log.warning("%s failed with %s; starting again in %.3f s", child.path, type(cause).__name__, seconds(delay))
        self._world.emit(
            ActorRestarted(
                at=self._world.clock.utc(),
                path=child.path,
                incarnation=child.incarnation,
                cause=type(cause).__name__,
                delay=delay,
            )
        )

    def _emit_gave_up(self, cause: BaseException) -> None:
        _log.error("%s gave up after %s", self.path or "the root", type(cause).__name__)
        self._world.emit(SupervisorGaveUp(at=self._world.clock.utc(), path=self.path, cause=type(cause).__name__))


def _node(path: str, spec: ChildSpec, world: World, rng: random.Random) -> ActorNode | Supervisor:
    if isinstance(spec, SupervisorSpec):
        return Supervisor(path, spec, world, rng)
    return ActorNode(path, spec, world, rng)
