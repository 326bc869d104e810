"""The Trio run that a board belongs to: a call from another run or event loop is told, where it would break both."""

from collections.abc import Awaitable, Callable

import trio

from callboard.errors import STOPPED, RuntimeStopped

ELSEWHERE = (
    "the board belongs to the Trio run that opened it, and this is another one: from other threads use "
    "trio.from_thread.run(..., trio_token=token), with what trio.lowlevel.current_trio_token() gives in that run"
)
NOT_TRIO = (
    "a board is called from Trio tasks, and this is none: under asyncio run the board in a thread of its own with "
    "trio.run, and call it with trio.from_thread.run(..., trio_token=token), as callboard's README shows; where Trio "
    "is asyncio's guest (trio.lowlevel.start_guest_run), too, only Trio's tasks call it"
)


class Home:
    """Made in that run. Tasks that work for a caller are started in `nursery`, which lasts as long as the runtime."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._token = trio.lowlevel.current_trio_token()

    def enter(self) -> None:
        """Raises RuntimeError unless this is a task of the board's own Trio run."""
        if not trio.lowlevel.in_trio_task():
            raise RuntimeError(NOT_TRIO)
        if trio.lowlevel.current_trio_token() is not self._token:
            raise RuntimeError(ELSEWHERE)

    @trio.lowlevel.enable_ki_protection
    def start(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do it in a task of its own. Raises RuntimeStopped once the runtime has ended, and RuntimeError as `enter`."""
        self.enter()
        try:
            self._nursery.start_soon(work)
        except RuntimeError:  # the nursery of a runtime that has ended takes nothing any more
            raise RuntimeStopped(STOPPED) from None
