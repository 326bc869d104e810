"""A request's body in one piece."""

from collections.abc import AsyncIterator

import httpx


class Content(httpx.AsyncByteStream):
    """Give it as `httpx.Request(stream=Content(body))`, with a Content-Length header.

    Cheaper than `content=`, which copies headers about. Unlike httpx's own stream it is no generator, which a
    cancelled send would leave open; it can be sent again.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Once(self.data)


class _Once:
    def __init__(self, data: bytes) -> None:
        self._left = [data] if data else []

    def __aiter__(self) -> "_Once":
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


def content_of(request: httpx.Request) -> bytes | None:
    """The body, where it is there in one piece; None where it must be drawn from its stream."""
    if isinstance(request.stream, Content):
        return request.stream.data
    try:
        return request.content
    except httpx.RequestNotRead:
        return None
