"""What a caller wants of a call besides its answer: checks, a repair, a hedge, a buffer.

Hooks are functions, so these travel inside the process only, beside the request and never in it: what is asked of the
provider, and the cache's key, know nothing of them.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec

from callboard.messages.reply import Reply


class Check(Protocol):
    """Whether a reply will do: None, or a sentence that says why not. It is told in the fault and to the model."""

    def __call__(self, reply: Reply, /) -> str | None:
        """Must not wait. What it raises ends the call, and is the cause of its CallError."""
        ...


class Sanitiser(msgspec.Struct, frozen=True):
    """Changes the text of a reply, part by part, before the next hook and the caller see it."""

    change: Callable[[str], str]


Hook: TypeAlias = Check | Sanitiser


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """All of them for one call."""

    checks: tuple[str | Hook, ...] = ()
    """In this order; a string is the name of a built-in one."""
    repair: bool = False
    """Send a reply that fails a check back once, with the reason."""
    hedge: bool = False
    """When the answer is late, ask the next candidate as well, and take the better of the two."""
    buffer: bool = False
    """Of a stream: hand nothing on before the whole reply is there."""
