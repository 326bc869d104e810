"""Taking exception groups apart."""

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
