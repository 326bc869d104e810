"""Trees whose starts and ends are written down with their times, for tests of supervision."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio

from callboard.runtime.clock import Clock, ns, seconds, virtual_utc
from callboard.runtime.supervision.backoff import Backoff
from callboard.runtime.supervision.intensity import Intensity
from callboard.runtime.supervision.spec import ActorSpec, ChildSpec, SupervisorSpec
from callboard.runtime.system import System
from callboard.testing.doer import Doer
from callboard.testing.running import leaks

STEADY = Backoff(base=ns(1), max=ns(8), jitter=0.0, quiet=ns(60))
PATIENT = Intensity(failures=1_000)


class Timed(Doer):
    """Writes down when it starts and ends; start and stop take `pace` seconds, and the first `failures` starts fail."""

    def __init__(self, log: list[str], name: str, *, pace: float = 0, failures: float = 0) -> None:
        super().__init__()
        self._log, self._name, self._pace, self._failures = log, name, pace, failures

    def _write(self, what: str) -> None:
        self._log.append(f"{seconds(self.me.now()):g} {what}{self._name}")

    async def start(self) -> None:
        """See Actor."""
        await trio.sleep(self._pace)
        if self.me.incarnation <= self._failures:
            self._write("!")
            raise OSError("cannot start")
        self._write("+")
        self.me.spawn(self._live)

    async def _live(self) -> None:
        try:
            await trio.sleep_forever()
        finally:
            self._write("-")

    async def stop(self) -> None:
        """See Actor."""
        await trio.sleep(self._pace)


def timed(log: list[str], name: str, pace: float = 0, failures: float = 0, **options: Any) -> ActorSpec:
    """One of these, by its name."""
    return ActorSpec(name=name, factory=partial(Timed, log, name, pace=pace, failures=failures), **options)


def group(*children: ChildSpec, name: str = "root", intensity: Intensity = PATIENT, **options: Any) -> SupervisorSpec:
    """A supervisor that restarts after waits of 0, 1, 2, 4 and 8 seconds, and by default never gives up."""
    return SupervisorSpec(name=name, children=children, intensity=intensity, backoff=STEADY, **options)


@asynccontextmanager
async def started(spec: SupervisorSpec, **options: Any) -> AsyncIterator[System]:
    """A system that is started but not waited for; it must be gone without a trace in the end."""
    system = System(spec, clock=Clock(virtual_utc()), seed=0, **options)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(system.run)
        yield system
        system.stop()
    assert leaks(system) == []
