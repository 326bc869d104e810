"""What can go wrong with a provider, as data."""

import enum

import msgspec


class FaultKind(enum.StrEnum):
    """Every way in which a call can fail.

    What each does to circuit, limiter and retry is in `actors/provider/policy.py` and `actors/orchestrator/policy.py`.
    """

    RATE_LIMITED = "rate_limited"
    QUOTA_EXHAUSTED = "quota_exhausted"
    OVERLOADED = "overloaded"
    SERVER = "server"
    CONNECTION = "connection"
    TIMED_OUT = "timed_out"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    INVALID_REQUEST = "invalid_request"
    CONTEXT_TOO_LONG = "context_too_long"
    CONTENT_BLOCKED = "content_blocked"
    MALFORMED_REPLY = "malformed_reply"
    INTERRUPTED = "interrupted"
    REJECTED = "rejected"
    """The reply failed a check of the caller's."""
    UNSUPPORTED = "unsupported"
    UNAVAILABLE = "unavailable"
    """No provider could be tried: every circuit is open, or the account is blocked."""
    BUDGET = "budget"
    """A budget, or the call's own bound on money, has not so much left; nothing was sent."""
    DEADLINE = "deadline"
    """The caller's own time ran out."""
    INTERNAL = "internal"
    """callboard's own failure."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One failure: what, where, and what the provider said, with secrets removed."""

    kind: FaultKind
    message: str
    """For a person. Where the provider refused, these are its own words, less what is known or looks to be a secret
    and what they quote of the request beyond a few words.
    """
    provider: str | None = None
    model: str | None = None
    status: int | None = None
    """HTTP status, where there was one."""
    code: str | None = None
    """The provider's own code or type, where that is short and plain."""
    request_id: str | None = None
    """The provider's id of the request."""
    retry_after: float | None = None
    """Seconds that the provider asked to wait."""
    retry: bool | None = None
    """Whether the provider says that the same request may be tried again; None: it does not say."""
    resets_at: int | None = None
    """UTC nanoseconds at which a quota is refilled or a circuit lets the next trial through."""
    timeout: str | None = None
    """Which timeout: connect, first byte, between bytes, first token, between tokens, permit or call."""

    def __str__(self) -> str:
        where = "/".join(name for name in (self.provider, self.model) if name)
        status = f" (HTTP {self.status})" if self.status else ""
        return f"{where + ': ' if where else ''}{self.kind.value.replace('_', ' ')}{status}: {self.message}"
