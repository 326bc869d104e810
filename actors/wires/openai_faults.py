"""What OpenAI and the servers that imitate it say when they refuse.

Source: platform.openai.com/docs/guides/error-codes, and the recorded errors of the compatible servers, whose bodies
differ: `{"error": {…}}`, `{"error": "…", "code": "…"}` (xAI), `{"detail": …}` and `{"message": {"detail": …}}`
(Mistral), `{"message": …}`.
"""

from collections.abc import Callable
from typing import Any

from callboard.actors.wires.faults import Complaint, id_in, kind_of, label, said
from callboard.actors.wires.jsons import items, mapping, object_of, string
from callboard.actors.wires.retry_hints import resets_at, retry_after, should_retry
from callboard.actors.wires.wire import Headers, WireFault
from callboard.messages.faults import Fault, FaultKind

K = FaultKind

_CALLERS = (
    "invalid_prompt", "invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url",
    "image_too_large", "image_too_small", "image_parse_error", "invalid_image_mode", "image_file_too_large",
    "unsupported_image_media_type", "empty_image_file", "failed_to_download_image", "image_file_not_found",
)  # fmt: skip
"""Mistakes of the caller's that a response tells after status 200."""

_NOT_WITH_THIS_KEY = (
    "key_model_access_denied", "team_model_access_denied", "user_model_access_denied", "org_model_access_denied",
)  # fmt: skip
"""LiteLLM's proxy, with status 401: the key is good, for other models."""

CODES: dict[str, FaultKind] = {
    **dict.fromkeys(_CALLERS, K.INVALID_REQUEST),
    "image_content_policy_violation": K.CONTENT_BLOCKED,
    "insufficient_quota": K.QUOTA_EXHAUSTED,
    "quota_exceeded": K.QUOTA_EXHAUSTED,
    "billing_hard_limit_reached": K.QUOTA_EXHAUSTED,
    "billing_not_active": K.QUOTA_EXHAUSTED,
    "budget_exceeded": K.QUOTA_EXHAUSTED,
    "enforced_spend_limit_reached": K.QUOTA_EXHAUSTED,
    "rate_limit_exceeded": K.RATE_LIMITED,
    "rate_limit_error": K.RATE_LIMITED,
    "RateLimitReached": K.RATE_LIMITED,
    "context_length_exceeded": K.CONTEXT_TOO_LONG,
    "content_filter": K.CONTENT_BLOCKED,
    "content_policy_violation": K.CONTENT_BLOCKED,
    "ResponsibleAIPolicyViolation": K.CONTENT_BLOCKED,
    "moderation_blocked": K.CONTENT_BLOCKED,
    "cyber_policy": K.CONTENT_BLOCKED,
    "bio_policy": K.CONTENT_BLOCKED,
    "flagged_input": K.CONTENT_BLOCKED,
    "unsupported_parameter": K.UNSUPPORTED,
    "unsupported_value": K.UNSUPPORTED,
    "invalid_request_message_order": K.UNSUPPORTED,  # Mistral, of what others take: a user's turn behind a tool's
    "invalid_api_key": K.UNAUTHORIZED,
    "model_not_found": K.NOT_FOUND,
    "model_decommissioned": K.NOT_FOUND,
    "model_not_available": K.NOT_FOUND,
    "invalid_model": K.NOT_FOUND,
    "DeploymentNotFound": K.NOT_FOUND,
    "tool_use_failed": K.MALFORMED_REPLY,
    "json_validate_failed": K.MALFORMED_REPLY,
    **dict.fromkeys(_NOT_WITH_THIS_KEY, K.FORBIDDEN),
    "server_is_overloaded": K.OVERLOADED,
    "capacity_exceeded": K.OVERLOADED,
    "overloaded_error": K.OVERLOADED,
    "slow_down": K.OVERLOADED,
}

_MODERATED = "flagged_input"
"""The member of OpenRouter's `metadata` that tells a 403 about the prompt from one about the key."""
_REQUEST_IDS = ("x-request-id", "x-generation-id", "mistral-correlation-id", "apim-request-id")
"""OpenAI and most; OpenRouter; Mistral; Azure's gateway."""
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "server_error": 500,
}
"""The status that an error inside a stream would have had, by its type."""


def fault(provider: str, status: int, headers: Headers, body: bytes, utc: Callable[[], int]) -> Fault:
    """What a reply with a status outside 2xx means. Never raises."""
    told, now = object_of(body), utc()
    complaint = _complaint(told)
    reset = resets_at(headers, now) or resets_at(_inner_headers(told), now)
    kind = kind_of(complaint, status, CODES)
    return Fault(
        kind=kind,
        message=said(complaint, body),
        provider=provider,
        status=status,
        code=complaint.codes[0] if complaint.codes else None,
        request_id=id_in(headers, *_REQUEST_IDS) or complaint.request_id,
        retry_after=retry_after(headers, now),
        resets_at=reset if kind is K.QUOTA_EXHAUSTED else None,
        retry=should_retry(headers),
    )


def _inner_headers(body: dict[str, Any]) -> dict[str, str]:
    """The headers that OpenRouter writes into its error."""
    headers = mapping(mapping(mapping(body.get("error")).get("metadata")).get("headers"))
    return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}


def error_in_reply(provider: str, error: Any, status: Any = None) -> WireFault:
    """The fault behind an `error` member, with `status_code` beside it, in a reply that began with status 200."""
    complaint = _complaint({"error": error, "status_code": status})
    return WireFault(
        Fault(
            kind=kind_of(complaint, None, CODES),
            message=said(complaint, b""),
            provider=provider,
            status=complaint.status,
            code=complaint.codes[0] if complaint.codes else None,
        )
    )


def _complaint(body: dict[str, Any]) -> Complaint:
    error = mapping(body.get("error")) or body
    moderated = _MODERATED if _MODERATED in mapping(error.get("metadata")) else None
    codes = [error.get("code"), mapping(error.get("innererror")).get("code"), error.get("type"), moderated]
    statuses = [
        error.get("status_code"),
        error.get("code"),
        body.get("status_code"),
        _STATUS.get(string(error.get("type")) or ""),
    ]
    return Complaint(
        message=_message(error, body),
        codes=tuple(dict.fromkeys(filter(None, map(label, codes)))),
        status=next((status for status in statuses if type(status) is int and 400 <= status < 600), None),
        request_id=label(body.get("request_id")),
    )


def _message(error: dict[str, Any], body: dict[str, Any]) -> str:
    """The words of it, wherever they stand. Mistral's `detail` may be inside of `message`."""
    detail = body.get("detail") or mapping(error.get("message")).get("detail")
    if isinstance(detail, list):
        detail = "; ".join(filter(None, (_problem(mapping(item)) for item in detail)))
    found = (error.get("message"), body.get("error"), detail)
    message = next(filter(None, map(string, found)), "")
    upstream = string(mapping(error.get("metadata")).get("raw"))
    return f"{message}: {upstream}" if upstream else message


def _problem(item: dict[str, Any]) -> str | None:
    """One item of FastAPI's `detail`, which quotes the request in `input`: what is wrong, and at which member."""
    told, steps = string(item.get("msg")), items(item.get("loc"))
    place = label(".".join(str(step) for step in steps if isinstance(step, str | int)))
    return f"{place}: {told}" if told and place else told
