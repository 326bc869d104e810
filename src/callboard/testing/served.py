"""What a simulated provider tells about itself."""

import enum

import msgspec

from callboard.messages.reply import FinishReason
from callboard.messages.usage import Usage
from callboard.testing.behaviour import InjectedFault


class Outcome(enum.StrEnum):
    """How a request ended, seen from the server."""

    OPEN = "open"
    """It has not ended yet; a request that hangs stays so until the client or the provider gives up."""
    COMPLETE = "complete"
    """The whole reply was handed to the network, with a good status."""
    ERROR = "error"
    """The whole reply was handed to the network, with an error status."""
    CUT = "cut"
    """The provider ended the reply in the middle: it closed the connection, or the body, or sent an error event."""
    RESET = "reset"
    """The provider reset the connection."""
    CLIENT_GONE = "client_gone"
    """The client closed the connection before the reply had ended."""
    STOPPED = "stopped"
    """The provider died or was stopped before the reply had ended."""


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """One request that arrived, and what became of it."""

    number: int
    """Counts the provider's requests from 1."""
    attempt: str | None = None
    """The request's header `x-client-request-id`."""
    method: str
    path: str
    model: str | None = None
    stream: bool = False
    started: int
    """Trio's clock when the request had arrived whole, in nanoseconds."""
    ended: int | None = None
    """The same clock when it ended."""
    outcome: Outcome = Outcome.OPEN
    status: int | None = None
    """HTTP status; None when no reply was begun."""
    fault: InjectedFault | None = None
    """What was done on purpose."""
    usage: Usage = Usage()
    """What the provider bills. A plain reply is billed whole once begun, even when the client has left; a stream is
    billed up to the last token made."""
    finish: FinishReason | None = None
    """Why the model stopped, if it came to that."""


class ProviderStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one provider."""

    connections: int
    """Open now."""
    accepted: int
    """Connections ever accepted."""
    in_flight: int
    """Requests in hand now."""
    most_in_flight: int
    requests: int
    """Requests that ever arrived."""
