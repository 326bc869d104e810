"""The server's side of one HTTP/1.1 connection: h11 over a Trio stream.

A task of its own reads all the time, so that a client that leaves is noticed whatever is being done for it. A client
that closes only its sending side counts as gone.
"""

import socket
import struct
from collections.abc import Iterable

import h11
import trio

from callboard.testing.examine import HttpRequest

_READ = 65_536
_AHEAD = 2**20  # bytes, beside one whole body, that a client may send before it is heard
_LINGER = 1.0
_NO_LINGER = struct.pack("ii", 1, 0)


class HttpConnection:
    """One connection. `pump` and the rest run in two tasks of one nursery."""

    def __init__(self, stream: trio.SocketStream, max_body: int) -> None:
        self._stream = stream
        self._max_body = max_body
        self._http = h11.Connection(h11.SERVER)
        self._arrived = trio.Event()
        self._unread = 0
        self._discard = False
        self._bodiless = False
        self._out = bytearray()
        self.client_gone = False
        self.write_bytes: int | None = None
        """The most bytes that one write sends."""

    async def pump(self, ended: trio.CancelScope) -> None:
        """Read until the connection ends, then cancel `ended`."""
        try:
            while data := await self._stream.receive_some(_READ):
                self._take(data)
                if self._unread > self._max_body + _AHEAD:
                    break
            self.client_gone = True
        except trio.BrokenResourceError:
            self.client_gone = True
        except trio.ClosedResourceError:
            pass  # closed by the provider itself
        finally:
            ended.cancel()

    async def receive(self) -> HttpRequest:
        """The next whole request. Raises h11.RemoteProtocolError for rubbish and for a body that is too large."""
        head = await self._event()
        assert isinstance(head, h11.Request)
        self._bodiless = head.method == b"HEAD"
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > self._max_body:
                raise h11.RemoteProtocolError("the body is too large", error_status_hint=413)
        return HttpRequest(
            method=head.method.decode("ascii"),
            path=head.target.decode("ascii").partition("?")[0],
            headers={name.decode("ascii"): value.decode("latin-1") for name, value in head.headers},
            body=bytes(body),
        )

    def write_head(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Begin the reply. A header `connection: close` makes it the last."""
        self._send(h11.Response(status_code=status, headers=list(headers)))

    def write_body(self, data: bytes) -> None:
        """Go on with the reply; a reply to HEAD has no body."""
        if not self._bodiless:
            self._send(h11.Data(data=data))

    def write_end(self) -> None:
        """End the reply."""
        self._send(h11.EndOfMessage())

    async def flush(self, *, keep: int = 0) -> None:
        """Send what was written, all but the last `keep` bytes.

        Raises trio.BrokenResourceError or ClosedResourceError when the connection has ended.
        """
        data = bytes(self._out[: max(0, len(self._out) - keep)])
        del self._out[: len(data)]
        size = self.write_bytes or max(1, len(data))
        for at in range(0, len(data), size):
            await self._send_all(data[at : at + size])

    def reuse(self) -> bool:
        """Make ready for the next request; False when the connection is to be closed."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False

    def reset(self) -> None:
        """End the connection with RST. Raises trio.ClosedResourceError when it is closed already."""
        if self._stream.socket.fileno() < 0:
            raise trio.ClosedResourceError("the provider closed this connection")
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._stream.socket.close()

    async def linger(self) -> None:
        """Close the sending side and let the client read the reply to a request that was not read to its end.

        Closing at once would reset the connection, and the reply with it.
        """
        self._discard = True
        await self._stream.send_eof()
        await trio.sleep(_LINGER)

    def _take(self, data: bytes) -> None:
        if self._discard:
            return
        self._unread += len(data)
        self._http.receive_data(data)
        self._arrived.set()

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._unread = 0
            self._arrived = trio.Event()
            if self._http.they_are_waiting_for_100_continue:
                self._send(h11.InformationalResponse(status_code=100, headers=[]))
                await self.flush()
            await self._arrived.wait()
        return event

    def _send(self, event: h11.Event) -> None:
        self._out += self._http.send(event) or b""

    async def _send_all(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except trio.BrokenResourceError:
            self.client_gone = True
            raise
