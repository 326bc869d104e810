"""Property tests draw the same examples each time, however slow the machine.

`HYPOTHESIS_PROFILE=searching` draws new ones, to look for what nobody has thought of.
"""

import os

from hypothesis import settings

settings.register_profile("seeded", derandomize=True, deadline=None)
settings.register_profile("searching", derandomize=False, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "seeded"))
