import json
from typing import Any

import pytest

from callboard.actors.wires.openai import OpenAIChat
from callboard.actors.wires.openai_faults import error_in_reply
from callboard.messages.faults import Fault, FaultKind

NOW = 1_795_248_000_000_000_000  # 2026-11-21T08:00:00Z
WIRE = OpenAIChat(utc=lambda: NOW)


def fault(status: int, body: Any = b"", **headers: str) -> Fault:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WIRE.fault(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def error(message: str = "m", **members: Any) -> dict[str, Any]:
    return {"error": {"message": message, **members}}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request"), (401, "unauthorized"), (402, "quota_exhausted"), (403, "forbidden"),
        (404, "not_found"), (405, "invalid_request"), (408, "timed_out"), (409, "server"), (410, "not_found"),
        (413, "invalid_request"), (415, "invalid_request"), (418, "invalid_request"), (422, "invalid_request"),
        (429, "rate_limited"), (498, "unauthorized"), (500, "server"), (501, "server"), (502, "server"),
        (503, "overloaded"), (504, "server"), (520, "server"), (529, "overloaded"), (302, "malformed_reply"),
    ],
)  # fmt: skip
def test_a_status_by_itself_says_which_fault_it_is(status: int, kind: str) -> None:
    assert fault(status) == Fault(
        kind=FaultKind(kind), message="the provider sent no explanation", provider="openai", status=status
    )


@pytest.mark.parametrize(
    ("status", "members", "kind"),
    [
        (429, {"code": "rate_limit_exceeded", "type": "tokens"}, "rate_limited"),
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, "quota_exhausted"),
        (429, {"code": None, "type": "insufficient_quota"}, "quota_exhausted"),
        (429, {"code": "enforced_spend_limit_reached"}, "quota_exhausted"),
        (429, {"code": "billing_hard_limit_reached"}, "quota_exhausted"),
        (400, {"code": "context_length_exceeded"}, "context_too_long"),
        (400, {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}, "content_blocked"),
        (400, {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}}, "content_blocked"),
        (400, {"code": "content_policy_violation"}, "content_blocked"),
        (400, {"code": "invalid_api_key"}, "unauthorized"),
        (400, {"code": "model_not_found"}, "not_found"),
        (401, {"type": "authentication_error", "code": "invalid_request_error"}, "unauthorized"),
        (413, {"code": "rate_limit_exceeded", "type": "tokens"}, "invalid_request"),
        (500, {"type": "overloaded_error"}, "overloaded"),
        (403, {"code": 403, "type": []}, "forbidden"),
        (403, {"code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "a…"}}, "content_blocked"),
        (403, {"code": 403, "metadata": {"provider_name": "x"}}, "forbidden"),
        (400, {"code": "cyber_policy", "type": "invalid_request"}, "content_blocked"),
        (400, {"code": "1500", "type": "invalid_model"}, "not_found"),
        (400, {"code": "model_decommissioned", "type": "invalid_request_error"}, "not_found"),
        (400, {"code": "model_not_available", "type": "invalid_request_error"}, "not_found"),
        (400, {"code": "400", "type": "budget_exceeded"}, "quota_exhausted"),
        (429, {"code": "429", "type": "budget_exceeded"}, "quota_exhausted"),
        (401, {"code": "401", "type": "key_model_access_denied"}, "forbidden"),
        (401, {"code": "401", "type": "team_model_access_denied"}, "forbidden"),
        (498, {"code": "capacity_exceeded"}, "overloaded"),
        (400, {"code": "tool_use_failed", "type": "invalid_request_error"}, "malformed_reply"),
        (400, {"code": "json_validate_failed", "type": "invalid_request_error"}, "malformed_reply"),
    ],
)
def test_the_providers_code_says_more_than_the_status(status: int, members: dict[str, Any], kind: str) -> None:
    assert fault(status, error(**members)).kind == kind


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "This model's maximum context length is 8192 tokens. However, you requested 9000", "context_too_long"),
        (400, "prompt too long; exceeded max context length by 1119046 tokens", "context_too_long"),
        (400, "This model's maximum prompt length is 131072 but the request contains 5000000", "context_too_long"),
        (413, "Please reduce the length of the messages or completion.", "context_too_long"),
        (422, "Input is too long for requested model", "context_too_long"),
        (400, "the request exceeds the available context size", "context_too_long"),
        (400, "Incorrect API key provided: xa***ey. You can obtain an API key from the console.", "unauthorized"),
        (400, "the tool said: incorrect API key", "invalid_request"),
        (400, "The response was filtered due to Azure OpenAI's content management policy", "content_blocked"),
        (429, "You have insufficient balance", "quota_exhausted"),
        (400, "max_tokens is too large: 99999. This model supports at most 4096 completion tokens", "invalid_request"),
        (429, "Rate limit reached for gpt-4 on tokens per min (TPM): Limit 10000, Used 9000", "rate_limited"),
        (500, "maximum context length", "server"),
        (400, "This content was flagged for possible cybersecurity risk.", "content_blocked"),
        (400, "Model Not Exist", "not_found"),
        (400, "Invalid model: mistral-huge", "not_found"),
        (400, "nobody/none is not a valid model ID", "not_found"),
        (400, "invalid model `gpt-9`", "not_found"),
        (400, "the invalid model of the world", "invalid_request"),
        (400, "Invalid model parameters: temperature must be below 2", "invalid_request"),
        (400, "Invalid model output format", "invalid_request"),
        (400, "Model not found: grok-9", "not_found"),
        (400, "/chat/completions: Invalid model name passed in model=gpt-9. Call `/v1/models`", "not_found"),
        (400, "Content Exists Risk", "content_blocked"),
        (403, "Content violates usage guidelines. Team: t, Failed check: SAFETY_CHECK_TYPE_BIO", "content_blocked"),
        (
            400,
            "Function tools with reasoning_effort are not supported for gpt-5.6-sol in /v1/chat/completions. To use "
            "function tools, use /v1/responses or set reasoning_effort to 'none'.",
            "unsupported",
        ),
        (400, "This model is only supported in v1/responses and not in v1/chat/completions.", "unsupported"),
        (400, "Model grok-4 does not support parameter presencePenalty.", "unsupported"),
        (400, "Thinking mode does not support this tool_choice", "unsupported"),
        (
            400,
            "reasoning_effort='medium' is not supported for this model. Must be one of ('none', 'high')",
            "unsupported",
        ),
        (400, "Reasoning prompt mode is not enabled for this model", "unsupported"),
        (400, "Function calling is not enabled for models/gemma-3-27b-it", "unsupported"),
        (400, "`tool calling` is not supported with this model", "unsupported"),
        (400, "registry.ollama.ai/library/gemma:2b does not support tools", "unsupported"),
        (400, "Invalid value: 'tool'. The role is not supported.", "invalid_request"),
        (402, "This request requires more credits, or fewer max_tokens. You requested up to 65536", "unsupported"),
        (402, "Insufficient credits. Add more, or fewer models", "quota_exhausted"),
        (402, "Invalid model name passed in", "quota_exhausted"),
        (403, "Your account has been flagged for potential abuse", "forbidden"),
        (403, "This key was disabled, for its use violates our usage policies", "forbidden"),
        (403, "You are not allowed; max model length", "forbidden"),
        (403, "Key limit exceeded (total limit). Manage it in your settings", "quota_exhausted"),
        (403, "Your newly created team doesn't have any credits yet.", "quota_exhausted"),
        (403, "Your team has either used all available credits or reached its monthly limit", "quota_exhausted"),
        (403, "You are not allowed to sample from this model", "forbidden"),
        (429, "Your project has exceeded its monthly spending cap.", "quota_exhausted"),
        (429, "Rate limit exceeded: free-models-per-day", "quota_exhausted"),
    ],
)
def test_the_providers_words_tell_apart_what_shares_a_status(status: int, message: str, kind: str) -> None:
    assert fault(status, error(message)).kind == kind


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            429,
            "Request too large for gpt-4o in organization o on tokens per min (TPM): Limit 30000, Requested 30872.",
        ),
        (
            413,
            "Request too large for model `m` in organization `o` service tier `t` on tokens per minute (TPM)",
        ),
        (413, "Request too large for model `m` in organization `o` on tokens per day (TPD): Limit 500000"),
    ],
)
def test_a_request_larger_than_the_tokens_of_a_minute_or_a_day_is_too_long_for_waiting_does_not_help(
    status: int, words: str
) -> None:
    told = error(words, code="rate_limit_exceeded", type="tokens")
    assert fault(status, told).kind == "context_too_long"
    in_a_reply = error_in_reply("openai", told["error"], status)
    assert in_a_reply.fault.kind == "context_too_long"


@pytest.mark.parametrize(
    ("code", "kind"), [("content_filter", "content_blocked"), ("insufficient_quota", "quota_exhausted")]
)
def test_a_code_that_says_something_else_goes_before_such_words(code: str, kind: str) -> None:
    assert fault(429, error("Request too large for m on tokens per min", code=code)).kind == kind


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (error("m", code="c", type="t"), "m", "c"),
        (error("m", type="t"), "m", "t"),
        ({"code": "Client specified an invalid argument", "error": "x"}, "x", "Client specified an invalid argument"),
        ({"detail": "Invalid API Key"}, "Invalid API Key", None),
        ({"detail": [{"msg": "too short", "input": "my secret prompt"}]}, "too short", None),
        ({"detail": [{"loc": ["body", "n", 0], "msg": "too long", "input": "my prompt"}]}, "body.n.0: too long", None),
        ({"detail": [{"loc": ["body", "my «secret»"], "msg": "too long"}]}, "too long", None),
        (
            {"message": {"detail": [{"loc": ["body", "user"], "msg": "not permitted"}]}, "type": "invalid"},
            "body.user: not permitted",
            "invalid",
        ),
        ({"message": "m", "type": "t"}, "m", "t"),
        (error("Provider returned error", code=429, metadata={"raw": "busy"}), "Provider returned error: busy", None),
        ({"error": None}, "the provider sent 15 bytes that do not explain it; is base_url right?", None),
        ({"error": {"message": 5}}, "the provider sent 25 bytes that do not explain it; is base_url right?", None),
        ([1], "the provider sent 3 bytes that do not explain it; is base_url right?", None),
        (b"<html><head><title>502 Bad Gateway</title></head>x</html>", "502 Bad Gateway", None),
        (b"<html>secret</html>", "the provider sent 19 bytes that do not explain it; is base_url right?", None),
        (b"upstream connect error", "upstream connect error", None),
        (b"\xff\xfe", "��", None),
        (b" \n", "the provider sent no explanation", None),
        (b"[" * 100_000, "the provider sent 100,000 bytes that do not explain it; is base_url right?", None),
    ],
)  # fmt: skip
def test_every_shape_of_body_is_read(body: Any, message: str, code: str | None) -> None:
    found = fault(500, body)
    assert (found.message, found.code) == (message, code)


@pytest.mark.parametrize("code", ["my daughter's diagnosis", "is it?\nyes", "ça", "x" * 101, ""])
def test_a_code_or_request_id_that_may_be_a_quotation_is_not_told(code: str) -> None:
    found = fault(400, error(code=code, type="t") | {"request_id": code})
    assert (found.code, found.request_id) == ("t", None)


def test_secrets_are_hidden_and_long_messages_cut() -> None:
    found = fault(401, error("Incorrect API key provided: sk-abc***xyz. " + "word " * 500))
    assert "sk-" not in found.message
    assert len(found.message) == 500


def test_a_quota_that_is_used_up_tells_when_it_is_filled_again_and_a_rate_does_not() -> None:
    reset = str(NOW // 1_000_000 + 3_600_000)
    spent = fault(429, error("Rate limit exceeded: free-models-per-day"), x_ratelimit_reset=reset)
    assert spent.resets_at == int(reset) * 1_000_000
    assert fault(429, error("slow down"), x_ratelimit_reset=reset).resets_at is None


def test_a_message_of_one_endless_word_is_not_told() -> None:
    assert fault(500, error("sk-x" * 9000)).message.startswith("the provider sent 36,0")


def test_waits_and_the_request_id_come_from_the_headers() -> None:
    assert fault(429, retry_after_ms="1500", x_request_id="req_1").retry_after == 1.5
    assert fault(503, retry_after="Sat, 21 Nov 2026 08:00:30 GMT").retry_after == 30
    assert fault(429, retry_after="1", retry_after_ms="0").retry_after == 1
    for name in ("x_request_id", "x_generation_id", "mistral_correlation_id", "apim_request_id"):
        assert fault(500, {"request_id": "req_2"}, **{name: "req_1"}).request_id == "req_1"
    assert fault(500, {"request_id": "req_2"}).request_id == "req_2"
    assert fault(500).retry_after is None
    assert (fault(500, x_should_retry="false").retry, fault(404, x_should_retry="true").retry) == (False, True)
    assert fault(500).retry is None


def test_openrouters_reset_is_read_from_the_headers_that_its_error_holds() -> None:
    def told(**headers: Any) -> dict[str, Any]:
        return error("Rate limit exceeded: free-models-per-day", code=429, metadata={"headers": headers})

    at = NOW // 1_000_000 + 3_600_000
    assert fault(429, told(**{"X-RateLimit-Reset": str(at)})).resets_at == at * 1_000_000
    assert fault(429, told(**{"X-RateLimit-Reset": at})).resets_at is None
    assert fault(429, told(), x_ratelimit_reset=str(at)).resets_at == at * 1_000_000


@pytest.mark.parametrize("code", ["unsupported_parameter", "unsupported_value"])
def test_what_a_model_does_not_take_is_unsupported_and_no_mistake_of_the_request(code: str) -> None:
    message = (
        "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) is supported."
    )
    told = {"error": {"message": message, "type": "invalid_request_error", "param": "temperature", "code": code}}
    assert fault(400, told).kind == "unsupported"


def test_an_order_of_turns_that_mistral_refuses_is_one_that_others_take() -> None:
    """The user's turn behind a tool's result, as of a user who interrupts an agent."""
    told = {"object": "error", "message": "Unexpected role 'user' after role 'tool'", "code": "3230"}
    assert fault(400, told | {"type": "invalid_request_message_order"}).kind == "unsupported"
