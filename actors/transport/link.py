"""One connected socket, plain or TLS, driven without blocking.

The socket is used directly rather than through a Trio stream: a send that fits its buffer costs no scheduling, and
closing never waits, for TLS neither, because the parting message of TLS is left out.
"""

import select
import socket
import ssl

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

    async def receive_into(self, buffer: memoryview) -> int:
        """Fill the front of `buffer` with what comes; 0 when the peer has closed.

        The last thing it does is to fill the buffer, so that tasks that use it at once may share one. It must hold a
        TLS record (16 KB): then nothing stays behind where waiting for the socket would not notice it.
        """
        while True:
            if self.closed:
                raise trio.ClosedResourceError
            await trio.lowlevel.wait_readable(self._sock)
            count = self.receive_now(buffer)
            if count is not None:
                return count

    def receive_now(self, buffer: memoryview) -> int | None:
        """As `receive_into`, without waiting: None when nothing is there."""
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
