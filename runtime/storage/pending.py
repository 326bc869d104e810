"""Whether one submission was committed: told once, asked as often as anyone likes."""

import copy

import trio

from callboard.runtime.storage.errors import StorageError


class Pending:
    """Belongs to one submission. Waiters come and go, cancelled or not, without touching it or each other."""

    __slots__ = ("_event", "done", "error")

    def __init__(self) -> None:
        self.done = False
        self.error: StorageError | None = None
        self._event: trio.Event | None = None

    def settle(self, error: StorageError | None) -> None:
        """Say how it ended: committed (None), or why not. The second time is ignored."""
        if self.done:
            return
        self.done = True
        self.error = error
        if self._event is not None:
            self._event.set()

    async def settled(self) -> None:
        """Wait until it has ended, either way. A checkpoint always."""
        if self.done:
            await trio.lowlevel.checkpoint()
            return
        if self._event is None:
            self._event = trio.Event()
        await self._event.wait()

    async def wait(self) -> None:
        """Wait until it is committed, and so acknowledged. Raises the StorageError that prevented it."""
        await self.settled()
        self.check()

    def check(self) -> None:
        """Raise the error that it has ended with, if any: a copy, for tracebacks are not to be shared."""
        if self.error is not None:
            raise copy.copy(self.error)

    def __repr__(self) -> str:
        state = "waiting" if not self.done else "failed" if self.error else "committed"
        return f"Pending({state})"
