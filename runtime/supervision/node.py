"""The tree: built once from the spec, so that every cell outlives the restarts of whoever is in it."""

import random
from collections.abc import Iterator

import trio

from callboard.runtime.cell import Cell, CellStatus, World
from callboard.runtime.clock import seconds
from callboard.runtime.instance import Instance
from callboard.runtime.supervision.spec import ActorSpec


class ActorNode:
    """One actor's place below its supervisor."""

    def __init__(self, path: str, spec: ActorSpec, world: World, rng: random.Random) -> None:
        self.path = path
        self.restart = spec.restart
        self.significant = spec.significant
        self.start_timeout = spec.start_timeout
        self.cell = Cell(path, world, mailbox=spec.mailbox, concurrency=spec.concurrency, drain=spec.drain)
        self._spec = spec
        self._rng = rng

    @property
    def incarnation(self) -> int:
        """Starts so far."""
        return self.cell.incarnation

    @property
    def patience(self) -> float:
        """Seconds that a stop may take before it is cut: the drain, the stop hook and a little; none during a start."""
        return 0 if self.cell.status is CellStatus.STARTING else 2 * seconds(self._spec.drain) + 1

    async def run(self, task_status: "trio.TaskStatus[None]") -> None:
        """One incarnation, from start to end. Raises what crashed it."""
        self.cell.incarnation += 1
        self.cell.status = CellStatus.STARTING
        rng = random.Random(self._rng.getrandbits(64))
        await Instance(self.cell, self._spec.factory, rng).run(task_status)

    def running(self) -> None:
        """It has started."""
        self.cell.status = CellStatus.RUNNING

    def request_stop(self) -> None:
        """Close the intake; the instance finishes what it has and ends."""
        self.cell.close_intake()
        self.cell.request_stop()

    def interrupted(self, cause: BaseException) -> None:
        """The instance was cut and another will come."""
        self.cell.interrupted(cause)

    def restarting(self) -> None:
        """Another incarnation will come."""
        self.cell.status = CellStatus.RESTARTING

    def end(self, status: CellStatus, why: str) -> None:
        """No further incarnation will come."""
        self.cell.end(status, why)

    def cells(self) -> Iterator[Cell]:
        """Its cell."""
        yield self.cell
