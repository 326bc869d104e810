import httpx
import pytest

from callboard.actors.wires.rate_limits import ANTHROPIC, CEREBRAS, FAMILIES, GROQ, OPENAI, TOGETHER, Names, rate_limits
from callboard.messages.limits import RateLimits, Window

NOW = 1_795_248_000_000_000_000  # 2026-11-21T08:00:00Z


def read(names: Names = OPENAI, **headers: str) -> RateLimits | None:
    return rate_limits(httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()}), names, NOW)


def test_openai_tells_requests_and_tokens_with_durations() -> None:
    assert read(
        X_RateLimit_Limit_Requests="5000",
        x_ratelimit_remaining_requests="4999",
        x_ratelimit_reset_requests="12ms",
        x_ratelimit_limit_tokens="4000000",
        x_ratelimit_remaining_tokens="3999993",
        x_ratelimit_reset_tokens="6m0s",
        x_ratelimit_limit_input_images="50000",
    ) == RateLimits(
        requests=Window(limit=5000, remaining=4999, resets_in=0.012),
        tokens=Window(limit=4_000_000, remaining=3_999_993, resets_in=360),
    )


def test_anthropic_tells_times() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": "2026-11-21T08:00:01Z",
        "anthropic-ratelimit-input-tokens-limit": "40000",
        "anthropic-ratelimit-input-tokens-remaining": "40000",
        "anthropic-ratelimit-output-tokens-remaining": "8000",
        "retry-after": "7",
    }
    assert rate_limits(headers, ANTHROPIC, NOW) == RateLimits(
        requests=Window(limit=50, remaining=49, resets_in=1),
        input_tokens=Window(limit=40_000, remaining=40_000),
        output_tokens=Window(remaining=8000),
        retry_after=7,
    )


def test_imitations_tell_days_and_minutes_in_their_own_words() -> None:
    assert read(
        x_ratelimit_limit_requests_day="1000",
        x_ratelimit_reset_requests_day="33011.5",
        x_ratelimit_limit_tokens_minute="60000",
        x_ratelimit_remaining_req_minute="9",
    ) == RateLimits(
        requests=Window(remaining=9),
        tokens=Window(limit=60_000),
        requests_day=Window(limit=1000, resets_in=33_011.5),
    )


@pytest.mark.parametrize("limit", ["-1", "0"])
def test_azures_limit_of_minus_one_or_zero_is_no_limit(limit: str) -> None:
    assert read(x_ratelimit_limit_requests=limit, x_ratelimit_remaining_requests="0") is None
    assert read(x_ratelimit_remaining_requests="-1", x_ratelimit_remaining_tokens="-1") is None


def test_retry_after_alone_is_told() -> None:
    assert read(retry_after_ms="1500") == RateLimits(retry_after=1.5)


def test_no_headers_and_nonsense_tell_nothing() -> None:
    assert read() is None
    assert read(x_ratelimit_limit_requests="many", x_ratelimit_reset_requests="later") is None
    assert read(x_ratelimit="x") is None


def test_cerebras_and_together_have_words_of_their_own() -> None:
    assert read(
        CEREBRAS,
        x_ratelimit_limit_requests_day="1000",
        x_ratelimit_reset_requests_day="33011.5",
        x_ratelimit_limit_tokens_minute="60000",
        x_ratelimit_remaining_tokens_minute="59000",
        x_ratelimit_reset_tokens_minute="11.5",
        x_ratelimit_limit_requests="7",
    ) == RateLimits(
        tokens=Window(limit=60_000, remaining=59_000, resets_in=11.5),
        requests_day=Window(limit=1000, resets_in=33_011.5),
    )
    assert read(
        TOGETHER,
        x_ratelimit_limit="10",
        x_ratelimit_remaining="9",
        x_ratelimit_reset="2",
        x_ratelimit_limit_tokens="3000",
    ) == RateLimits(requests_second=Window(limit=10, remaining=9, resets_in=2), tokens_second=Window(limit=3000))


def test_groqs_requests_are_a_days_and_its_tokens_a_minutes() -> None:
    assert read(
        GROQ,
        x_ratelimit_limit_requests="14400",
        x_ratelimit_remaining_requests="14399",
        x_ratelimit_reset_requests="6s",
        x_ratelimit_limit_tokens="6000",
        x_ratelimit_remaining_tokens="5987",
        x_ratelimit_reset_tokens="130ms",
    ) == RateLimits(
        tokens=Window(limit=6000, remaining=5987, resets_in=0.13),
        requests_day=Window(limit=14_400, remaining=14_399, resets_in=6),
    )


def test_every_family_is_known_by_its_name() -> None:
    assert FAMILIES == {
        "openai": OPENAI,
        "anthropic": ANTHROPIC,
        "cerebras": CEREBRAS,
        "groq": GROQ,
        "together": TOGETHER,
    }
