import json
from typing import Any

import httpx
import pytest

from callboard.actors.wires.cohere_faults import error_in_reply, fault, limits
from callboard.messages.faults import Fault

NOW = 1_764_000_000 * 10**9
"""A day in November 2025."""
DECEMBER = 1_764_547_200 * 10**9


def refused(status: int, body: Any, **headers: str) -> Fault:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return fault("cohere", status, httpx.Headers(told), json.dumps(body).encode(), lambda: NOW)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "not_found"),
        (422, "invalid_request"),
        (429, "rate_limited"),
        (498, "unauthorized"),
        (499, "invalid_request"),
        (500, "server"),
        (503, "overloaded"),
        (504, "server"),
    ],
)
def test_statuses_tell_which_fault_it_is(status: int, kind: str) -> None:
    found = refused(status, {"id": "r", "message": "no"}, retry_after="2")
    assert (found.kind, found.message, found.status, found.request_id) == (kind, "no", status, "r")
    assert found.retry_after == 2


def test_a_limit_by_the_month_is_a_quota_until_the_next_one() -> None:
    words = "You are using a Trial key, which is limited to 1000 API calls / month."
    found = refused(429, {"message": words})
    assert (found.kind, found.resets_at) == ("quota_exhausted", DECEMBER)
    found = refused(429, {"message": words.replace("month", "minute")})
    assert (found.kind, found.resets_at) == ("rate_limited", None)


def test_the_trace_id_of_the_headers_is_the_requests() -> None:
    assert refused(500, {"id": "r", "message": "no"}, x_debug_trace_id="t").request_id == "t"


def test_a_code_or_id_that_may_be_a_quotation_is_not_told() -> None:
    quoted = refused(400, {"message": "no", "error_type": "my daughter's diagnosis", "id": "what's this?"})
    assert (quoted.code, quoted.request_id) == (None, None)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff"])
def test_a_body_that_explains_nothing_is_no_trouble(body: bytes) -> None:
    found = fault("cohere", 502, httpx.Headers(), body, lambda: NOW)
    assert (found.kind, found.provider, bool(found.message)) == ("server", "cohere", True)


@pytest.mark.parametrize(
    ("told", "kind", "message"),
    [
        ({"error": "lost"}, "server", "lost"),
        ({"message": "lost"}, "server", "lost"),
        ({"error": "bad tool", "error_type": "INVALID_TOOL_GENERATION"}, "invalid_request", "bad tool"),
        ({"error": {"message": "lost", "type": "x"}}, "server", "lost"),
    ],
)
def test_an_error_inside_a_reply_is_told_by_its_words(told: dict[str, Any], kind: str, message: str) -> None:
    found = error_in_reply("cohere", {"id": "r", **told}).fault
    assert (found.kind, found.message, found.request_id, found.status) == (kind, message, "r", None)


def test_trial_keys_are_told_their_calls_by_the_minute() -> None:
    counted = {"x-trial-endpoint-call-limit": "40", "x-trial-endpoint-call-remaining": "38"}
    told = limits(httpx.Headers(counted), NOW)
    assert told is not None
    assert told.requests is not None
    assert (told.requests.limit, told.requests.remaining) == (40, 38)
    assert limits(httpx.Headers(), NOW) is None
    waits = limits(httpx.Headers({"retry-after": "3"}), NOW)
    assert waits is not None
    assert (waits.requests, waits.retry_after) == (None, 3)
