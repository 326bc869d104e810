import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.runtime.errors import SpecError
from callboard.runtime.supervision.backoff import Backoff, BackoffState

PLAIN = Backoff(base=100, max=1_000, jitter=0.5, quiet=10_000, immediate_first=False)
IMMEDIATE = Backoff(base=100, max=1_000, jitter=0.5, quiet=10_000)


def test_waits_double_up_to_the_most() -> None:
    state = BackoffState(PLAIN)
    assert [state.next(0, 0.0) for _ in range(6)] == [100, 200, 400, 800, 1_000, 1_000]


def test_the_first_failure_in_a_quiet_time_is_retried_at_once() -> None:
    state = BackoffState(IMMEDIATE)
    assert [state.next(0, 0.0) for _ in range(4)] == [0, 100, 200, 400]


@given(st.integers(0, 200), st.floats(0, 1, exclude_max=True))
def test_jitter_only_adds_and_at_most_its_share(k: int, rand: float) -> None:
    plain = min(1_000, 100 * 2**k)
    assert plain <= PLAIN.delay(k, rand) <= plain * 1.5
    assert PLAIN.delay(k, rand) == int(plain * (1 + rand * 0.5))


@pytest.mark.parametrize("spec", [PLAIN, IMMEDIATE])
def test_quiet_is_counted_from_the_end_of_the_last_wait(spec: Backoff) -> None:
    state = BackoffState(spec)
    first = state.next(0, 0.0)
    second = state.next(0, 0.0)
    assert state.next(second + spec.quiet, 0.0) > second
    assert state.failures == 3
    third = 2 * second
    assert state.next(second + spec.quiet + third + spec.quiet + 1, 0.0) == first
    assert state.failures == 1


def test_a_restored_count_goes_on_and_a_reset_one_starts_again() -> None:
    state = BackoffState(PLAIN)
    state.restore(3, 0)
    assert state.next(0, 0.0) == 800
    state.reset()
    assert (state.failures, state.next(1, 0.0)) == (0, 100)


@pytest.mark.parametrize(("now", "wait"), [(9_000, 800), (9_001, 100)])
def test_a_restored_count_is_over_after_a_quiet_time_in_another_process(now: int, wait: int) -> None:
    state = BackoffState(PLAIN)
    state.restore(3, -1_000)
    assert state.next(now, 0.0) == wait


@pytest.mark.parametrize("wrong", [{"base": 0}, {"base": 2, "max": 1}, {"jitter": -0.1}, {"jitter": 1.1}, {"quiet": 0}])
def test_a_backoff_without_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SpecError, match="backoff"):
        Backoff(**wrong)  # type: ignore[arg-type]
