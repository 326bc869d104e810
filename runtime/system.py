"""One tree of actors in one Trio run."""

import random
from collections.abc import Callable, Iterator

import trio

from callboard.messages.events import Event
from callboard.runtime.cell import Cell, CellStatus, World
from callboard.runtime.clock import Clock
from callboard.runtime.deadletters import DeadLetters
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.spec import SupervisorSpec, check
from callboard.runtime.supervision.supervisor import GaveUp, Supervisor
from callboard.runtime.turns import Turns


class System:
    """Checks the spec, builds the cells, runs the root supervisor.

    Refs are good from the start: what is sent before an actor runs waits in its mailbox. `seed` makes jitter
    repeatable. Raises SpecError for a spec without sense.
    """

    def __init__(
        self,
        spec: SupervisorSpec,
        *,
        clock: Clock | None = None,
        emit: Callable[[Event], None] | None = None,
        seed: int | None = None,
    ) -> None:
        check(spec)
        self.clock = clock or Clock()
        self.dead_letters = DeadLetters()
        self._turns = Turns(self.clock)
        shared = (self.clock, self.dead_letters, self._turns)
        self.world = World(*shared) if emit is None else World(*shared, emit)
        self.root = Supervisor("", spec, self.world, random.Random(seed))
        self.stopped = trio.Event()
        self._cells = {cell.path: cell for cell in self.root.cells()}

    def ref(self, path: str) -> Ref:
        """The actor at this path. Raises KeyError when the spec has none."""
        return Ref(self._cells[path])

    def cells(self) -> Iterator[Cell]:
        """All cells in order of start."""
        return iter(self._cells.values())

    @trio.lowlevel.enable_ki_protection
    async def run(self, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Run the tree until `stop`. Raises GaveUp when the root has to give up.

        However it ends, every ask ends too.
        """
        self.root.status = CellStatus.STARTING
        announce = _Announce(self.root, task_status)
        try:
            with self._turns.watching():
                await self.root.run(announce)
        except GaveUp:
            self.root.end(CellStatus.GIVEN_UP, "the runtime gave up")
            raise
        finally:
            self.root.end(CellStatus.STOPPED, "the runtime has stopped")
            self.stopped.set()

    @trio.lowlevel.enable_ki_protection
    def stop(self) -> None:
        """Stop everything in reverse order; `run` returns when it is done."""
        self.root.request_stop()


class _Announce:
    """Marks the root as running when it says so itself."""

    def __init__(self, root: Supervisor, task_status: "trio.TaskStatus[None]") -> None:
        self._root = root
        self._task_status = task_status

    def started(self, value: None = None) -> None:
        self._root.running()
        self._task_status.started()
