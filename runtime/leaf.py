"""Taking exception groups apart."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio


def leaf(error: BaseException) -> BaseException:
    """The one error inside groups of one; a group with several stays as it is."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def interrupted(error: BaseException) -> bool:
    """Whether the user pressed Ctrl-C, whatever else went wrong of it."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(KeyboardInterrupt) is not None
    return isinstance(error, KeyboardInterrupt)


@contextmanager
def alone() -> Iterator[None]:
    """Ctrl-C that comes out of the block in a group, with nothing else but cancellations beside it, comes out alone."""
    try:
        yield
    except BaseExceptionGroup as group:
        if (pressed := ctrl_c(group)) is None:
            raise
        raise pressed from None


def ctrl_c(group: BaseExceptionGroup[BaseException]) -> KeyboardInterrupt | None:
    """The user's Ctrl-C, where there is nothing else in the group but cancellations."""
    found = [one for one in leaves(group) if not isinstance(one, trio.Cancelled)]
    pressed = [one for one in found if isinstance(one, KeyboardInterrupt)]
    return pressed[0] if pressed and len(pressed) == len(found) else None


def cancelled(error: BaseException) -> bool:
    """Whether this is a cancellation, or a group of nothing else."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(cancelled, error.exceptions))
    return isinstance(error, trio.Cancelled)


def leaves(error: BaseException) -> list[BaseException]:
    """All errors in a group and those inside it that are no groups; of any other error, itself."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [one for inner in error.exceptions for one in leaves(inner)]
