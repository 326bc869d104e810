"""What is inside exception groups."""

import pytest
import trio

from callboard.runtime.leaf import cancelled, leaf


def grouped(*errors: BaseException) -> BaseExceptionGroup[BaseException]:
    return BaseExceptionGroup("several", errors)


def test_a_group_of_one_is_that_one() -> None:
    error, two = ValueError(), grouped(ValueError(), KeyError())
    assert leaf(grouped(grouped(error))) is error
    assert leaf(two) is two


@pytest.mark.parametrize("error", [ValueError(), grouped(ValueError())])
async def test_a_failure_is_no_cancellation_however_it_comes(error: BaseException) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as cut:
            assert cancelled(cut)
            assert cancelled(grouped(cut, grouped(cut)))
            assert not cancelled(error)
            assert not cancelled(grouped(cut, error))
            raise
