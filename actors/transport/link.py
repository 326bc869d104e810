"""One connected socket, plain or TLS, driven without blocking.

The socket is used directly rather than through a Trio stream: a send that fits its buffer costs no scheduling, and
closing never waits, for TLS neither, because the parting message of TLS is left out.
"""

import select
import socket
import ssl
from collections.abc import Coroutine
from typing import Any

import trio

_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Link:
    """Bytes to and from the peer. OSError (which ssl.SSLError is) and trio.ClosedResourceError pass through."""

    __slots__ = ("_poll", "_sock", "closed")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._poll = _poll_of(sock)
        self.closed = False

    def send_now(self, data: bytes | memoryview) -> int:
        """Hand over what the socket takes without waiting; how many bytes that was, 0 if it takes none now."""
        try:
            return self._sock.send(data)
        except _WOULD_BLOCK:
            return 0

    async def wait_to_send(self) -> None:
        """Return once the socket takes more."""
        if self.closed:
            raise trio.ClosedResourceError
        await trio.lowlevel.wait_writable(self._sock)

    def wait_to_receive(self) -> Coroutine[Any, Any, None]:
        """Return once something may be there: look with `receive_now`, and wait again where nothing is."""
        if self.closed:
            raise trio.ClosedResourceError
        return trio.lowlevel.wait_readable(self._sock)  # noqa: ASYNC105 - whoever asked for it awaits it

    def receive_now(self, buffer: memoryview) -> int | None:
        """Fill the front of `buffer` with what is there; 0 when the peer has closed, None when nothing is there.

        Tasks that use a buffer at once may share it. It must hold a TLS record (16 KB): then nothing stays behind where
        waiting for the socket would not notice it.
        """
        try:
            return self._sock.recv_into(buffer)
        except _WOULD_BLOCK:
            return None

    def quiet(self) -> bool:
        """Whether an idle peer is still there and has said nothing; anything it says unasked makes it unusable.

        What has come may be TLS's own, such as a session ticket: then there is nothing to receive all the same.
        """
        if self._poll is not None and not self._poll.poll(0):  # a quarter of the cost of receiving nothing
            return True
        try:
            self._sock.recv(1)
        except _WOULD_BLOCK:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Close at once. Whoever waits on it gets trio.ClosedResourceError."""
        if not self.closed:
            self.closed = True
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()


def _poll_of(sock: socket.socket) -> "select.poll | None":
    """Tells whether there is anything to read; None on a system without `poll`, such as Windows."""
    if not hasattr(select, "poll"):
        return None
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return poll
