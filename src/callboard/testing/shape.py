"""What a shape is: one provider's protocol seen from the server, as pure functions.

To add a provider write a class with these members in a file of its own and give an instance to SimulatedProvider.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Protocol, TypeAlias

import msgspec

from callboard.messages.limits import RateLimits
from callboard.testing.asked import Asked, Kind
from callboard.testing.refusal import Reason, Refusal
from callboard.testing.said import Said

Headers: TypeAlias = list[tuple[str, str]]
"""Names in lower case."""


class Stamp(msgspec.Struct, frozen=True):
    """What tells one reply from the next."""

    id: str
    """Letters and digits."""
    utc: int
    """Nanoseconds since 1970."""

    @property
    def seconds(self) -> int:
        """Whole seconds since 1970."""
        return self.utc // 1_000_000_000


class Frames(msgspec.Struct, frozen=True):
    """A streamed reply: what comes before the first token, one event a token, and what ends it."""

    opening: bytes
    tokens: tuple[bytes, ...]
    closing: bytes


class Shape(Protocol):
    """One provider's protocol."""

    name: str
    statuses: Mapping[Reason, int]

    def kind(self, method: str, path: str) -> Kind | None:
        """What is asked at this path, which has no query; None when nothing is there."""
        ...

    def credential(self, headers: Mapping[str, str]) -> str | None:
        """The key that the client sent."""
        ...

    def read(self, kind: Kind, headers: Mapping[str, str], body: dict[str, Any]) -> Asked:
        """A request to a model, of a kind that `kind` gave. Raises Refused when the provider would not take it."""
        ...

    def reply(self, asked: Asked, said: Said, stamp: Stamp) -> bytes:
        """The body of a plain reply."""
        ...

    def frames(self, asked: Asked, said: Said, stamp: Stamp) -> Frames:
        """The events of a streamed reply."""
        ...

    def models(self, ids: Sequence[str], stamp: Stamp) -> bytes:
        """The body that lists the account's models."""
        ...

    def error(self, refusal: Refusal, status: int, stamp: Stamp) -> bytes:
        """The body of an error reply."""
        ...

    def error_frame(self, stamp: Stamp) -> bytes:
        """The event that reports a server error inside a stream."""
        ...

    def headers(self, stamp: Stamp, limits: RateLimits | None) -> Headers:
        """The provider's own headers of every reply: request id and rate limits."""
        ...


def retry_headers(refusal: Refusal, stamp: Stamp) -> Headers:
    """The wait that a refusal asks for, in the form that it asks for it; rounded up, so that waiting is enough."""
    if refusal.retry_after is None:
        return []
    milliseconds = math.ceil(refusal.retry_after * 1000)
    match refusal.retry_form:
        case "seconds":
            return [("retry-after", f"{milliseconds / 1000:g}")]
        case "milliseconds":
            return [("retry-after", str(math.ceil(milliseconds / 1000))), ("retry-after-ms", str(milliseconds))]
        case "date":
            return [("retry-after", http_date(math.ceil(stamp.utc / 1e9 + refusal.retry_after)))]
        case _:
            return []


def http_date(seconds: int) -> str:
    """Seconds since 1970 as HTTP writes dates (RFC 9110)."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def event(data: Any, name: str | None = None) -> bytes:
    """One server-sent event with JSON data."""
    head = f"event: {name}\n".encode() if name else b""
    return b"%bdata: %b\n\n" % (head, msgspec.json.encode(data))
