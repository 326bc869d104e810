"""What is said to a limiter, and by it."""

import msgspec

from callboard.messages.base import Ask, Tell
from callboard.messages.faults import Fault
from callboard.messages.limits import RateLimits
from callboard.messages.priority import Priority


class Permit(msgspec.Struct, frozen=True, gc=False):
    """The right to send one request. Belongs to one incarnation of the limiter; later ones ignore it."""

    id: int
    incarnation: int


class Reserve(Ask[Permit | Fault], frozen=True, kw_only=True, gc=False):
    """Wait for room for one request of about `tokens` tokens. A Fault says why there will be none in time."""

    model: str
    tokens: int
    priority: Priority
    deadline: int
    """Monotonic nanoseconds. Whoever waits stays no longer."""
    room_by: int | None = None
    """Monotonic nanoseconds: if there cannot be room by then it does not begin to wait. Once it waits, others may count
    on it who are more patient; only the deadline holds for them."""
    attempt: str = ""
    """The id under which it can be hastened."""

    def hastened(self, priority: Priority) -> "Reserve":
        """The same with another priority."""
        return msgspec.structs.replace(self, priority=priority)


class Hasten(Tell, frozen=True):
    """Whoever waits for room under this id waits as if it had come with this priority.

    It may overtake the wish that it is about: so the control lane takes it, where the data lane is full.
    """

    attempt: str
    priority: Priority


class Settle(Tell, frozen=True, gc=False):
    """The request has ended and used `tokens`; None: nothing was sent, give everything back."""

    permit: Permit
    tokens: int | None
    limits: RateLimits | None = None
    """What the provider told of its limits in the reply's headers."""
    told_at: int = 0
    """When it did, in monotonic nanoseconds."""


class SlowDown(Tell, frozen=True, kw_only=True):
    """The provider refused a request: the account (None) or model is slowed, or with `quota` blocked.

    Told before the permit is settled, so that nobody gets its place who ought to wait.
    """

    model: str | None
    until: int | None
    """Not before this, in monotonic nanoseconds. None: it did not say, and a quota waits for an operator."""
    quota: bool
    why: str
    permit: Permit | None = None
    """What the refused request had; without it the news counts as new."""


class Unblock(Tell, frozen=True):
    """An operator lifts every block."""
