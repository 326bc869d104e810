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
    """Those called meanwhile: any of callboard in tasks of its own, and of these packages in those of its callers."""
    found: set[str] = set()

    def look(frame: FrameType, event: str, _: object) -> None:
        module = frame.f_globals.get("__name__", "")
        if event != "call" or not ours(module) or ki_protection_enabled(frame):
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
