"""How urgent a call is, and each message that is sent for it."""

from typing import Literal, TypeAlias, get_args

Priority: TypeAlias = Literal["critical", "normal", "background"]
PRIORITY_NAMES: tuple[Priority, ...] = get_args(Priority)
"""The most urgent first."""
PRIORITIES = {name: place for place, name in enumerate(PRIORITY_NAMES)}
"""An envelope's priority, 0 the most urgent."""
