import json
from datetime import UTC, datetime
from typing import Any

import pytest

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.messages.faults import Fault

SECOND = 1_000_000_000
NOW = int(datetime(2026, 11, 21, 8, tzinfo=UTC).timestamp()) * SECOND
WIRE = AnthropicMessages(utc=lambda: NOW)


def fault(status: int, kind: str = "", message: str = "m", headers: dict[str, str] | None = None, **more: Any) -> Fault:
    body = {"type": "error", "error": {"type": kind, "message": message, **more}, "request_id": "req_body"}
    return WIRE.fault(status, headers or {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "kind", "fault_kind"),
    [
        (400, "invalid_request_error", "invalid_request"),
        (401, "authentication_error", "unauthorized"),
        (402, "billing_error", "quota_exhausted"),
        (403, "permission_error", "forbidden"),
        (404, "not_found_error", "not_found"),
        (409, "conflict_error", "server"),
        (413, "request_too_large", "invalid_request"),
        (429, "rate_limit_error", "rate_limited"),
        (500, "api_error", "server"),
        (504, "timeout_error", "server"),
        (529, "overloaded_error", "overloaded"),
        (503, "", "overloaded"),
        (500, "overloaded_error", "overloaded"),
    ],
)
def test_every_documented_error_has_its_fault(status: int, kind: str, fault_kind: str) -> None:
    found = fault(status, kind)
    assert (found.kind, found.status, found.code, found.provider) == (fault_kind, status, kind or None, "anthropic")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("prompt is too long: 208310 tokens > 200000 maximum", "context_too_long"),
        ("input length and `max_tokens` exceed context limit: 199000 + 20000 > 200000", "context_too_long"),
        ("Your credit balance is too low to access the Anthropic API.", "quota_exhausted"),
        ("Output blocked by content filtering policy", "content_blocked"),
        ("messages.0: Input does not match the expected shape.", "invalid_request"),
        (
            "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different "
            "conversation. Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior`.",
            "unsupported",
        ),
        (
            "This model does not support assistant message prefill. The conversation must end with a user message.",
            "unsupported",
        ),
    ],
)
def test_a_400_is_told_apart_by_its_words(message: str, kind: str) -> None:
    found = fault(400, "invalid_request_error", message)
    assert (found.kind, found.message) == (kind, message)


def test_an_enforced_spend_limit_is_an_exhausted_quota_until_the_month_ends() -> None:
    found = fault(429, "rate_limit_error", details={"error_code": "enforced_spend_limit_reached"})
    assert found.kind == "quota_exhausted"
    assert found.code == "enforced_spend_limit_reached"
    assert found.resets_at == int(datetime(2026, 12, 1, tzinfo=UTC).timestamp()) * SECOND
    assert fault(429, "rate_limit_error").resets_at is None


def test_an_accounts_own_limit_names_the_day_it_ends() -> None:
    message = "You have reached your specified API usage limits. You will regain access on 2026-12-05 at 06:30 UTC."
    found = fault(400, "invalid_request_error", message)
    assert found.kind == "quota_exhausted"
    assert found.resets_at == int(datetime(2026, 12, 5, 6, 30, tzinfo=UTC).timestamp()) * SECOND
    assert fault(400, "invalid_request_error", message.replace("12-05", "99-99")).resets_at is None
    assert fault(400, "invalid_request_error", message.replace("2026", "9026")).resets_at is None


def test_the_request_id_is_the_headers_or_the_bodys() -> None:
    assert fault(500, headers={"request-id": "req_head"}).request_id == "req_head"
    assert fault(500).request_id == "req_body"


def test_a_type_or_request_id_that_may_be_a_quotation_is_not_told() -> None:
    body = {"error": {"type": "my daughter's diagnosis", "message": "no"}, "request_id": "what's this?"}
    quoted = WIRE.fault(400, {}, json.dumps(body).encode())
    assert (quoted.code, quoted.request_id) == (None, None)


def test_waits_come_from_the_headers() -> None:
    assert fault(429, "rate_limit_error", headers={"retry-after": "7"}).retry_after == 7
    assert fault(529, "overloaded_error", headers={"x-should-retry": "false"}).retry is False


@pytest.mark.parametrize(
    ("body", "message"), [(b"<title>529</title>", "529"), (b"", "the provider sent no explanation")]
)
def test_a_body_that_is_no_json_is_still_a_fault(body: bytes, message: str) -> None:
    assert WIRE.fault(529, {}, body) == Fault(
        kind=WIRE.fault(529, {}, body).kind, message=message, provider="anthropic", status=529
    )
    assert WIRE.fault(529, {}, body).kind == "overloaded"


def test_a_key_in_a_message_is_hidden() -> None:
    assert "sk-ant" not in fault(401, "authentication_error", "invalid x-api-key: sk-ant-api03-abc").message
