"""What is said to a limiter, and by it."""

import msgspec

from callboard.messages.base import Ask, Tell
from callboard.messages.faults import Fault
from callboard.messages.request import Priority


class Permit(msgspec.Struct, frozen=True):
    """The right to send one request. Belongs to one incarnation of the limiter; later ones ignore it."""

    id: int
    incarnation: int


class Reserve(Ask[Permit | Fault], frozen=True, kw_only=True):
    """Wait for room for one request of about `tokens` tokens. A Fault says why there will be none in time."""

    model: str
    tokens: int
    priority: Priority
    deadline: int
    """Monotonic nanoseconds."""
    attempt: str = ""
    """The id under which it can be hastened."""


class Hasten(Tell, frozen=True):
    """Whoever waits for room under this id waits at the end of this priority's line from now on."""

    attempt: str
    priority: Priority


class Settle(Tell, frozen=True):
    """The request has ended and used `tokens`; None: nothing was sent, give everything back."""

    permit: Permit
    tokens: int | None


class SlowDown(Tell, frozen=True, kw_only=True):
    """The provider said: not before `until`. With `quota` the account (or model) is blocked, else only slowed."""

    model: str | None
    until: int | None
    """Monotonic nanoseconds; None: until an operator resets it."""
    quota: bool
    why: str


class Unblock(Tell, frozen=True):
    """An operator lifts every block."""
