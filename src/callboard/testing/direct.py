"""A simulated provider in the caller's own process: no sockets, for runs that are too long for them."""

import math
from typing import Unpack

import httpx
import trio

from callboard.actors.transport.content import content_of
from callboard.actors.transport.errors import ConnectFailed, ConnectTimeout
from callboard.testing.asked import Asked
from callboard.testing.desk import Desk, DeskOptions
from callboard.testing.examine import HttpRequest
from callboard.testing.passage import Passage
from callboard.testing.plan import Plan
from callboard.testing.script import script
from callboard.testing.served import Served


class DirectProvider(Desk):
    """As `SimulatedProvider`, but reached through `transport()` in place of an address.

    ```python
    provider = DirectProvider("alpha", seed=7)
    async with callboard.open(config, transport=lambda one: provider.transport(), virtual_time=True) as board: ...
    ```
    """

    def __init__(self, name: str = "simulated", **told: Unpack[DeskOptions]) -> None:
        super().__init__(name, **told)
        self.alive = True
        """Whether it takes connections; `die` and `revive` change it."""
        self.reachable = True
        """Whether anything answers at all: when not, connecting takes as long as the client waits for it."""
        self.refused = 0
        """Connections that were not taken."""
        self._passages: dict[int, Passage] = {}

    def __repr__(self) -> str:
        state = "alive" if self.alive else "dead"
        return f"<DirectProvider {self.name} {self.shape.name} {state}, {len(self._journal)} requests>"

    @property
    def url(self) -> str:
        """The base URL that a configuration gives it; no such host exists (RFC 6761)."""
        return f"https://{self.name}.invalid/v1"

    @property
    def in_flight(self) -> int:
        """Requests in hand now."""
        return self._journal.in_flight

    @property
    def most_in_flight(self) -> int:
        """Requests in hand at the same time, so far."""
        return self._journal.most_in_flight

    def transport(self) -> "DirectTransport":
        """A client's way in. It may have any number of them."""
        return DirectTransport(self)

    def die(self) -> None:
        """Lose every connection at once, and refuse new ones."""
        self.alive = False
        self.sever()

    def revive(self) -> None:
        """Take connections again."""
        self.alive = True

    def sever(self) -> None:
        """Lose every connection at once."""
        for passage in list(self._passages.values()):
            passage.sever()

    async def connect(self, timeout: float) -> None:
        """Raises ConnectFailed when it is dead, ConnectTimeout after `timeout` seconds when it cannot be reached."""
        await trio.lowlevel.checkpoint()
        if not self.alive:
            self.refused += 1
            raise ConnectFailed(f"{self.url}: the simulated provider refuses connections")
        if not self.reachable:
            self.refused += 1
            await trio.sleep(timeout)
            raise ConnectTimeout(f"{self.url}: the simulated provider cannot be reached")

    async def answer(self, request: HttpRequest, *, first_byte: float, between_bytes: float) -> "Conversation":
        """Take one request and begin to answer it. Raises an httpx.TransportError when that fails."""
        now = _now()
        asked, decided = self._decide(request, now)
        number = self._journal.open(request, asked, decided, now)
        steps = script(decided, asked, self.shape, self._stamp(number), self.models)
        passage = Passage(steps, first_byte=first_byte, between_bytes=between_bytes, most=decided.write_bytes)
        conversation = Conversation(self, number, passage, decided)
        self._passages[number] = passage
        self.received(request, asked, decided)
        try:
            await passage.head()
        except BaseException:
            conversation.end()
            raise
        return conversation

    def received(self, request: HttpRequest, asked: Asked, plan: Plan) -> None:
        """Called with each request that arrives: for whoever overrides it, to watch."""

    def settle(self, number: int, passage: Passage, plan: Plan) -> Served:
        """A request has ended."""
        del self._passages[number]
        return self._journal.settle(number, passage, plan, _now())


class Conversation(httpx.AsyncByteStream):
    """One reply on its way: status, headers, and its body as a stream."""

    def __init__(self, provider: DirectProvider, number: int, passage: Passage, plan: Plan) -> None:
        self._provider = provider
        self._number = number
        self._passage = passage
        self._plan = plan
        self._over = False

    @property
    def status(self) -> int:
        """HTTP status."""
        assert self._passage.status is not None
        return self._passage.status

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names in lower case."""
        return self._passage.headers

    def __aiter__(self) -> "Conversation":
        return self

    async def __anext__(self) -> bytes:
        if self._over:
            raise StopAsyncIteration
        try:
            piece = await self._passage.piece()
        except BaseException:
            self.end()
            raise
        if not piece:
            self.end()
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """The client has what it wants."""
        self.end()

    def end(self) -> None:
        """Log how it ended. No effect the second time."""
        if not self._over:
            self._over = True
            self._passage.leave()
            self._provider.settle(self._number, self._passage, self._plan)


class DirectTransport(httpx.AsyncBaseTransport):
    """httpx's way to a DirectProvider. Heeds the timeouts `connect`, `first_byte` or `read`, and `between_bytes`."""

    def __init__(self, provider: DirectProvider) -> None:
        self._provider = provider

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the body of the reply comes as it is read."""
        timeouts = request.extensions.get("timeout", {})
        read = timeouts.get("read") or math.inf
        await self._provider.connect(timeouts.get("connect") or math.inf)
        conversation = await self._provider.answer(
            await _received(request),
            first_byte=timeouts.get("first_byte", read),
            between_bytes=timeouts.get("between_bytes", read),
        )
        return httpx.Response(conversation.status, headers=conversation.headers, stream=conversation, request=request)


async def _received(request: httpx.Request) -> HttpRequest:
    body = content_of(request)
    return HttpRequest(
        method=request.method,
        path=request.url.path,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.aread() if body is None else body,
    )


def _now() -> int:
    return int(trio.current_time() * 1_000_000_000)
