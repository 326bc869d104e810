"""One request answered without a socket: the same steps, carried out as far as the client has come to read.

The server works at its own pace, whoever reads: each step has the time at which it is due. A client that comes early
waits; a client that comes late, or leaves, finds done and billed what was due by then.
"""

import math
from collections.abc import Callable, Iterator
from typing import assert_never

import trio

from callboard.actors.transport.errors import (
    BetweenBytesTimeout,
    ConnectionLost,
    Disconnected,
    FirstByteTimeout,
)
from callboard.messages.usage import Usage
from callboard.testing.served import Outcome
from callboard.testing.steps import Bill, Body, Close, Drip, End, Hang, Head, Reset, Step, Wait


class Passage:
    """`status`, `usage` and `outcome` are right at any time. `first_byte` and `between_bytes` are in seconds."""

    def __init__(self, steps: Iterator[Step], *, first_byte: float, between_bytes: float, most: int | None) -> None:
        self._steps = steps
        self._between_bytes = between_bytes
        self._most = most
        self._due = trio.current_time()
        self._patience = self._due + first_byte
        self._out = bytearray()
        self._waiting: trio.CancelScope | None = None
        self._broken = False
        self._ended = False
        self._left = False
        self.headers: list[tuple[str, str]] = []
        self.status: int | None = None
        self.usage = Usage()
        self.outcome = Outcome.OPEN

    async def head(self) -> None:
        """Wait for status and headers. Raises an httpx.TransportError when the connection or the time ends before."""
        await self._until(lambda: self.status is not None)

    async def piece(self) -> bytes:
        """The next bytes of the body, nothing at its end. Raises an httpx.TransportError."""
        self._patience = trio.current_time() + self._between_bytes
        await self._until(lambda: bool(self._out))
        size = self._most or len(self._out)
        piece = bytes(self._out[:size])
        del self._out[:size]
        return piece

    def sever(self) -> None:
        """The provider dies: whoever waits for it finds the connection lost."""
        self._catch_up()
        self._broken = True
        if self._waiting is not None:
            self._waiting.cancel()

    def leave(self) -> None:
        """The client goes; what was due by now is billed."""
        self._catch_up()
        self._left = True

    def final(self) -> Outcome:
        """The outcome, if nothing more is going to happen."""
        if self.outcome is not Outcome.OPEN:
            return self.outcome
        return Outcome.CLIENT_GONE if self._left and not self._broken else Outcome.STOPPED

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Go on until the condition holds or the reply has ended."""
        while True:
            self._catch_up()
            if holds():
                return
            if self._broken or self.outcome is Outcome.RESET:
                raise ConnectionLost("the simulated connection was lost")
            if self.outcome is Outcome.CUT and not self._ended:
                raise Disconnected("the simulated connection was closed")
            if self.outcome is not Outcome.OPEN:
                return
            await self._wait()

    async def _wait(self) -> None:
        """Until the next step is due, the client's patience ends, or the provider dies."""
        with trio.CancelScope(deadline=min(self._due, self._patience)) as self._waiting:
            await trio.sleep_forever()
        self._waiting = None
        if not self._broken and trio.current_time() < self._due:
            raise (FirstByteTimeout if self.status is None else BetweenBytesTimeout)("the simulated provider is slow")

    def _catch_up(self) -> None:
        """Do every step that is due."""
        now = trio.current_time()
        while self.outcome is Outcome.OPEN and self._due <= now and not self._broken:
            self._do(next(self._steps))

    def _do(self, step: Step) -> None:
        match step:
            case Wait(seconds):
                self._due += seconds
            case Bill(usage):
                self.usage += usage
            case Head(status, headers):
                self.status, self.headers = status, headers
            case Body(data):
                self._out += data
            case End(whole):
                self._ended = True
                error = self.status is not None and self.status >= 400
                self.outcome = (Outcome.ERROR if error else Outcome.COMPLETE) if whole else Outcome.CUT
            case Close():
                self.outcome = Outcome.CUT
            case Reset():
                self.outcome = Outcome.RESET
            case Hang():
                self._due = math.inf
            case Drip(data, seconds):
                self._steps = _drops(data, seconds)
            case _:
                assert_never(step)


def _drops(data: bytes, seconds: float) -> Iterator[Step]:
    while True:
        yield Wait(seconds)
        yield Body(data)
