"""All of it together: one Trio run in virtual time, from the seed to the verdict."""

import tempfile
import time
from pathlib import Path

import trio
from trio.testing import MockClock

from callboard.simulation.report import Report
from callboard.simulation.spec import Spec
from callboard.simulation.stage import Stage
from callboard.testing.schedule import seeded


def simulate(spec: Spec) -> Report:
    """Play one simulation. The same spec gives the same report, but for the CPU time. Call it outside of any Trio run.

    What the runtime does wrong is in the report's violations; what is raised is a bug of the simulation's.
    """
    began = time.process_time()
    memory = Path("/dev/shm")  # noqa: S108 - a fresh folder of our own inside
    parent = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="callboard-simulation-", dir=parent) as folder, seeded(spec.seed):
        stage = Stage(spec, Path(folder))
        trio.run(stage.play, clock=MockClock(autojump_threshold=0))
    return stage.report(time.process_time() - began)
