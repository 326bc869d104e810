"""A streamed reply in the caller's hands."""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import trio

from callboard.block import Block
from callboard.errors import STOPPED, CallboardError, RuntimeStopped, error_of
from callboard.handing import Handing
from callboard.home import Home
from callboard.messages.calls import Failure
from callboard.messages.reply import Delta, Reply
from callboard.runtime.stream import Closed, Stream


class ReplyStream:
    """Deltas as they come: `async with board.stream(...) as stream: async for delta in stream: ...`

    Leaving the block early stops the upstream at once. After the last delta `reply` is the whole answer. Iterating
    raises Interrupted when the stream breaks after its first delta, and other CallErrors when it never began; outside
    the block it raises RuntimeError, as does entering that twice.
    """

    def __init__(self, handing: Handing, home: Home, stream: Stream[Delta]) -> None:
        self._handing = handing
        self._home = home
        self._stream = stream
        self._scope = trio.CancelScope()
        self._reply: Reply | None = None
        self._block = Block("board.stream(...)")

    @property
    def id(self) -> str:
        """The call's id in the ledger; another one once a crash made it begin again."""
        return self._handing.call.id

    @property
    def reply(self) -> Reply:
        """The whole answer, once the stream has come to its end."""
        if self._reply is None:
            raise RuntimeError("the stream has not come to its end: read it first, or call `collect`")
        return self._reply

    async def collect(self) -> Reply:
        """Read to the end and give the whole answer."""
        async for _ in self:
            pass
        return self.reply

    def __aiter__(self) -> AsyncIterator[Delta]:
        return self

    async def __anext__(self) -> Delta:
        self._block.inside()
        try:
            return await self._stream.receive()
        except Closed as closed:
            self._finish(closed.reason)
            raise StopAsyncIteration from None

    @trio.lowlevel.enable_ki_protection
    async def __aenter__(self) -> Self:
        self._block.enter()
        self._home.start(self._conduct)
        return self

    @trio.lowlevel.enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._block.leave()
        self._stream.leave()
        self._scope.cancel()

    @trio.lowlevel.enable_ki_protection
    async def _conduct(self) -> None:
        """Wait for the call's outcome, and end the stream with it. Cancelled when the reader leaves."""
        reason: object = RuntimeStopped(STOPPED)
        try:
            with self._scope:
                reason = await self._handing.outcome()
        except RuntimeStopped as error:
            reason = error
        finally:
            self._stream.close(reason)

    def _finish(self, reason: object) -> None:
        match reason:
            case Reply():
                self._reply = reason
            case Failure():
                raise error_of(reason)
            case CallboardError():
                raise reason from None
