"""Whether a figure grows: ordinary least squares over the samples' times, with the slope's 95 % confidence interval.

Samples of a process's memory depend on those before them, which makes the ordinary interval too narrow. So they are
averaged over stretches of equal length first, and the stretches are taken as independent.
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

STRETCHES = 20
T95 = 2.101
"""Student's t for 95 %, both sides, with STRETCHES - 2 degrees of freedom."""


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
    left = sum((figure - intercept - slope * time) ** 2 for time, figure in zip(times, figures, strict=True))
    middle = statistics.fmean(times)
    spread = sum((time - middle) ** 2 for time in times)
    off = T95 * math.sqrt(left / (STRETCHES - 2) / spread)
    return Trend(slope, slope - off, slope + off)
