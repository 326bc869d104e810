"""Simulated providers that tell what they see, and that troubles befall."""

from collections.abc import Callable, Iterable
from typing import Unpack

import msgspec
import trio

from callboard.actors.transport.errors import ConnectFailed
from callboard.simulation.faults import Episode, Trouble, troubled
from callboard.testing.asked import Asked
from callboard.testing.desk import DeskOptions
from callboard.testing.direct import DirectProvider
from callboard.testing.examine import HttpRequest
from callboard.testing.passage import Passage
from callboard.testing.plan import Plan
from callboard.testing.served import Served


class Watched(DirectProvider):
    """`on_arrival` hears of each request, `on_end` of each that has ended."""

    def __init__(
        self,
        name: str,
        *,
        on_arrival: Callable[["Watched", HttpRequest, Asked, Plan], None],
        on_end: Callable[["Watched", Served], None],
        **told: Unpack[DeskOptions],
    ) -> None:
        super().__init__(name, **told)
        self._usual = self.behaviour
        self._unplugged = False
        self._on_arrival = on_arrival
        self._on_end = on_end

    def received(self, request: HttpRequest, asked: Asked, plan: Plan) -> None:
        """See DirectProvider."""
        self._on_arrival(self, request, asked, plan)

    def settle(self, number: int, passage: Passage, plan: Plan) -> Served:
        """See DirectProvider."""
        served = super().settle(number, passage, plan)
        self._on_end(self, served)
        return served

    async def suffer(self, episodes: Iterable[Episode], over: Callable[[Episode], None]) -> None:
        """Live through these; `over` hears of each that is over."""
        for episode in episodes:
            await trio.sleep_until(episode.start)
            self._begin(episode)
            await trio.sleep_until(episode.end)
            self._end()
            over(episode)
        await trio.sleep_forever()

    async def connect(self, timeout: float) -> None:
        """See DirectProvider. Nothing gets through an unplugged cable, and nobody counts it."""
        if self._unplugged:
            raise ConnectFailed("the machine is down")
        await super().connect(timeout)

    def unplug(self) -> None:
        """The machine on the other side is down: all connections are lost, none is made."""
        self._unplugged = True
        self.sever()

    def plug_in(self) -> None:
        """It is up again."""
        self._unplugged = False

    def recover(self) -> None:
        """From now on all is well, but for the limits."""
        rates = {name: 0.0 for name in self._usual.__struct_fields__ if name.endswith("_rate")}
        self._usual = self.behaviour = msgspec.structs.replace(self._usual, **rates)

    def _begin(self, episode: Episode) -> None:
        match episode.trouble:
            case Trouble.REFUSES:
                self.die()
            case Trouble.UNREACHABLE:
                self.reachable = False
            case Trouble.UNAUTHORIZED:
                self.key = "another key than anybody has"
            case _:
                self.behaviour = troubled(self._usual, episode)

    def _end(self) -> None:
        self.revive()
        self.reachable = True
        self.key = None
        self.behaviour = self._usual
