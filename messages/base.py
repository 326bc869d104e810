"""The two kinds of message, a tell that is only sent and an ask that is answered exactly once; and what hides words.

A struct that holds nothing but plain values, or others like it, says `gc=False`: it can be part of no cycle, so the
garbage collector need not look at it, and comes round less often.
"""

from typing import Any, Generic, TypeVar

import msgspec

R_co = TypeVar("R_co", covariant=True)


class Tell(msgspec.Struct, frozen=True):
    """A message that nobody waits for."""


class Ask(msgspec.Struct, Generic[R_co], frozen=True):
    """A message that is answered with an `R_co`, or with one of the runtime's errors."""


class Veiled(msgspec.Struct, frozen=True, gc=False):
    """The words of a conversation: they stay out of reprs, and so out of logs and tracebacks."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """As the repr."""
        return []
