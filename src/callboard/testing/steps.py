"""What a connection is told to do, one step after another."""

from typing import TypeAlias

import msgspec

from callboard.messages.usage import Usage


class Wait(msgspec.Struct, frozen=True):
    """Send what has been written so far, then do nothing for a while."""

    seconds: float


class Bill(msgspec.Struct, frozen=True):
    """From here on these tokens are charged, whether the client gets them or not."""

    usage: Usage


class Head(msgspec.Struct, frozen=True):
    """Status and headers; without a Content-Length the body is chunked."""

    status: int
    headers: list[tuple[str, str]]


class Body(msgspec.Struct, frozen=True):
    """Part of the body."""

    data: bytes


class End(msgspec.Struct, frozen=True):
    """The body ends as HTTP wants it."""

    whole: bool = True
    """Whether the reply in it is whole."""


class Close(msgspec.Struct, frozen=True):
    """The connection is closed in the middle of the body."""


class Reset(msgspec.Struct, frozen=True):
    """The connection is reset (RST)."""


class Hang(msgspec.Struct, frozen=True):
    """Nothing, for ever."""


class Drip(msgspec.Struct, frozen=True):
    """The same few bytes again and again, for ever."""

    data: bytes
    seconds: float
    """From one to the next."""


Step: TypeAlias = Wait | Bill | Head | Body | End | Close | Reset | Hang | Drip
