"""How a command ends that could not do what it was asked. Pure."""

import errno
import os
from collections.abc import Iterable

import msgspec

from callboard.actors.inspector.client import InspectorError
from callboard.errors import CallboardError, ConfigError, InvalidRequest
from callboard.runtime.leaf import interrupted, leaves
from callboard.runtime.storage.errors import StorageError

FAILED = 1
ASKED_WRONGLY = 2
INTERRUPTED = 130
LOST = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""What writing fails with where there is no file's name: it was the standard output."""


class Ending(msgspec.Struct, frozen=True):
    """The exit code, and the line for the error output; an empty one is not printed."""

    code: int
    sentence: str


def endings_of(error: BaseException) -> tuple[Ending, ...]:
    """What an exception amounts to; nothing for one that is a mistake of callboard's, or no failure at all.

    A group amounts to what those in it do, each once; to nothing if one of them does.
    """
    if interrupted(error):
        return (Ending(INTERRUPTED, ""),)
    endings = [_ending(one) for one in leaves(error)]
    known = [ending for ending in endings if ending is not None]
    return tuple(dict.fromkeys(known)) if len(known) == len(endings) else ()


def code_of(endings: Iterable[Ending]) -> int:
    """The exit code of several: that it was asked wrongly is all there is to say only if every one says so."""
    return min(ending.code for ending in endings)


def _ending(error: BaseException) -> Ending | None:
    match error:
        case ConfigError() | InvalidRequest():
            return Ending(ASKED_WRONGLY, _line(error))
        case CallboardError() | InspectorError() | StorageError():
            return Ending(FAILED, _line(error))
        case BrokenPipeError():  # who read has read enough
            return Ending(FAILED, "")
        case OSError(filename=str(name), strerror=str(why)):
            return Ending(FAILED, f"{name}: {why}")
        case FileNotFoundError(strerror=str(why)):  # of the current folder, or of one for temporary files
            gone = why == os.strerror(errno.ENOENT)
            return Ending(FAILED, "the current folder is gone; change to one that is there" if gone else why)
        case OSError(strerror=str(why)) if error.errno in LOST:
            return Ending(FAILED, f"the output cannot be written: {why}; make room, or send it elsewhere")
        case _:
            return None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())
