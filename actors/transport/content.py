"""A request's body in one piece."""

from collections.abc import AsyncIterator, Callable

import httpx

PIECE = 64 * 1024
"""Bytes that another transport is handed at once."""


class Content(httpx.AsyncByteStream):
    """Give it as `httpx.Request(stream=Content(body))`, with a Content-Length header.

    Cheaper than `content=`, which copies headers about. Unlike httpx's own stream it is no generator, which a
    cancelled send would leave open; it can be sent again.
    """

    def __init__(self, data: bytes, begin: Callable[[], None] | None = None) -> None:
        """`begin` is called before each piece, when the one before has been taken."""
        self.data = data
        self._begin = begin

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Pieces(self.data, self._begin)


class _Pieces:
    def __init__(self, data: bytes, begin: Callable[[], None] | None) -> None:
        self._data = data
        self._begin = begin
        self._at = 0

    def __aiter__(self) -> "_Pieces":
        return self

    async def __anext__(self) -> bytes:
        if self._at >= len(self._data):
            raise StopAsyncIteration
        if self._begin is not None:
            self._begin()
        piece = self._data[self._at : self._at + PIECE]
        self._at += PIECE
        return piece


def content_of(request: httpx.Request) -> bytes | None:
    """The body, where it is there in one piece; None where it must be drawn from its stream."""
    if isinstance(request.stream, Content):
        return request.stream.data
    try:
        return request.content
    except httpx.RequestNotRead:
        return None
