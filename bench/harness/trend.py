"""Whether a figure grows: ordinary least squares over the samples' times, with the slope's 95 % confidence interval.

Samples of a process's memory depend on those before them, which makes the ordinary interval too narrow. So they are
averaged over stretches of equal length first; and where one stretch still says something of the next, there are fewer
that are independent: n (1 - r) / (1 + r) of n, with r the correlation of each residual with the one before it (Bartlett
1935, "Some aspects of the time-correlation problem"). Of so few stretches r comes out too small by (1 + 4 r) / n on
average (Kendall 1954, "Note on bias in the estimation of autocorrelation"), which is added again.
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

STRETCHES = 20
FEWEST = 4.0
"""Independent stretches that are reckoned with at the least."""
T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228}
T95 |= {11: 2.201, 12: 2.179, 13: 2.160, 14: 2.145, 15: 2.131, 16: 2.120, 17: 2.110, 18: 2.101}
"""Student's t for 95 %, both sides, by degrees of freedom."""


class Trend(NamedTuple):
    """Growth for each unit of time, and between what bounds it lies with 95 % confidence."""

    slope: float
    low: float
    high: float


def trend(samples: Sequence[tuple[float, float]]) -> Trend:
    """Of (time, figure) pairs in order of time. Raises ValueError for fewer than two for each stretch."""
    if len(samples) < 2 * STRETCHES:
        raise ValueError(f"a trend needs at least {2 * STRETCHES} samples, not {len(samples)}")
    edges = [len(samples) * n // STRETCHES for n in range(STRETCHES + 1)]
    stretches = [samples[start:end] for start, end in itertools.pairwise(edges)]
    times = [statistics.fmean(time for time, _ in stretch) for stretch in stretches]
    figures = [statistics.fmean(figure for _, figure in stretch) for stretch in stretches]
    slope, intercept = statistics.linear_regression(times, figures)
    residuals = [figure - intercept - slope * time for time, figure in zip(times, figures, strict=True)]
    middle = statistics.fmean(times)
    spread = sum((time - middle) ** 2 for time in times) / STRETCHES
    independent = _independent(residuals)
    freedom = max(1, math.floor(independent) - 2)
    variance = sum(residual**2 for residual in residuals) / STRETCHES * independent / freedom
    off = T95[freedom] * math.sqrt(variance / independent / spread)
    return Trend(slope, slope - off, slope + off)


def _independent(residuals: Sequence[float]) -> float:
    """As how many that do not depend on one another these are to be taken."""
    left = sum(residual**2 for residual in residuals)
    if left == 0:
        return STRETCHES
    found = sum(one * other for one, other in itertools.pairwise(residuals)) / left
    correlation = min(0.99, max(0.0, found + (1 + 4 * found) / STRETCHES))
    return max(FEWEST, STRETCHES * (1 - correlation) / (1 + correlation))
