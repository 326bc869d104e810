"""What follows from a child's end: pure tables.

`RESTARTS` says whether an end calls for a restart, `affected` who takes part in it.
"""

import enum
from collections.abc import Sequence

from callboard.runtime.supervision.spec import Restart, Strategy


class Exit(enum.StrEnum):
    """How a child ended by itself."""

    NORMAL = "normal"
    CRASH = "crash"
    FAILED_START = "failed start"


RESTARTS: dict[Restart, dict[Exit, bool]] = {
    Restart.PERMANENT: {Exit.NORMAL: True, Exit.CRASH: True, Exit.FAILED_START: True},
    Restart.TRANSIENT: {Exit.NORMAL: False, Exit.CRASH: True, Exit.FAILED_START: True},
    Restart.TEMPORARY: {Exit.NORMAL: False, Exit.CRASH: False, Exit.FAILED_START: False},
}


def affected(strategy: Strategy, failed: str, order: Sequence[str]) -> tuple[str, ...]:
    """The children that a restart of `failed` takes along, itself included, in order of start."""
    match strategy:
        case Strategy.ONE_FOR_ONE:
            return (failed,)
        case Strategy.ONE_FOR_ALL:
            return tuple(order)
        case Strategy.REST_FOR_ONE:
            return tuple(order[order.index(failed) :])
