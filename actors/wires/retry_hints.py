"""How long to wait, in all the notations that providers use, and whether to try again. Pure: `utc` is the time now, in
nanoseconds since 1970.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 32 * 86_400.0
"""Seconds. No provider has a limit that is longer than a month: a longer wait is a mistake, and is not heeded."""
UNIX_TIME = 1e9
"""A number of seconds from which on it can only be a time since 1970, where it should have been a wait."""
MOST = 2.0**53
_SECOND = 1_000_000_000
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|[dhms]))+")
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|[dhms])")


def retry_after(headers: Mapping[str, str], utc: int) -> float | None:
    """Seconds that `retry-after-ms` or `retry-after` (seconds or an HTTP date) ask for; None when neither says.

    Azure sends `retry-after-ms: 0` beside `retry-after: 1`: a zero gives way to the other header.
    """
    milliseconds = number(headers.get("retry-after-ms"))
    if milliseconds:
        return _sensible(milliseconds / 1000)
    plain = headers.get("retry-after")
    seconds = number(plain)
    if seconds is None and plain:
        seconds = _until_http_date(plain, utc)
    if seconds is not None and seconds >= UNIX_TIME:
        seconds = max(0.0, seconds - utc / _SECOND)
    return milliseconds if seconds is None else _sensible(seconds)


def resets_at(headers: Mapping[str, str], utc: int) -> int | None:
    """UTC nanoseconds of `x-ratelimit-reset`, where that is in milliseconds since 1970 as at OpenRouter; else None."""
    milliseconds = number(headers.get("x-ratelimit-reset"))
    if milliseconds is None or milliseconds < UNIX_TIME * 1000:
        return None
    return int(milliseconds) * 1_000_000 if _sensible(milliseconds / 1000 - utc / _SECOND) is not None else None


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """What `x-should-retry` says of the same request; None when it does not say. OpenAI, Anthropic and those whose
    official clients heed it as theirs do send it.
    """
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def number(text: str | None) -> float | None:
    """A finite number that is not negative, else None. What no counter could hold is cut to `MOST`."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return min(value, MOST) if 0 <= value < math.inf else None


def _sensible(seconds: float) -> float | None:
    return seconds if seconds <= LONGEST else None


def duration(text: str | None) -> float | None:
    """Seconds in a duration such as `6m0s`, `20ms`, `1h2m3.5s`, or in a bare number of seconds; else None.

    None, too, for more than `LONGEST`.
    """
    if text is None:
        return None
    if _DURATION.fullmatch(text.strip()):
        text = str(sum(float(amount) * _UNITS[unit] for amount, unit in _PIECE.findall(text)))
    seconds = number(text)
    return None if seconds is None else _sensible(seconds)


def until_rfc3339(text: str | None, utc: int) -> float | None:
    """Seconds until a time such as `2026-11-21T08:00:00Z`, 0 when it has passed; None when it is not one."""
    try:
        return _sensible(_until(datetime.fromisoformat(text or ""), utc))
    except ValueError:
        return None


def start_of_next_month(utc: int) -> int:
    """UTC nanoseconds at which the next calendar month begins: when monthly spend limits start anew."""
    now = datetime.fromtimestamp(utc // _SECOND, UTC)
    year, month = divmod(now.year * 12 + now.month, 12)
    return int(datetime(year, month + 1, 1, tzinfo=UTC).timestamp()) * _SECOND


def _until_http_date(text: str, utc: int) -> float | None:
    try:
        return _until(parsedate_to_datetime(text), utc)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _until(when: datetime, utc: int) -> float:
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.fromtimestamp(utc / _SECOND, UTC)).total_seconds())
