"""Rate limits out of response headers, whatever the provider calls them."""

from collections.abc import Mapping

import msgspec

from callboard.actors.wires.retry_hints import duration, number, retry_after, until_rfc3339
from callboard.messages.limits import RateLimits, Window


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """How a family of providers names its headers."""

    pattern: str
    """The header's name, around `{what}` and `{fact}`, which is limit, remaining or reset."""
    windows: dict[str, tuple[str, ...]]
    """Field of RateLimits, and what such a window may be called."""
    resets_are_times: bool = False
    """Whether a reset is an RFC 3339 time; otherwise it is a duration such as `6m0s`, or seconds."""


OPENAI = Names(
    pattern="x-ratelimit-{fact}-{what}",
    windows={
        "requests": ("requests", "req-minute", "requests-minute"),
        "tokens": ("tokens", "tokens-minute"),
        "requests_day": ("requests-day",),
        "tokens_day": ("tokens-day",),
    },
)
"""OpenAI and Azure, and with their own words Mistral, SambaNova and xAI."""

ANTHROPIC = Names(
    pattern="anthropic-ratelimit-{what}-{fact}",
    windows={
        "requests": ("requests",),
        "tokens": ("tokens",),
        "input_tokens": ("input-tokens",),
        "output_tokens": ("output-tokens",),
    },
    resets_are_times=True,
)

CEREBRAS = Names(
    pattern="x-ratelimit-{fact}-{what}", windows={"tokens": ("tokens-minute",), "requests_day": ("requests-day",)}
)
"""Resets are seconds. Source: inference-docs.cerebras.ai/support/rate-limits."""

GROQ = Names(pattern="x-ratelimit-{fact}-{what}", windows={"tokens": ("tokens",), "requests_day": ("requests",)})
"""OpenAI's names, but requests are a day's: in the recorded traffic one of 14400 is back after 6 s."""

TOGETHER = Names(pattern="x-ratelimit-{fact}{what}", windows={"requests_second": ("",), "tokens_second": ("-tokens",)})
"""Requests have no name of their own, and both are a second's. Sources: the recorded traffic; of the second,
docs.together.ai/docs/rate-limits."""

FAMILIES = {"openai": OPENAI, "anthropic": ANTHROPIC, "cerebras": CEREBRAS, "groq": GROQ, "together": TOGETHER}
"""By the name that presets.py gives."""


def rate_limits(headers: Mapping[str, str], names: Names, utc: int) -> RateLimits | None:
    """What the headers tell; None when they tell nothing. `utc` is the time now, in nanoseconds since 1970."""
    there = " ".join(headers).lower()
    windows = _windows(headers, names, utc) if "ratelimit" in there else {}
    wait = retry_after(headers, utc) if "retry-after" in there else None
    if wait is None and not any(windows.values()):
        return None
    return RateLimits(retry_after=wait, **windows)


def _windows(headers: Mapping[str, str], names: Names, utc: int) -> dict[str, Window | None]:
    told = {name.lower(): value for name, value in headers.items() if "ratelimit" in name.lower()}
    return {field: _first(told, names, whats, utc) for field, whats in names.windows.items()}


def _first(told: dict[str, str], names: Names, whats: tuple[str, ...], utc: int) -> Window | None:
    for what in whats:
        window = _window(told, names, what, utc)
        if window is not None:
            return window
    return None


def _window(told: dict[str, str], names: Names, what: str, utc: int) -> Window | None:
    """Azure sends a limit of -1 or 0 where it has none; what stands beside that means nothing."""
    limit, remaining, reset = (
        told.get(names.pattern.format(what=what, fact=fact)) for fact in ("limit", "remaining", "reset")
    )
    most, left = number(limit), number(remaining)
    if (limit is not None and not most) or (most is None and left is None):
        return None
    resets_in = until_rfc3339(reset, utc) if names.resets_are_times else duration(reset)
    return Window(
        limit=None if most is None else int(most),
        remaining=None if left is None else int(left),
        resets_in=resets_in,
    )
