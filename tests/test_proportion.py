import time
from collections.abc import Callable

import pytest
from tests.proportion import PAIRS, in_proportion


@pytest.fixture
def spend(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Takes so many seconds of CPU."""
    spent = [0.0]

    def take(seconds: float) -> None:
        spent[0] += seconds

    monkeypatch.setattr(time, "process_time", lambda: spent[0])
    return take


def test_what_grows_with_its_size_is_in_proportion_and_a_square_is_not(spend: Callable[[float], None]) -> None:
    in_proportion(spend, 400)
    with pytest.raises(AssertionError, match=r"16\.0, 16\.0, 16\.0, 16\.0, 16\.0"):
        in_proportion(lambda size: spend(size**2), 400)


def test_a_machine_that_is_busy_in_all_comparisons_but_one_fails_nothing(spend: Callable[[float], None]) -> None:
    busy = iter([1, 3] * (PAIRS - 1) + [1, 1])
    in_proportion(lambda size: spend(size * next(busy)), 400)
