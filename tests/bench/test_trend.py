"""Whether growth is found, and none where there is none."""

import random

import pytest

from callboard.bench.harness.trend import trend


def test_a_straight_line_has_its_slope_and_no_doubt() -> None:
    found = trend([(float(time), 5 + 3.0 * time) for time in range(100)])
    assert found == pytest.approx((3, 3, 3))


def test_the_interval_holds_the_true_slope_about_nineteen_times_in_twenty() -> None:
    dice = random.Random(1)
    runs = [trend([(float(t), 0.1 * t + dice.gauss(0, 10)) for t in range(400)]) for _ in range(400)]
    inside = sum(one.low <= 0.1 <= one.high for one in runs)
    assert 0.92 <= inside / len(runs) <= 0.98


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 40"):
        trend([(0.0, 1.0)] * 39)
