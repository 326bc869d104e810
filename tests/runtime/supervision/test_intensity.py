import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.runtime.errors import SpecError
from callboard.runtime.supervision.intensity import FailureTimes, Intensity


@given(st.integers(0, 4), st.integers(1, 20), st.lists(st.integers(0, 8), max_size=30))
def test_too_many_is_more_than_the_intensity_within_the_period(failures: int, period: int, gaps: list[int]) -> None:
    times = FailureTimes(Intensity(failures=failures, period=period))
    now, told = 0, list[int]()
    for gap in gaps:
        now += gap
        told.append(now)
        recent = [time for time in told if time >= now - period]
        assert times.add(now) == (len(recent) > failures)


def test_an_intensity_of_none_gives_up_at_the_first_failure() -> None:
    assert FailureTimes(Intensity(failures=0)).add(0) is True


@pytest.mark.parametrize(("later", "too_many"), [(10, True), (11, False)])
def test_a_failure_exactly_one_period_ago_still_counts(later: int, too_many: bool) -> None:
    times = FailureTimes(Intensity(failures=1, period=10))
    times.add(0)
    assert times.add(later) is too_many


@pytest.mark.parametrize(("failures", "period"), [(-1, 5), (3, 0), (3, -1)])
def test_an_intensity_without_sense_is_refused(failures: int, period: int) -> None:
    with pytest.raises(SpecError, match="intensity"):
        Intensity(failures=failures, period=period)
