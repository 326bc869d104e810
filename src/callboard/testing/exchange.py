"""One request being answered: carries out the steps and keeps what is to be logged."""

from collections.abc import Iterable
from typing import assert_never

import trio

from callboard.messages.usage import Usage
from callboard.testing.http1 import HttpConnection
from callboard.testing.served import Outcome
from callboard.testing.steps import Bill, Body, Close, Drip, End, Hang, Head, Reset, Step, Wait

_TAIL = 4096  # bytes


class Exchange:
    """`status`, `usage` and `outcome` are right at any time, also when a cancellation lands in the middle."""

    def __init__(self, http: HttpConnection) -> None:
        self._http = http
        self.status: int | None = None
        self.usage = Usage()
        self.outcome = Outcome.OPEN

    async def perform(self, steps: Iterable[Step]) -> None:
        """Carry the steps out, but leave the reply's last bytes to be flushed.

        Whoever flushes them can log the outcome first, so that a client that has its reply finds it in the log.
        Raises trio.BrokenResourceError or ClosedResourceError when the connection has ended.
        """
        for step in steps:
            await self._perform(step)

    def final(self) -> Outcome:
        """The outcome, if nothing more is going to happen."""
        if self.outcome is not Outcome.OPEN:
            return self.outcome
        return Outcome.CLIENT_GONE if self._http.client_gone else Outcome.STOPPED

    async def _perform(self, step: Step) -> None:
        match step:
            case Wait(seconds):
                await self._wait(seconds)
            case Bill(usage):
                self.usage += usage
            case Head(status, headers):
                self.status = status
                self._http.write_head(status, headers)
            case Body(data):
                self._http.write_body(data)
            case End(whole):
                await self._end(whole)
            case Close():
                await self._http.flush()
                self.outcome = Outcome.CUT
            case Reset():
                self._http.reset()
                self.outcome = Outcome.RESET
            case Hang():
                await trio.sleep_forever()
            case Drip(data, seconds):
                await self._drip(data, seconds)
            case _:
                assert_never(step)

    async def _wait(self, seconds: float) -> None:
        await self._http.flush()
        await trio.sleep(seconds)

    async def _end(self, whole: bool) -> None:
        self._http.write_end()
        await self._http.flush(keep=_TAIL)
        if not whole:
            self.outcome = Outcome.CUT
        else:
            self.outcome = Outcome.ERROR if self.status is not None and self.status >= 400 else Outcome.COMPLETE

    async def _drip(self, data: bytes, seconds: float) -> None:
        while True:
            await self._wait(seconds)
            self._http.write_body(data)
