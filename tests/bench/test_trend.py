"""Whether growth is found, and none where there is none."""

import math
import random

import pytest

from callboard.bench.harness.trend import Trend, trend


def test_a_straight_line_has_its_slope_and_no_doubt() -> None:
    found = trend([(float(time), 5 + 3.0 * time) for time in range(100)])
    assert found == pytest.approx((3, 3, 3))


def test_the_interval_holds_the_true_slope_about_nineteen_times_in_twenty() -> None:
    dice = random.Random(1)
    runs = [trend([(float(t), 0.1 * t + dice.gauss(0, 10)) for t in range(400)]) for _ in range(400)]
    inside = sum(one.low <= 0.1 <= one.high for one in runs)
    assert 0.92 <= inside / len(runs) <= 0.98


@pytest.mark.parametrize("lasting", [20, 60, 240])
def test_so_it_does_where_each_sample_depends_on_those_before_it(lasting: int) -> None:
    dice, keeps = random.Random(2), math.exp(-1 / lasting)

    def run() -> Trend:
        noise, samples = dice.gauss(0, 10), []
        for time in range(1200):
            noise = keeps * noise + dice.gauss(0, 10 * math.sqrt(1 - keeps**2))
            samples.append((float(time), 0.1 * time + noise))
        return trend(samples)

    inside = sum(one.low <= 0.1 <= one.high for one in (run() for _ in range(300)))
    assert inside / 300 >= 0.9


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 40"):
        trend([(0.0, 1.0)] * 39)
