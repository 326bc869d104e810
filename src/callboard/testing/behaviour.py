"""How a simulated provider behaves: its pace, its limits and its faults, as data."""

import enum
from typing import Literal, TypeAlias

import msgspec

Span: TypeAlias = tuple[float, float]
"""The lowest and the highest value of an even random draw."""


class InjectedFault(enum.StrEnum):
    """Every way in which a simulated provider fails on purpose. `Behaviour` says what each does."""

    ERROR = "error"
    OVERLOAD = "overload"
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    RESET = "reset"
    HANG = "hang"
    DRIP = "drip"
    MALFORMED = "malformed"
    HALF_BODY = "half_body"
    CUT = "cut"
    TRUNCATE = "truncate"
    STREAM_ERROR = "stream_error"


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider does with each request.

    A `*_rate` is a probability from 0 to 1. At most one of these faults befalls a request, so together they may not
    exceed 1. Raises ValueError when the values make no sense.
    """

    latency: Span = (0.0, 0.0)
    """Seconds from the end of the request to the first byte of the reply. A plain reply then comes whole."""
    first_token: Span = (0.0, 0.0)
    """Streams: seconds from the response headers to the first token."""
    between_tokens: Span = (0.0, 0.0)
    """Streams: seconds from one token to the next."""
    slow_first_token_rate: float = 0.0
    """Streams: how often the first token takes `slow_first_token` longer. Not a fault: it joins any of them."""
    slow_first_token: float = 30.0
    """Seconds."""
    tokens: tuple[int, int] = (8, 24)
    """Tokens of a text reply, if the request's own maximum allows them."""
    cached_share: float = 0.0
    """The part of the input tokens, from 0 to 1, reported as read from the provider's prompt cache."""

    error_rate: float = 0.0
    """A reply with one of `error_statuses`."""
    error_statuses: tuple[int, ...] = (500, 503, 529)
    overload_rate: float = 0.0
    """The shape's own sign of overload (OpenAI 503, Anthropic 529), with Retry-After. Only models are overloaded."""
    rate_limit_rate: float = 0.0
    """A 429 that asks to wait `retry_after`, whatever the limits below say. Only models are limited."""
    quota_rate: float = 0.0
    """A 429 that says the account has used up its quota. Only models are metered."""
    reset_rate: float = 0.0
    """The connection is reset (RST) instead of a reply."""
    hang_rate: float = 0.0
    """The request is taken and never answered."""
    drip_rate: float = 0.0
    """A good status, then one white-space byte (in a stream: one colon) every `drip_interval`, for ever."""
    drip_interval: float = 1.0
    """Seconds."""
    malformed_rate: float = 0.0
    """JSON that breaks off in the middle: the body, or one event of a stream."""
    half_body_rate: float = 0.0
    """Plain replies: the connection closes after half of the bytes that Content-Length announced."""
    cut_rate: float = 0.0
    """Streams: the connection closes after `fault_after` tokens."""
    truncate_rate: float = 0.0
    """Streams: the body ends properly after `fault_after` tokens, without the protocol's own end."""
    stream_error_rate: float = 0.0
    """Streams: an error event after `fault_after` tokens."""
    fault_after: tuple[int, int] = (0, 8)
    """Tokens that a stream sends before its fault; 0 is before the first token."""

    requests_per_minute: int | None = None
    """Requests that the provider lets through, refilled continuously; a 429 for the others."""
    tokens_per_minute: int | None = None
    """Tokens it lets through: a request takes its input and the most that it may write."""
    burst: int | None = None
    """Requests that may come at once; None: a whole minute's."""
    concurrency: int | None = None
    """Requests in hand at the same time; a 429 for the others."""
    retry_after: float = 1.0
    """Seconds that overload, an injected rate limit and the concurrency limit ask the client to wait."""
    retry_form: Literal["seconds", "milliseconds", "date", "none"] = "seconds"
    """How the wait is told: Retry-After in seconds, the same and retry-after-ms, Retry-After as a date, or not."""

    chunked: bool = False
    """Plain replies: chunked transfer coding in place of Content-Length."""
    write_bytes: int | None = None
    """The most bytes that one write to the socket sends; None: no bound."""

    @property
    def rates(self) -> tuple[tuple[InjectedFault, float], ...]:
        """Each fault and its probability."""
        return (
            (InjectedFault.ERROR, self.error_rate),
            (InjectedFault.OVERLOAD, self.overload_rate),
            (InjectedFault.RATE_LIMIT, self.rate_limit_rate),
            (InjectedFault.QUOTA, self.quota_rate),
            (InjectedFault.RESET, self.reset_rate),
            (InjectedFault.HANG, self.hang_rate),
            (InjectedFault.DRIP, self.drip_rate),
            (InjectedFault.MALFORMED, self.malformed_rate),
            (InjectedFault.HALF_BODY, self.half_body_rate),
            (InjectedFault.CUT, self.cut_rate),
            (InjectedFault.TRUNCATE, self.truncate_rate),
            (InjectedFault.STREAM_ERROR, self.stream_error_rate),
        )

    def __post_init__(self) -> None:
        for name in ("latency", "first_token", "between_tokens", "tokens", "fault_after"):
            low, high = getattr(self, name)
            _require(0 <= low <= high, f"{name} is ({low}, {high}): give the lowest value, then the highest")
        for rate in (self.slow_first_token_rate, self.cached_share, *(rate for _, rate in self.rates)):
            _require(0 <= rate <= 1, f"a rate or share is {rate}: give one from 0 to 1")
        total = sum(rate for _, rate in self.rates)
        _require(total <= 1 + 1e-9, f"the fault rates add up to {total:g}: at most 1")
        _require(self.tokens[0] > 0, "tokens begin at 0: a reply has at least 1")
        _require(self.drip_interval > 0, f"drip_interval is {self.drip_interval}: give more than 0 seconds")
        for status in self.error_statuses:
            _require(400 <= status <= 599, f"error_statuses has {status}: give statuses from 400 to 599")
        _require(bool(self.error_statuses) or not self.error_rate, "error_rate without any error_statuses")
        for name in ("requests_per_minute", "tokens_per_minute", "burst", "concurrency", "write_bytes"):
            bound = getattr(self, name)
            _require(bound is None or bound > 0, f"{name} is {bound}: give at least 1, or None for no bound")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(f"Behaviour: {otherwise}")
