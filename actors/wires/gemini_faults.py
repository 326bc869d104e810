"""What Google says when it refuses.

Source: ai.google.dev/gemini-api/docs/troubleshooting, and google.rpc.Status: `{"error": {"code", "message", "status",
"details": [{"@type": …}]}}`, within an array when the reply would have been one. The wait is in the body (RetryInfo),
and so is which quota is used up (QuotaFailure): one of a day is not refilled before midnight, Pacific time
(ai.google.dev/gemini-api/docs/rate-limits).
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from callboard.actors.wires.faults import Complaint, kind_of, label, said
from callboard.actors.wires.jsons import items, mapping, string, value_of
from callboard.actors.wires.retry_hints import duration, retry_after
from callboard.actors.wires.wire import Headers, WireFault
from callboard.messages.faults import Fault, FaultKind

K = FaultKind

CODES: dict[str, FaultKind] = {
    "API_KEY_INVALID": K.UNAUTHORIZED,
    "UNAUTHENTICATED": K.UNAUTHORIZED,
    "PERMISSION_DENIED": K.FORBIDDEN,
    "UNAVAILABLE": K.OVERLOADED,
    "CANCELLED": K.SERVER,
}
"""What says more than the status: an invalid key is a 400, and Google cancels under load with 499."""
_NOT_SERVED = re.compile(r"location is not supported|free tier is not available|enable billing", re.IGNORECASE)
"""Of a precondition that the account fails; of others, such as a file that is not ready, it is the request."""

_SECOND = 1_000_000_000


def fault(provider: str, status: int, headers: Headers, body: bytes, utc: Callable[[], int]) -> Fault:
    """What a reply with a status outside 2xx means. Never raises."""
    error = _error(body)
    now = utc()
    wait = retry_after(headers, now)
    told = _fault(provider, error, status, body)
    return msgspec.structs.replace(
        told,
        retry_after=told.retry_after if wait is None else wait,
        resets_at=_midnight(now) if _daily(error) else None,
    )


def error_in_reply(provider: str, error: Any) -> WireFault:
    """The fault behind an `error` member in a reply that began with status 200."""
    return WireFault(_fault(provider, mapping(error), None, b""))


def blocked(provider: str, feedback: dict[str, Any]) -> WireFault:
    """The fault behind a `promptFeedback` that stands where candidates should."""
    reason = label(feedback.get("blockReason"))
    message = string(feedback.get("blockReasonMessage")) or f"the prompt was blocked: {reason or 'it is not told why'}"
    complaint = Complaint(message=message)
    return WireFault(
        Fault(kind=K.CONTENT_BLOCKED, message=said(complaint, b""), provider=provider, status=200, code=reason)
    )


def _fault(provider: str, error: dict[str, Any], status: int | None, body: bytes) -> Fault:
    complaint = _complaint(error)
    return Fault(
        kind=_kind(complaint, status, daily=_daily(error)),
        message=said(complaint, body),
        provider=provider,
        status=complaint.status if status is None else status,
        code=complaint.codes[0] if complaint.codes else None,
        request_id=complaint.request_id,
        retry_after=duration(string(_detail(error, "RetryInfo").get("retryDelay"))),
    )


def _kind(complaint: Complaint, status: int | None, *, daily: bool) -> FaultKind:
    if daily:
        return K.QUOTA_EXHAUSTED
    if "FAILED_PRECONDITION" in complaint.codes and _NOT_SERVED.search(complaint.searched):
        return K.FORBIDDEN
    return kind_of(complaint, status, CODES)


def _error(body: bytes) -> dict[str, Any]:
    value = value_of(body)
    first = value[0] if isinstance(value, list) and value else value
    return mapping(mapping(first).get("error"))


def _complaint(error: dict[str, Any]) -> Complaint:
    code = error.get("code")
    codes = (_detail(error, "ErrorInfo").get("reason"), error.get("status"))
    return Complaint(
        message=string(error.get("message")) or "",
        codes=tuple(filter(None, map(label, codes))),
        status=code if type(code) is int and 400 <= code < 600 else None,
        request_id=label(_detail(error, "RequestInfo").get("requestId")),
    )


def _detail(error: dict[str, Any], name: str) -> dict[str, Any]:
    for detail in map(mapping, items(error.get("details"))):
        if str(detail.get("@type")).endswith(f"google.rpc.{name}"):
            return detail
    return {}


def _daily(error: dict[str, Any]) -> bool:
    violations = items(_detail(error, "QuotaFailure").get("violations"))
    return any("PerDay" in str(mapping(violation).get("quotaId")) for violation in violations)


def _midnight(now: int) -> int | None:
    """UTC nanoseconds of the next midnight in California; None where the time zones are not installed."""
    try:
        zone = ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:
        return None
    tomorrow = datetime.fromtimestamp(now // _SECOND, UTC).astimezone(zone).date() + timedelta(days=1)
    return int(datetime.combine(tomorrow, time(), zone).timestamp()) * _SECOND
