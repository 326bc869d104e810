import json
from datetime import UTC, datetime
from typing import Any

import pytest

from callboard.actors.wires.gemini import Gemini
from callboard.messages.faults import Fault

NOW = int(datetime(2026, 11, 21, 8, 30, tzinfo=UTC).timestamp()) * 1_000_000_000
WIRE = Gemini(utc=lambda: NOW)


def error(code: int, status: str, message: str = "no", *details: dict[str, Any]) -> dict[str, Any]:
    typed = [{"@type": f"type.googleapis.com/google.rpc.{detail.pop('type')}", **detail} for detail in details]
    return {"error": {"code": code, "message": message, "status": status, "details": typed}}


def told(status: int, body: Any, headers: dict[str, str] | None = None) -> Fault:
    return WIRE.fault(status, headers or {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (400, "INVALID_ARGUMENT", "invalid_request"),
        (400, "FAILED_PRECONDITION", "invalid_request"),
        (401, "UNAUTHENTICATED", "unauthorized"),
        (403, "PERMISSION_DENIED", "forbidden"),
        (404, "NOT_FOUND", "not_found"),
        (429, "RESOURCE_EXHAUSTED", "rate_limited"),
        (499, "CANCELLED", "server"),
        (500, "INTERNAL", "server"),
        (503, "UNAVAILABLE", "overloaded"),
        (504, "DEADLINE_EXCEEDED", "server"),
    ],
)
def test_a_refusal_is_told_alike_alone_in_an_array_and_inside_a_stream(code: int, status: str, kind: str) -> None:
    body = error(code, status, "no")
    alone = told(code, body)
    assert (alone.kind, alone.status, alone.code, alone.message) == (kind, code, status, "no")
    assert told(code, [body]) == alone
    decoder = WIRE.decoder()
    for prefix, suffix in ((b"data: ", b"\n\n"), (b"[", b"]")):
        decoder = WIRE.decoder()
        with pytest.raises(Exception, match="no") as caught:
            decoder.feed(prefix + json.dumps(body).encode() + suffix)
        assert caught.value.fault == alone  # type: ignore[attr-defined]


def test_an_invalid_key_is_unauthorized_though_its_status_is_400() -> None:
    fault = told(
        400, error(400, "INVALID_ARGUMENT", "API key not valid.", {"type": "ErrorInfo", "reason": "API_KEY_INVALID"})
    )
    assert (fault.kind, fault.code, fault.status) == ("unauthorized", "API_KEY_INVALID", 400)


@pytest.mark.parametrize(
    "message",
    [
        "User location is not supported for the API use.",
        "Gemini API free tier is not available in your country. Please enable billing on your project in AI Studio.",
    ],
)
def test_an_account_that_is_not_served_is_forbidden_though_its_status_is_400(message: str) -> None:
    assert told(400, error(400, "FAILED_PRECONDITION", message)).kind == "forbidden"
    assert told(400, error(400, "INVALID_ARGUMENT", message)).kind == "invalid_request"
    file = "The File abc is not in an ACTIVE state and usage is not allowed."
    assert told(400, error(400, "FAILED_PRECONDITION", file)).kind == "invalid_request"


def test_credits_that_are_used_up_do_not_come_back_by_waiting() -> None:
    message = "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing."
    assert told(429, error(429, "RESOURCE_EXHAUSTED", message)).kind == "quota_exhausted"


def test_the_wait_is_read_from_the_body_and_the_header_goes_before_it() -> None:
    body = error(429, "RESOURCE_EXHAUSTED", "slow down", {"type": "RetryInfo", "retryDelay": "34.4s"})
    assert told(429, body).retry_after == 34.4
    assert told(429, body, {"retry-after": "7"}).retry_after == 7
    assert told(429, error(429, "RESOURCE_EXHAUSTED")).retry_after is None


def test_a_quota_of_a_day_is_used_up_until_midnight_in_california() -> None:
    minute = {"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}
    day = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}
    fault = told(429, error(429, "RESOURCE_EXHAUSTED", "no", {"type": "QuotaFailure", "violations": [minute, day]}))
    assert fault.kind == "quota_exhausted"
    assert fault.resets_at == int(datetime(2026, 11, 22, 8, tzinfo=UTC).timestamp()) * 1_000_000_000
    fault = told(429, error(429, "RESOURCE_EXHAUSTED", "no", {"type": "QuotaFailure", "violations": [minute]}))
    assert (fault.kind, fault.resets_at) == ("rate_limited", None)


def test_too_long_a_prompt_is_told_by_its_words() -> None:
    message = "The input token count (1250074) exceeds the maximum number of tokens allowed (1048576)."
    assert told(400, error(400, "INVALID_ARGUMENT", message)).kind == "context_too_long"


def test_the_request_id_and_the_message_are_kept_without_secrets() -> None:
    fault = told(
        403, error(403, "PERMISSION_DENIED", "key AIzaSyabc123 is bad", {"type": "RequestInfo", "requestId": "r1"})
    )
    assert fault.request_id == "r1"
    assert "AIza" not in fault.message


def test_a_status_or_request_id_that_may_be_a_quotation_is_not_told() -> None:
    body = error(400, "my daughter's diagnosis", "no", {"type": "RequestInfo", "requestId": "what's this?"})
    assert (told(400, body).code, told(400, body).request_id) == (None, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"[1]", b"null", b"<html><title>Bad Gateway</title>", b'{"error": "x"}'])
def test_a_body_without_an_error_still_makes_a_fault(body: bytes) -> None:
    fault = WIRE.fault(502, {}, body)
    assert (fault.kind, fault.status) == ("server", 502)
    assert fault.message
