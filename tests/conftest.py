"""Every test run is the same: Hypothesis draws from a seed, and a busy machine fails nothing.

`--hypothesis-profile=explore` looks for new examples.
"""

from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("repeatable")
