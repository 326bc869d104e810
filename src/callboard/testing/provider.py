"""A simulated provider: a real HTTP server on loopback, under Trio."""

import errno
from collections.abc import Callable
from contextlib import suppress
from typing import Self, Unpack

import h11
import trio

from callboard.testing.desk import Desk, DeskOptions
from callboard.testing.examine import HttpRequest
from callboard.testing.exchange import Exchange
from callboard.testing.http1 import HttpConnection
from callboard.testing.port import Port
from callboard.testing.refusal import Reason, Refusal
from callboard.testing.script import refuse, script
from callboard.testing.served import ProviderStatistics

_MEBIBYTE = 2**20
_NO_FILES = {errno.EMFILE, errno.ENFILE}
_NO_FILES_PAUSE = 0.05  # seconds until the connection that could not be accepted is tried again


class SimulatedProvider(Desk):
    """One provider account. Enter it, or start `serve` in a nursery; both leave it listening. Left and entered again it
    keeps its port and its log. What it is told beside `port` and `max_body` (bytes) is explained in `desk.py`.
    """

    def __init__(
        self,
        name: str = "simulated",
        *,
        port: int = 0,
        max_body: int = 32 * _MEBIBYTE,
        **told: Unpack[DeskOptions],
    ) -> None:
        super().__init__(name, **told)
        self._max_body = max_body
        self._wanted_port = port
        self._port: Port | None = None
        self._nursery: trio.Nursery | None = None
        self._streams: set[trio.SocketStream] = set()
        self._accepted = 0
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
        asked, decided = self._decide(request, _now())
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


def _now() -> int:
    return int(trio.current_time() * 1_000_000_000)
