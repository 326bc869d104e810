"""Names looked up in threads of their own: those of the program may all be in use, and a resolver may hang."""

import socket
from typing import NamedTuple, TypeAlias, cast

import trio

THREADS = 32
"""Look-ups of one transport at the same time: those that hang, one for each name every JOINED_FOR, keep theirs."""
JOINED_FOR = 5.0
"""Seconds for which others join a look-up. One that takes longer may hang, where a new one would be answered."""

SocketAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""Of IPv4, or of IPv6 with flow and scope."""


class Address(NamedTuple):
    """Where a socket connects to."""

    family: int
    sockaddr: SocketAddress


class Names:
    """The names that one transport calls.

    Whoever asks for a name that is just being looked up gets the same answer; who leaves keeps nobody else from it.
    """

    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(THREADS)
        self._underway: dict[tuple[str, int], _LookUp] = {}

    async def find(self, host: str, port: int) -> list[Address]:
        """In the resolver's order. An address needs no thread. Raises what socket.getaddrinfo raises."""
        try:
            return _found(host, port, socket.AI_NUMERICHOST)
        except socket.gaierror:
            return await self._by_name((host, port))

    async def _by_name(self, name: tuple[str, int]) -> list[Address]:
        look_up = self._underway.get(name)
        if look_up is None or trio.current_time() - look_up.since > JOINED_FOR:
            look_up = self._underway[name] = _LookUp()
            trio.lowlevel.spawn_system_task(self._run, name, look_up)
        await look_up.done.wait()
        if look_up.error is not None:
            raise look_up.error
        return look_up.found

    async def _run(self, name: tuple[str, int], look_up: "_LookUp") -> None:
        try:
            look_up.found = await trio.to_thread.run_sync(_found, *name, abandon_on_cancel=True, limiter=self._limiter)
        except Exception as error:  # for whoever asked
            look_up.error = error
        finally:
            if self._underway.get(name) is look_up:
                del self._underway[name]
            look_up.done.set()


class _LookUp:
    def __init__(self) -> None:
        self.since = trio.current_time()
        self.done = trio.Event()
        self.found: list[Address] = []
        self.error: Exception | None = None


def _found(host: str, port: int, flags: int = 0) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [Address(family, cast("SocketAddress", sockaddr)) for family, _, _, _, sockaddr in found]
