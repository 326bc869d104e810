"""A simulated provider: a real HTTP server on loopback, under Trio."""

import errno
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Literal, Self

import h11
import trio

from callboard.testing.account import Account
from callboard.testing.anthropic import AnthropicShape
from callboard.testing.asked import Asked
from callboard.testing.behaviour import Behaviour
from callboard.testing.examine import HttpRequest, examine
from callboard.testing.exchange import Exchange
from callboard.testing.http1 import HttpConnection
from callboard.testing.journal import Journal
from callboard.testing.openai import OpenAIShape
from callboard.testing.plan import Plan
from callboard.testing.port import Port
from callboard.testing.refusal import Reason, Refusal, Refused
from callboard.testing.script import refuse, script
from callboard.testing.served import ProviderStatistics, Served
from callboard.testing.shape import Shape, Stamp

MODELS = ("sim-small", "sim-large")
"""What a simulated provider offers unless told otherwise."""
_MEBIBYTE = 2**20
_NO_FILES = {errno.EMFILE, errno.ENFILE}
_NO_FILES_PAUSE = 0.05  # seconds until the connection that could not be accepted is tried again


class SimulatedProvider:
    """One provider account. Enter it, or start `serve` in a nursery; both leave it listening. Left and entered again it
    keeps its port and its log.

    `behaviour`, `per_model` and `upcoming` may be changed while it runs and hold for the requests that come after.

    `seed` and `name` key every random draw. `key` is the credential to insist on; None takes any. `models` are the
    ones on offer; another is a 404. `max_body` is in bytes. `utc` gives UTC nanoseconds for the dates in replies:
    a test that owns Trio's clock gives one that follows it, such as callboard.runtime.clock.virtual_utc().
    """

    def __init__(
        self,
        name: str = "simulated",
        *,
        shape: Literal["openai", "anthropic"] | Shape = "openai",
        behaviour: Behaviour | None = None,
        per_model: Mapping[str, Behaviour] | None = None,
        models: Sequence[str] = MODELS,
        key: str | None = None,
        seed: int = 0,
        port: int = 0,
        max_body: int = 32 * _MEBIBYTE,
        utc: Callable[[], int] = time.time_ns,
    ) -> None:
        if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
            raise ValueError(f"name is {name!r}: give letters, digits, '_', '.' and '-' only")
        self.name = name
        self.behaviour = behaviour or Behaviour()
        self.per_model = dict(per_model or {})
        """The behaviour of a model, in place of `behaviour`; its rate limits are its own."""
        self.upcoming: deque[Behaviour] = deque()
        """The behaviours of the next chat requests, one each; afterwards `behaviour` and `per_model` hold again."""
        self.models = tuple(models)
        self.shape: Shape = _shape(shape)
        self._key = key
        self._max_body = max_body
        self._utc = utc
        self._account = Account(f"{seed}/{name}")
        self._wanted_port = port
        self._port: Port | None = None
        self._nursery: trio.Nursery | None = None
        self._streams: set[trio.SocketStream] = set()
        self._accepted = 0
        self._journal = Journal()
        self._watchers = trio.lowlevel.ParkingLot()

    def __repr__(self) -> str:
        where = self._port.url if self._port else "never served"
        state = "alive" if self.alive else "dead"
        return f"<SimulatedProvider {self.name} {self.shape.name} {where} {state}, {len(self._journal)} requests>"

    @property
    def origin(self) -> str:
        """Scheme, host and port, such as `http://127.0.0.1:40123`: the base URL that Anthropic's own client takes."""
        return self._bound.url

    @property
    def url(self) -> str:
        """The base URL that callboard and OpenAI's own client take: `origin` and `/v1`."""
        return f"{self._bound.url}/v1"

    @property
    def alive(self) -> bool:
        """Whether it listens."""
        return self._port is not None and self._port.listening

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._streams)

    @property
    def log(self) -> tuple[Served, ...]:
        """Every request that arrived, in order; one in hand has the outcome `open`."""
        return self._journal.entries

    def forget_log(self) -> None:
        """Drop the requests that have ended from the log, for runs that are long. The counts go on."""
        self._journal.forget()

    def statistics(self) -> ProviderStatistics:
        """Counts, now."""
        return ProviderStatistics(
            connections=len(self._streams),
            accepted=self._accepted,
            in_flight=self._journal.in_flight,
            most_in_flight=self._journal.most_in_flight,
            requests=len(self._journal),
        )

    async def wait_until(self, holds: Callable[[Self], bool]) -> None:
        """Wait until the condition holds, as seen whenever a connection or request begins or ends."""
        while not holds(self):
            await self._watchers.park()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled. Raises as entering does."""
        async with self:
            task_status.started()
            await trio.sleep_forever()

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError when the wanted port is taken, RuntimeError when it serves already."""
        if self._nursery is not None:
            raise RuntimeError(f"{self!r} serves already: make another provider")
        self._port = Port(self._port.number if self._port else self._wanted_port)
        self._manager = trio.open_nursery()
        self._nursery = await self._manager.__aenter__()
        self.revive()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._serving().cancel_scope.cancel()
        try:
            # The body's own exception is not for the nursery, which would wrap it in a group.
            await self._manager.__aexit__(None, None, None)
        finally:
            self._nursery = None
            self._bound.close()

    def die(self) -> None:
        """Close the listening socket and every connection at once; connections are refused from now on.

        Raises RuntimeError when it does not serve.
        """
        self._serving()
        self._bound.silence()
        for stream in self._streams:
            stream.socket.close()

    def revive(self) -> None:
        """Listen again, on the same port. Raises RuntimeError when it does not serve."""
        nursery = self._serving()
        if not self._bound.listening:
            nursery.start_soon(self._accept, self._bound.listen(), nursery)

    def _serving(self) -> trio.Nursery:
        if self._nursery is None:
            raise RuntimeError(f"{self!r} does not serve: enter it, or start its serve in a nursery")
        return self._nursery

    @property
    def _bound(self) -> Port:
        if self._port is None:
            raise RuntimeError(f"{self!r} has no port yet: enter it, or start its serve in a nursery")
        return self._port

    async def _accept(self, listener: trio.SocketListener, nursery: trio.Nursery) -> None:
        while True:
            try:
                stream = await listener.accept()
            except trio.ClosedResourceError:
                return
            except OSError as error:
                if error.errno not in _NO_FILES:
                    raise
                await trio.sleep(_NO_FILES_PAUSE)
            else:
                self._accepted += 1
                self._streams.add(stream)
                self._watchers.unpark_all()
                nursery.start_soon(self._connection, stream)

    async def _connection(self, stream: trio.SocketStream) -> None:
        http = HttpConnection(stream, self._max_body)
        try:
            async with stream, trio.open_nursery() as nursery:
                nursery.start_soon(http.pump, nursery.cancel_scope)
                await self._requests(http)
                nursery.cancel_scope.cancel()
        finally:
            self._streams.discard(stream)
            self._watchers.unpark_all()

    async def _requests(self, http: HttpConnection) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            try:
                while True:
                    await self._answer(http, await http.receive())
                    if not http.reuse():
                        return
            except h11.RemoteProtocolError as error:
                await self._reject(http, error.error_status_hint)

    async def _reject(self, http: HttpConnection, status: int) -> None:
        reason = Reason.TOO_LARGE if status == 413 else Reason.INVALID
        refusal = Refusal(reason=reason, message="The request is too large or no HTTP.", status=status)
        await Exchange(http).perform(refuse(refusal, self.shape, self._stamp(0), [("connection", "close")]))
        await http.flush()
        await http.linger()

    async def _answer(self, http: HttpConnection, request: HttpRequest) -> None:
        asked, decided = self._decide(request)
        number = self._journal.open(request, asked, decided, _now())
        self._watchers.unpark_all()
        exchange = Exchange(http)
        http.write_bytes = decided.write_bytes
        try:
            await exchange.perform(script(decided, asked, self.shape, self._stamp(number), self.models))
        finally:
            self._journal.settle(number, exchange, decided, _now())
            self._watchers.unpark_all()
        await http.flush()

    def _decide(self, request: HttpRequest) -> tuple[Asked, Plan]:
        try:
            asked = examine(request, self.shape, key=self._key, models=self.models)
        except Refused as refused:
            return Asked(kind="models"), Plan(refusal=refused.refusal)
        behaviour = self.per_model.get(asked.model or "", self.behaviour)
        if asked.kind == "chat" and self.upcoming:
            behaviour = self.upcoming.popleft()
        limits = asked.model if asked.model in self.per_model else None
        decided = self._account.decide(behaviour, asked, limits=limits, in_flight=self._journal.in_flight, now=_now())
        return asked, decided

    def _stamp(self, number: int) -> Stamp:
        return Stamp(f"{self.name}{number}", self._utc())


def _shape(shape: Literal["openai", "anthropic"] | Shape) -> Shape:
    match shape:
        case "openai":
            return OpenAIShape()
        case "anthropic":
            return AnthropicShape()
        case _:
            return shape


def _now() -> int:
    return int(trio.current_time() * 1_000_000_000)
