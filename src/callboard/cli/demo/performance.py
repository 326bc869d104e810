"""The demo underway: callers at work, a provider that dies and returns, and somebody who watches."""

from collections.abc import Callable, Iterator

import trio

from callboard.asking import Options
from callboard.board import Board
from callboard.cli.demo.outage import Outage, Phase, Seen
from callboard.cli.demo.result import Result, failed, succeeded
from callboard.cli.demo.script import Planned, more
from callboard.cli.demo.stage import FAILS
from callboard.cli.demo.timeline import Timeline
from callboard.errors import CallError
from callboard.testing import SimulatedProvider

CALLERS = 24
"""Calls in flight at once."""
LOOK = 0.05
"""Seconds from one decision on the outage to the next."""
PAUSE = 0.05
"""Seconds between the calls that wait for the circuit to close."""
LONGEST_REPLY = 64
"""Tokens."""


class Performance:
    """One run of the demo. `script` are the planned calls; `say` tells a line; `elapsed` gives seconds."""

    def __init__(
        self,
        board: Board,
        servers: dict[str, SimulatedProvider],
        timeline: Timeline,
        script: tuple[Planned, ...],
        seed: int,
        *,
        say: Callable[[str], None],
        elapsed: Callable[[], float],
    ) -> None:
        self._board = board
        self._failing = servers[FAILS]
        self._timeline = timeline
        self._script = script
        self._seed = seed
        self._say = say
        self._elapsed = elapsed
        self._outage = Outage(len(script))
        self.results: list[Result] = []
        self.begun = 0

    async def run(self) -> None:
        """Make the planned calls, and more until the circuit has closed again or that takes too long."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._direct)
            async with trio.open_nursery() as callers:
                calls = iter(self._script)
                for _ in range(CALLERS):
                    callers.start_soon(self._caller, calls)
            await self._go_on()

    async def _direct(self) -> None:
        while self._outage.phase is not Phase.OVER:
            match self._outage.step(self._seen()):
                case Phase.DOWN:
                    self._say(f"{FAILS} dies: its connections are cut, new ones are refused")
                    self._failing.die()
                case Phase.BACK:
                    self._say(f"{FAILS} is back")
                    self._failing.revive()
            await trio.sleep(LOOK)

    def _seen(self) -> Seen:
        return Seen(
            now=self._elapsed(),
            ended=len(self.results),
            opened=self._timeline.opened(FAILS),
            closed=self._timeline.closed(FAILS),
        )

    async def _caller(self, calls: Iterator[Planned]) -> None:
        for call in calls:
            await self._call(call)

    async def _go_on(self) -> None:
        if self._outage.phase is not Phase.OVER:
            self._say(f"all planned calls have ended; more follow until {FAILS}'s circuit has closed")
        calls = more(len(self._script), self._seed)
        while self._outage.phase is not Phase.OVER:
            await self._call(next(calls))
            await trio.sleep(PAUSE)

    async def _call(self, call: Planned) -> None:
        self.begun += 1
        make = self._streamed if call.stream else self._plain
        self.results.append(await make(call))

    async def _plain(self, call: Planned) -> Result:
        begun = self._elapsed()
        try:
            reply = await self._board.generate(call.prompt, model=call.model, **_options(call))
        except CallError as error:
            return failed(call, error, self._elapsed() - begun)
        return succeeded(call, reply)

    async def _streamed(self, call: Planned) -> Result:
        begun = self._elapsed()
        first: float | None = None
        pieces: list[str] = []
        try:
            async with self._board.stream(call.prompt, model=call.model, **_options(call)) as stream:
                async for delta in stream:
                    first = self._elapsed() - begun if first is None else first
                    pieces.append(delta.text)
        except CallError as error:
            return failed(call, error, self._elapsed() - begun, pieces="".join(pieces), first=first)
        return succeeded(call, stream.reply, pieces="".join(pieces), first=first)


def _options(call: Planned) -> Options:
    options: Options = {"tag": call.model, "max_tokens": LONGEST_REPLY, "wait": True}
    if call.deterministic:
        options["temperature"] = 0.0
    return options
