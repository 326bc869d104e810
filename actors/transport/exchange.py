"""One request on one connection, and its reply."""

import contextlib
import ssl
from collections.abc import AsyncGenerator

import httpx
import trio

from callboard.actors.transport.errors import (
    ConnectionLost,
    Disconnected,
    MalformedReply,
    Stage,
    TooLarge,
    TransportClosed,
)
from callboard.actors.transport.lease import Lease
from callboard.actors.transport.order import Order
from callboard.actors.transport.policy import Origin, may_reuse
from callboard.actors.transport.reply import Reply
from callboard.actors.transport.stopwatch import Watch

LOST = (OSError, trio.ClosedResourceError)
"""What a link raises."""


class Exchange:
    """Sends the order and reads until the head is there; from then on it is the source of the body.

    A small request leaves at once. One that the socket does not take whole is written by a task of its own, so that a
    server which answers before it has read everything is heard.

    What is wrong with the reply is raised after the bytes before it have been taken: so what a reader gets does not
    depend on where the bytes were split.
    """

    __slots__ = (
        "_buffer",
        "_failure",
        "_lease",
        "_link",
        "_order",
        "_put_off",
        "_watch",
        "reply",
        "sent",
        "sent_whole",
    )

    def __init__(self, lease: Lease, order: Order, reply: Reply, watch: Watch, buffer: memoryview) -> None:
        self._lease = lease
        self._link = lease.link
        self._order = order
        self._watch = watch
        self._buffer = buffer
        self._failure: Exception | None = None
        self._put_off: httpx.TransportError | None = None
        self.reply = reply
        self.sent = 0
        """Bytes that the socket took."""
        self.sent_whole = False

    async def run(self) -> None:
        """Raises an httpx.TransportError, and whatever the order's body raises."""
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            if self._push(self._order.first) and self._order.rest is None:
                self.sent_whole = True
                await self._receive_head()
            else:
                await self._send_and_listen()
        except BaseException as error:
            self.reply.abandon()
            if isinstance(error, LOST):
                raise lost(self._order.origin, error) from error
            raise

    @property
    def origin(self) -> Origin:
        """Whom it talks to."""
        return self._order.origin

    @property
    def ended(self) -> bool:
        """Whether the whole reply is here."""
        return self.reply.complete

    def take(self) -> bytes:
        """See body.Source."""
        return self.reply.take()

    async def receive(self) -> None:
        """See body.Source."""
        try:
            while True:
                await self._link.wait_to_receive()
                if self._feed_what_is_there():
                    return
        except LOST as error:
            if self._put_off is not None:
                raise self._put_off from None
            raise lost(self._order.origin, error) from error

    async def aclose(self) -> None:
        """See body.Source. What has already arrived is looked at once: often that is all that the reply lacked."""
        try:
            if not self._lease.over:
                self._feed_what_is_there()
        except (httpx.TransportError, *LOST):
            pass
        finally:
            self.reply.abandon()
            self._lease.discard()

    def _feed_what_is_there(self) -> bool:
        """Whether anything was."""
        count = self._link.receive_now(self._buffer)
        if count is None:
            return False
        try:
            if count:
                self.reply.feed(self._buffer[:count])
            else:
                self.reply.end()
        except (MalformedReply, TooLarge) as fault:
            self._fail(fault)
        if self.reply.complete:
            self._settle()
        return True

    def _fail(self, fault: httpx.TransportError) -> None:
        """With the connection closed, it is the next `receive` that fails: nothing is looked at before each of them."""
        if not self.reply.holds:
            raise fault
        self._put_off = fault.with_traceback(None)
        self._lease.discard()

    def _settle(self) -> None:
        """The reply is whole: keep the connection if it is fit for another, else close it."""
        reply = self.reply
        fit = may_reuse(
            complete=reply.complete,
            spent=reply.spent,
            sent_whole=self.sent_whole,
            version=reply.version,
            connection=reply.noted.get(b"connection", b""),
        )
        if fit:
            self._lease.release(reply.noted.get(b"keep-alive", b""))
        else:
            self._lease.discard()

    def _push(self, data: bytes) -> bool:
        """Send without waiting; whether all of it went."""
        try:
            while self.sent < len(data):
                taken = self._link.send_now(memoryview(data)[self.sent :] if self.sent else data)
                if not taken:
                    return False
                self.sent += taken
        except OSError:
            return False  # the server has closed, but it may have said why: that is for the reader to find
        return True

    async def _receive_head(self) -> None:
        while True:
            await self._link.wait_to_receive()
            if self._feed_what_is_there():
                if self.reply.head_complete:
                    return
                self._watch.enter(Stage.BETWEEN_BYTES)

    async def _send_and_listen(self) -> None:
        self._watch.enter(Stage.WRITE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, nursery.cancel_scope)
            try:
                await self._receive_head()
            except (httpx.TransportError, *LOST) as error:
                self._failure = error
            nursery.cancel_scope.cancel()
        if self._failure is not None:
            raise self._failure

    @trio.lowlevel.enable_ki_protection
    async def _write(self, scope: trio.CancelScope) -> None:
        try:
            await self._write_all(memoryview(self._order.first)[self.sent :])
            if isinstance(self._order.rest, memoryview):
                await self._write_all(self._order.rest)
            elif self._order.rest is not None:
                await self._write_pieces(self._order.rest)
            self.sent_whole = True
            self._watch.enter(Stage.FIRST_BYTE)
        except LOST:
            return  # as in _push
        except Exception as error:  # the body's own
            self._failure = error
            scope.cancel()

    async def _write_all(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            taken = self._link.send_now(view)
            self.sent += taken
            view = view[taken:]
            if not taken:
                self._watch.enter(Stage.WRITE)
                await self._link.wait_to_send()

    async def _write_pieces(self, pieces: AsyncGenerator[bytes, None]) -> None:
        self._watch.enter(Stage.TOTAL)  # the body's own pace is nobody's fault
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                await self._write_all(piece)
                self._watch.enter(Stage.TOTAL)


def lost(origin: Origin, error: Exception) -> httpx.TransportError:
    """What a link's error means while a reply is due."""
    match error:
        case trio.ClosedResourceError():
            return TransportClosed(f"{origin}: the transport was closed during the request")
        case ssl.SSLEOFError():
            return Disconnected(f"{origin}: the connection was cut without the end that TLS calls for")
        case OSError():
            return ConnectionLost(f"{origin}: the connection was lost: {error.strerror or type(error).__name__}")
        case _:
            raise error
