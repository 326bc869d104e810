"""A loopback port that can stop listening and listen again without letting go of its number."""

import os
import socket

import trio

_HOST = "127.0.0.1"
_BACKLOG = 4096


class Port:
    """A silent port stays bound: clients are refused, and nobody else is given its number."""

    def __init__(self, number: int = 0) -> None:
        self._silent: socket.socket | None = _bind(number)
        self._listener: trio.SocketListener | None = None
        self.number: int = self._silent.getsockname()[1]

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://{_HOST}:{self.number}"

    @property
    def listening(self) -> bool:
        """Whether connections are accepted."""
        return self._listener is not None

    def listen(self) -> trio.SocketListener:
        """Accept connections. Call only when it is silent."""
        silent = self._silent or _bind(self.number)
        silent.listen(_BACKLOG)
        self._silent = None
        self._listener = trio.SocketListener(trio.socket.from_stdlib_socket(silent))
        return self._listener

    def silence(self) -> None:
        """Refuse connections. Whoever waits on the listener gets trio.ClosedResourceError."""
        self.close()
        self._silent = _bind(self.number)

    def close(self) -> None:
        """Let go of the number."""
        if self._listener is not None:
            self._listener.socket.close()
            self._listener = None
        if self._silent is not None:
            self._silent.close()
            self._silent = None


def _bind(number: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        if os.name != "nt":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((_HOST, number))
    except BaseException:
        bound.close()
        raise
    return bound
