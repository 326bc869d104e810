from hypothesis import given
from hypothesis import strategies as st

from callboard.testing.behaviour import Behaviour
from callboard.testing.quota import Buckets, admit

SECOND = 1_000_000_000


@given(
    per_minute=st.integers(1, 600),
    burst=st.integers(1, 20),
    pauses=st.lists(st.integers(0, 5 * SECOND), min_size=1, max_size=60),
)
def test_no_window_lets_through_more_than_the_burst_and_the_rate(
    per_minute: int, burst: int, pauses: list[int]
) -> None:
    behaviour = Behaviour(requests_per_minute=per_minute, burst=burst)
    buckets, now, passed = Buckets(), 0, []
    for pause in pauses:
        now += pause
        buckets, admission = admit(buckets, behaviour, 0, now)
        if admission.refused is None:
            passed.append(now)
    for first, start in enumerate(passed):
        for last, end in enumerate(passed[first:], first):
            assert last - first + 1 <= burst + (end - start) * per_minute / (60 * SECOND) + 1e-5


@given(per_minute=st.integers(1, 600), tokens=st.integers(1, 500))
def test_waiting_as_long_as_told_is_enough(per_minute: int, tokens: int) -> None:
    behaviour = Behaviour(requests_per_minute=per_minute, burst=1, tokens_per_minute=600)
    buckets, _ = admit(Buckets(), behaviour, 300, 0)
    buckets, refused = admit(buckets, behaviour, tokens, 0)
    assert refused.refused
    assert refused.retry_after is not None
    _, admission = admit(buckets, behaviour, tokens, round(refused.retry_after * SECOND))
    assert admission.refused is None


def test_a_refused_request_takes_nothing_from_either_bucket() -> None:
    behaviour = Behaviour(requests_per_minute=10, tokens_per_minute=100)
    buckets, admission = admit(Buckets(), behaviour, 60, 0)
    assert admission.limits is not None
    again, refused = admit(buckets, behaviour, 60, 0)
    assert refused.refused == "tokens"
    assert again == buckets
    assert refused.limits == admission.limits


def test_what_is_left_is_told() -> None:
    behaviour = Behaviour(requests_per_minute=60, tokens_per_minute=600)
    _, admission = admit(Buckets(), behaviour, 100, 0)
    assert admission.limits is not None
    requests, tokens = admission.limits.requests, admission.limits.tokens
    assert requests is not None
    assert tokens is not None
    assert (requests.limit, requests.remaining, requests.resets_in) == (60, 59, 1.0)
    assert (tokens.limit, tokens.remaining, tokens.resets_in) == (600, 500, 10.0)


def test_a_request_larger_than_the_limit_is_never_told_when_to_return() -> None:
    _, admission = admit(Buckets(), Behaviour(tokens_per_minute=100), 101, 0)
    assert admission.refused == "tokens"
    assert admission.retry_after is None


def test_without_limits_everything_passes_and_nothing_is_told() -> None:
    buckets, admission = admit(Buckets(), Behaviour(), 10**9, 0)
    assert buckets == Buckets()
    assert admission.refused is None
    assert admission.limits is None


def test_a_lowered_limit_holds_at_once() -> None:
    buckets, _ = admit(Buckets(), Behaviour(requests_per_minute=1000), 0, 0)
    buckets, _ = admit(buckets, Behaviour(requests_per_minute=1), 0, 0)
    _, admission = admit(buckets, Behaviour(requests_per_minute=1), 0, 0)
    assert admission.refused == "requests"
