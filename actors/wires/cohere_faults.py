"""What Cohere says when it refuses, and what its headers say of limits.

Source: docs.cohere.com/reference/errors: `{"id", "message"}` after an HTTP error, with statuses of its own such as 498
(a key that is not valid), or `error` and `error_type` in the last event of a stream. Trial keys count calls by minute
and by month; both limits are a 429 and differ in the words only (docs.cohere.com/docs/rate-limits).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from callboard.actors.wires.faults import Complaint, id_in, kind_of, label, said
from callboard.actors.wires.jsons import mapping, object_of, string
from callboard.actors.wires.retry_hints import number, retry_after, start_of_next_month
from callboard.actors.wires.wire import Headers, WireFault
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.limits import RateLimits, Window

CODES: dict[str, FaultKind] = {"INVALID_TOOL_GENERATION": FaultKind.INVALID_REQUEST}
"""The `error_type` that says more than there is otherwise to go by inside a stream."""

_MONTHLY = re.compile(r"\bcalls? ?(/|per|a) ?month", re.IGNORECASE)


def fault(provider: str, status: int, headers: Headers, body: bytes, utc: Callable[[], int]) -> Fault:
    """What a reply with a status outside 2xx means. Never raises."""
    complaint = _complaint(object_of(body))
    now = utc()
    monthly = status == 429 and _MONTHLY.search(complaint.searched) is not None
    return Fault(
        kind=FaultKind.QUOTA_EXHAUSTED if monthly else kind_of(complaint, status, CODES),
        message=said(complaint, body),
        provider=provider,
        status=status,
        code=complaint.codes[0] if complaint.codes else None,
        request_id=id_in(headers, "x-debug-trace-id") or complaint.request_id,
        retry_after=retry_after(headers, now),
        resets_at=start_of_next_month(now) if monthly else None,
    )


def error_in_reply(provider: str, body: Mapping[str, Any]) -> WireFault:
    """The fault behind an error in a reply that began with status 200."""
    complaint = _complaint(body)
    return WireFault(
        Fault(
            kind=kind_of(complaint, None, CODES),
            message=said(complaint, b""),
            provider=provider,
            code=complaint.codes[0] if complaint.codes else None,
            request_id=complaint.request_id,
        )
    )


def limits(headers: Headers, utc: int) -> RateLimits | None:
    """What the headers tell; None when they tell nothing. Only trial keys are told their calls by the minute."""
    most, left = (number(headers.get(f"x-trial-endpoint-call-{fact}")) for fact in ("limit", "remaining"))
    wait = retry_after(headers, utc)
    if most is None and left is None:
        return None if wait is None else RateLimits(retry_after=wait)
    window = Window(limit=None if most is None else int(most), remaining=None if left is None else int(left))
    return RateLimits(requests=window, retry_after=wait)


def _complaint(body: Mapping[str, Any]) -> Complaint:
    """`error` is a string in a stream, and an object at servers that imitate OpenAI's errors."""
    inner = mapping(body.get("error"))
    words = (body.get("message"), body.get("error"), inner.get("message"), body.get("data"))
    codes = (body.get("error_type"), inner.get("code"), inner.get("type"))
    return Complaint(
        message=next(filter(None, map(string, words)), ""),
        codes=tuple(filter(None, map(label, codes))),
        request_id=label(body.get("id")),
    )
