"""Rate limits as the providers tell them, whatever their headers are called."""

import msgspec


class Window(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One limit: how much, how much is left, and in how many seconds it is whole again. None: not said."""

    limit: int | None = None
    remaining: int | None = None
    resets_in: float | None = None
    """Seconds."""


class RateLimits(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything that one reply's headers said."""

    requests: Window | None = None
    """The short window: a minute at most providers."""
    tokens: Window | None = None
    input_tokens: Window | None = None
    output_tokens: Window | None = None
    requests_second: Window | None = None
    tokens_second: Window | None = None
    requests_day: Window | None = None
    tokens_day: Window | None = None
    retry_after: float | None = None
    """Seconds."""
