"""The same schedule from the same seed.

Trio shuffles the tasks that are ready to run. Its own Hypothesis plugin makes that repeatable through two private
names; these are the same two, and a test says when a new version of Trio no longer has them.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from trio._core import _run

_SWITCH = "_ALLOW_DETERMINISTIC_SCHEDULING"


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Every `trio.run` within takes its turns in an order that follows from `seed` alone."""
    names = vars(_run)
    before, state = names[_SWITCH], _run._r.getstate()
    names[_SWITCH] = True
    _run._r.seed(seed)
    try:
        yield
    finally:
        names[_SWITCH] = before
        _run._r.setstate(state)
