"""In which functions Ctrl-C would be raised at once, and not where the main task waits next."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import trio
from trio._core._ki import ki_protection_enabled

ACTORS = ("callboard.actors", "callboard.runtime")


@contextmanager
def interruptible(callers: tuple[str, ...] = ACTORS) -> Iterator[set[str]]:
    """Those called meanwhile: any of callboard in tasks of its own, of these packages in those of its callers, and
    whatever starts a task for callboard, which Trio would wait for though it never began.
    """
    found: set[str] = set()

    def look(frame: FrameType, event: str, _: object) -> None:
        module = _module(frame)
        if event != "call" or ki_protection_enabled(frame):
            return
        starts = callers == ACTORS and frame.f_code.co_name == "spawn_impl"
        if starts and ours(_module(frame.f_back and frame.f_back.f_back)):
            found.add("a task is started")
        if not ours(module):
            return
        if module.startswith(callers) or ours(trio.lowlevel.current_task().name):
            found.add(f"{module}.{frame.f_code.co_qualname}")

    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(None)


def ours(name: str) -> bool:
    """Whether it is callboard's, the simulated providers aside."""
    return name.startswith("callboard.") and not name.startswith("callboard.testing.")


def _module(frame: FrameType | None) -> str:
    return "" if frame is None else frame.f_globals.get("__name__", "")
