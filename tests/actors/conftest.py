"""Actors among real neighbours: a tree whose actors find each other by path."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import pytest
import trio

from callboard.runtime.clock import Clock, virtual_utc
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.spec import ChildSpec, SupervisorSpec
from callboard.runtime.system import System
from callboard.testing.running import leaks

Lookup: TypeAlias = Callable[[str], Ref]
Children: TypeAlias = Callable[[Lookup], tuple[ChildSpec, ...]]
Tree: TypeAlias = Callable[[Children], AbstractAsyncContextManager[System]]


@pytest.fixture
def tree() -> Tree:
    """Run the children that a function makes of a lookup, which is good once they start."""
    return _running


@asynccontextmanager
async def _running(children: Children) -> AsyncIterator[System]:
    systems: list[System] = []

    def lookup(path: str) -> Ref:
        return systems[0].ref(path)

    spec = SupervisorSpec(name="root", children=children(lookup))
    system = System(spec, clock=Clock(virtual_utc()), seed=0)
    systems.append(system)
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
        yield system
        system.stop()
    assert leaks(system) == []
