"""A refusal, or an error inside a reply, by its status, its code and a few telling words."""

import json
from typing import Any

from tests.conformance.corpus import Record, payloads

STATUS = {400: "invalid_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 429: "rate_limited",
          500: "server", 503: "overloaded", 529: "overloaded"}  # fmt: skip
NEVER_FITS = "Request too large for"
"""Under the code of a limit that is reached."""
CODES = {
    "model_not_found": "not_found",
    "rate_limit_exceeded": "rate_limited",
    "insufficient_quota": "quota_exhausted",
    "unsupported_parameter": "unsupported",
    "unsupported_value": "unsupported",
    "INVALID_TOOL_GENERATION": "invalid_request",
    "tool_use_failed": "malformed_reply",
    "json_validate_failed": "malformed_reply",
    "MODEL_ARMOR": "content_blocked",
    "unknown-error": "server",
}
WORDS = {
    "API key not valid": "unauthorized",
    "Incorrect API key provided": "unauthorized",
    "maximum context length": "context_too_long",
    "max context length": "context_too_long",
    "exceeds the maximum number of tokens": "context_too_long",
}


def error_of(record: Record) -> Any:
    """The error that a reply of status 200 holds; None when it is a good one."""
    for payload in payloads(record):
        delta, response = payload.get("delta"), payload.get("response")
        candidates = [payload.get("error"), isinstance(delta, dict) and delta.get("error") and delta]
        candidates += [isinstance(response, dict) and response.get("status") == "failed" and response["error"]]
        candidates += [payload if payload.get("type") == "error" else None]
        candidates += [(payload.get("promptFeedback") or {}).get("blockReason") and payload["promptFeedback"]]
        for error in filter(None, candidates):
            return error
    return None


def reading(record: Record) -> Record:
    """What the refusal is."""
    response, headers = record["response"], record["response"]["headers"]
    plain = response["status"] != 200
    error = response["body"] if plain else json.dumps(error_of(record))
    status = response["status"] if plain else None
    kind = "context_too_long" if NEVER_FITS in error else None
    kind = kind or next((kind for code, kind in CODES.items() if f'"{code}"' in error), None)
    kind = kind or next((kind for words, kind in WORDS.items() if words in error), None)
    milliseconds, seconds = float(headers.get("retry-after-ms", 0)) / 1000, headers.get("retry-after")
    return {
        "kind": kind or STATUS.get(status or 400, "server"),
        "status": status,
        "retry_after": milliseconds or (seconds and float(seconds)) or (34.4 if '"34.4s"' in error else None),
    }
