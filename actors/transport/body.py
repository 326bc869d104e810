"""The body of a reply, as fast as its reader reads: nothing is taken from the socket before it is asked for."""

from typing import Protocol

import httpx
import trio

from callboard.actors.transport.coding import Unfolding
from callboard.actors.transport.errors import Stage
from callboard.actors.transport.policy import Origin
from callboard.actors.transport.stopwatch import Watch


class Source(Protocol):
    """Where a body comes from."""

    @property
    def ended(self) -> bool:
        """Whether all of it has come. What has come may still be there to take."""
        ...

    def take(self) -> bytes:
        """What has come since the last time."""
        ...

    async def receive(self) -> None:
        """Wait for more. When it raises, or is cancelled, `aclose` follows."""
        ...

    async def aclose(self) -> None:
        """The reader has gone: give the connection back if the body has come to its end, else close it."""
        ...


class Body(httpx.AsyncByteStream):
    """A reply's body with its content coding undone.

    Iterate it to its end, or close it: otherwise its connection stays taken. A break between two pieces, even on
    cancellation, is safe if `aclose` follows.
    """

    def __init__(self, source: Source, unfolding: Unfolding | None, watch: Watch, origin: Origin) -> None:
        self._source = source
        self._unfolding = unfolding
        self._watch = watch
        self._origin = origin
        self._closed = False
        self._at_once = False
        """Whether the latest piece was unfolded from what had given one before, so that nobody has waited for it."""

    def __aiter__(self) -> "Body":
        return self

    async def __anext__(self) -> bytes:
        """The next piece, never empty. Raises an httpx.RequestError; after that, or aclose, httpx.StreamClosed."""
        piece = await self._next()
        if not piece:
            raise StopAsyncIteration
        return piece

    def whole(self) -> bytes | None:
        """All that is left, where it is here already and was sent as it is; None where that takes `read`."""
        if self._unfolding is not None or self._closed or not self._source.ended:
            return None
        return self._source.take()

    async def read(self) -> bytes:
        """All that is left, in one."""
        pieces = []
        while piece := await self._next():
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def aclose(self) -> None:
        """Let go of the connection, without waiting for the server."""
        self._closed = True
        await self._source.aclose()

    async def _next(self) -> bytes:
        if self._closed:
            raise httpx.StreamClosed
        try:
            while not (piece := self._take()) and not self._source.ended:
                await self._wait()
            if piece and self._at_once:  # a few bytes unfold into many pieces, and others have their turn meanwhile
                await trio.lowlevel.checkpoint()
            if not piece and self._unfolding is not None:
                self._unfolding.close()
        except BaseException:
            await self.aclose()
            raise
        return piece

    def _take(self) -> bytes:
        if self._unfolding is None:
            return self._source.take()
        self._at_once = True
        while not (piece := self._unfolding.pull()) and (data := self._source.take()):
            self._unfolding.push(data)
            self._at_once = False
        return piece

    async def _wait(self) -> None:
        with self._watch.open(Stage.BETWEEN_BYTES):
            await self._source.receive()
            return
        raise self._watch.error(self._origin)


async def read_body(response: httpx.Response) -> bytes:
    """The whole body of a reply of any transport, closed afterwards. Cheaper than `response.aread()`."""
    stream = response.stream
    if isinstance(stream, Body):
        return await stream.read()
    return await response.aread()
