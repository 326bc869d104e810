"""The two kinds of message: a tell is only sent, an ask is answered exactly once."""

from typing import Generic, TypeVar

import msgspec

R_co = TypeVar("R_co", covariant=True)


class Tell(msgspec.Struct, frozen=True):
    """A message that nobody waits for."""


class Ask(msgspec.Struct, Generic[R_co], frozen=True):
    """A message that is answered with an `R_co`, or with one of the runtime's errors."""
