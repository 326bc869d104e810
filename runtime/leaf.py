"""Taking exception groups apart."""


def leaf(error: BaseException) -> BaseException:
    """The one error inside groups of one; a group with several stays as it is."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
