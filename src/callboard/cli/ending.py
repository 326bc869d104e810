"""How a command ends that could not do what it was asked. Pure."""

import msgspec

from callboard.actors.inspector.client import InspectorError
from callboard.errors import CallboardError, ConfigError, InvalidRequest
from callboard.runtime.leaf import interrupted, leaf
from callboard.runtime.storage.errors import StorageError

FAILED = 1
ASKED_WRONGLY = 2
INTERRUPTED = 130


class Ending(msgspec.Struct, frozen=True):
    """The exit code, and the line for the error output; an empty one is not printed."""

    code: int
    sentence: str


def ending_of(error: BaseException) -> Ending | None:
    """What an exception amounts to; None for one that is a mistake of callboard's, or no failure at all."""
    if interrupted(error):
        return Ending(INTERRUPTED, "")
    match leaf(error):
        case ConfigError() | InvalidRequest() as cause:
            return Ending(ASKED_WRONGLY, _line(cause))
        case CallboardError() | InspectorError() | StorageError() as cause:
            return Ending(FAILED, _line(cause))
        case _:
            return None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())
