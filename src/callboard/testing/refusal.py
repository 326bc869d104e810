"""Why a simulated provider answers with an error, in no provider's words."""

import enum
from types import MappingProxyType

import msgspec

from callboard.testing.behaviour import Behaviour


class Reason(enum.StrEnum):
    """Each has its own status, type, code and message in each shape."""

    INVALID = "invalid"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    MODEL_NOT_FOUND = "model_not_found"
    TOO_LARGE = "too_large"
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    SERVER = "server"
    OVERLOADED = "overloaded"


STATUSES = MappingProxyType(
    {
        Reason.INVALID: 400,
        Reason.UNAUTHORIZED: 401,
        Reason.FORBIDDEN: 403,
        Reason.NOT_FOUND: 404,
        Reason.MODEL_NOT_FOUND: 404,
        Reason.TOO_LARGE: 413,
        Reason.RATE_LIMIT: 429,
        Reason.QUOTA: 429,
        Reason.SERVER: 500,
        Reason.OVERLOADED: 503,
    }
)
"""What most providers answer; a shape may differ."""

_BY_STATUS = MappingProxyType(
    {
        401: Reason.UNAUTHORIZED,
        403: Reason.FORBIDDEN,
        404: Reason.NOT_FOUND,
        413: Reason.TOO_LARGE,
        429: Reason.RATE_LIMIT,
        503: Reason.OVERLOADED,
        529: Reason.OVERLOADED,
    }
)


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An error reply."""

    reason: Reason
    message: str
    """For a person; never holds a credential or the text of a conversation."""
    status: int | None = None
    """HTTP status; None: the shape's own for this reason."""
    retry_after: float | None = None
    """Seconds."""
    retry_form: str = "seconds"


class Refused(Exception):
    """The client's fault: this request cannot be answered with anything but the refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def invalid(message: str) -> Refused:
    """The request breaks the provider's protocol."""
    return Refused(Refusal(reason=Reason.INVALID, message=message))


def by_status(status: int, behaviour: Behaviour) -> Refusal:
    """The refusal that an injected status stands for; 429, 503 and 529 ask to wait."""
    reason = _BY_STATUS.get(status, Reason.SERVER if status >= 500 else Reason.INVALID)
    if reason in (Reason.RATE_LIMIT, Reason.OVERLOADED):
        return asks_to_wait(reason, f"Injected status {status}.", behaviour.retry_after, behaviour, status=status)
    return Refusal(reason=reason, message=f"Injected status {status}.", status=status)


def asks_to_wait(
    reason: Reason, message: str, seconds: float | None, behaviour: Behaviour, *, status: int | None = None
) -> Refusal:
    """A refusal that the client may try again after `seconds`, told in the behaviour's form."""
    return Refusal(
        reason=reason,
        message=message,
        status=status,
        retry_after=seconds,
        retry_form=behaviour.retry_form,
    )
