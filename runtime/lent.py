"""Handlers that run in the tasks of their askers.

Whoever asks waits for the answer anyway. So the handler of an ask that is taken up in its asker's own step runs in the
asker's task, under the actor's cancel scope: it needs no task of its own and wakes nobody to hand its reply over. When
the incarnation ends these handlers are recalled, as its nursery cancels those that are its own tasks.
"""

import trio


class Lent:
    """The cancel scopes of one incarnation's handlers that run elsewhere."""

    def __init__(self) -> None:
        self._scopes: dict[int, trio.CancelScope] = {}
        self._last: trio.Event | None = None
        self.recalled = False

    def add(self, number: int, scope: trio.CancelScope) -> None:
        """A handler begins."""
        self._scopes[number] = scope
        if self.recalled:
            scope.cancel()

    def remove(self, number: int) -> None:
        """It has ended."""
        del self._scopes[number]
        if self._last is not None and not self._scopes:
            self._last.set()

    async def recall(self) -> None:
        """Cancel them all, and wait until they have ended."""
        self.recalled = True
        if not self._scopes:
            return
        self._last = trio.Event()
        for scope in self._scopes.values():
            scope.cancel()
        with trio.CancelScope(shield=True):
            await self._last.wait()
