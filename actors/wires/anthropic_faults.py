"""What Anthropic says when it refuses.

Source: platform.claude.com/docs/en/api/errors: `{"type": "error", "error": {"type", "message", "details"},
"request_id"}`, after an HTTP error or as an event inside a stream.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from callboard.actors.wires.faults import Complaint, id_in, kind_of, label, said
from callboard.actors.wires.jsons import mapping, object_of, string
from callboard.actors.wires.retry_hints import LONGEST, retry_after, should_retry, start_of_next_month
from callboard.actors.wires.wire import Headers, WireFault
from callboard.messages.faults import Fault, FaultKind

K = FaultKind
_SPEND_LIMIT = "enforced_spend_limit_reached"

CODES: dict[str, FaultKind] = {_SPEND_LIMIT: K.QUOTA_EXHAUSTED, "overloaded_error": K.OVERLOADED}
"""What says more than the status."""

_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status that an error inside a stream would have had."""

_REGAIN = re.compile(r"regain access on (\d{4}-\d\d-\d\d)(?: at (\d\d:\d\d))? ?UTC")


def fault(provider: str, status: int, headers: Headers, body: bytes, utc: Callable[[], int]) -> Fault:
    """What a reply with a status outside 2xx means. Never raises."""
    complaint = _complaint(object_of(body))
    now = utc()
    return Fault(
        kind=kind_of(complaint, status, CODES),
        message=said(complaint, body),
        provider=provider,
        status=status,
        code=complaint.codes[0] if complaint.codes else None,
        request_id=id_in(headers, "request-id") or complaint.request_id,
        retry_after=retry_after(headers, now),
        retry=should_retry(headers),
        resets_at=_resets_at(complaint, now),
    )


def error_in_reply(provider: str, body: dict[str, Any]) -> WireFault:
    """The fault behind an error in a reply that began with status 200."""
    complaint = _complaint(body)
    return WireFault(
        Fault(
            kind=kind_of(complaint, None, CODES),
            message=said(complaint, b""),
            provider=provider,
            status=complaint.status,
            code=complaint.codes[0] if complaint.codes else None,
            request_id=complaint.request_id,
        )
    )


def _complaint(body: dict[str, Any]) -> Complaint:
    error = mapping(body.get("error"))
    codes = (mapping(error.get("details")).get("error_code"), error.get("type"))
    return Complaint(
        message=string(error.get("message")) or string(body.get("message")) or "",
        codes=tuple(filter(None, map(label, codes))),
        status=_STATUS.get(string(error.get("type")) or ""),
        request_id=label(body.get("request_id")),
    )


def _resets_at(complaint: Complaint, now: int) -> int | None:
    """A monthly limit that Anthropic enforces ends with the month; one of the account's own names its day."""
    if _SPEND_LIMIT in complaint.codes:
        return start_of_next_month(now)
    regained = _REGAIN.search(complaint.searched)
    if regained is None:
        return None
    try:
        day = datetime.fromisoformat(f"{regained[1]} {regained[2] or '00:00'}").replace(tzinfo=UTC)
    except ValueError:
        return None
    at = int(day.timestamp()) * 1_000_000_000
    return at if at <= now + LONGEST * 1e9 else None
