import errno
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from callboard.actors.transport.shortage import ADVICE, shortage

Starving = Callable[[], AbstractContextManager[None]]
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "")
EMPTY = OSError(errno.EMFILE, "")


def because(cause: BaseException) -> OSError:
    error = OSError("all attempts failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("number", ADVICE, ids=errno.errorcode.get)
def test_what_this_machine_lacks_is_told_with_what_to_do(number: int) -> None:
    assert shortage(OSError(number, "")) == shortage(because(OSError(number, ""))) == ADVICE[number]


def test_only_when_every_attempt_failed_for_it_is_it_why() -> None:
    assert shortage(because(ExceptionGroup("", [EMPTY, EMPTY]))) == ADVICE[errno.EMFILE]
    for mixed in ([EMPTY, REFUSED], [REFUSED, EMPTY]):
        assert shortage(because(ExceptionGroup("", mixed))) is None
    assert shortage(REFUSED) is shortage(ValueError()) is shortage(None) is None


def test_a_name_that_could_not_be_looked_up_for_want_of_a_descriptor_is_none_that_is_unknown(
    starving: Starving,
) -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    assert shortage(unknown) is None
    with starving():
        missing = shortage(unknown)
    assert missing == ADVICE[errno.EMFILE]
