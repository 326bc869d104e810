import pytest

from callboard.actors.logbook.pages import LONGEST, LogSpec, aged, chosen, decode, drop, place, put, record
from callboard.actors.logbook.redact import KINDS, redactor
from callboard.messages.accounting import Erase
from callboard.messages.calls import Failure
from callboard.messages.chat import TextPart, user
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.logbook import LogCall, LogRecord
from callboard.messages.reply import Answer
from callboard.messages.request import Request
from callboard.messages.storing import StorePut

REDACT = redactor(KINDS)


def said(text: str = "I am ann@example.com", partial: str | None = None) -> LogCall:
    fault = Fault(kind=FaultKind.SERVER, message="no answer for ann@example.com")
    answer = None if partial is None else Answer(parts=(TextPart(partial),), finish_reason=None)
    return LogCall(
        call="c",
        at=7,
        request=Request(model="m", messages=(user(text),), user="ann", tag="t"),
        outcome=Failure(id="c", fault=fault, attempts=(), partial=answer),
    )


def test_a_record_holds_what_was_said_without_what_is_taken_out() -> None:
    one = record(said(partial="so ann@example.com"), REDACT)
    assert (one.call, one.at, one.user, one.tag) == ("c", 7, "ann", "t")
    assert "I am [email]" in one.request
    assert one.reply is not None and "so [email]" in one.reply
    assert one.fault is not None and "no answer for [email]" in one.fault
    assert record(said(), REDACT).reply is None


def test_what_is_longer_than_is_kept_is_cut() -> None:
    assert len(record(said("x" * LONGEST), REDACT).request) == LONGEST + 1


def test_a_record_shows_no_words() -> None:
    assert repr(record(said(), REDACT)) == "LogRecord(…)"


def test_a_record_is_found_again_and_wholly_dropped() -> None:
    one = record(said(), REDACT)
    written = put(one)
    assert all(isinstance(operation, StorePut) for operation in written)
    log, calls = (operation for operation in written if isinstance(operation, StorePut))
    assert (decode(log.value), calls.value) == (one, log.key)
    assert [(operation.database, operation.key) for operation in drop(log.key)] == [
        (operation.database, operation.key) for operation in (log, calls)
    ]
    assert decode(b"rubbish") is None


def test_what_is_older_than_a_moment_is_aged() -> None:
    keys = [place(at, "c") for at in (1, 2, 3)]
    assert aged(keys, 3) == keys[:2]


@pytest.mark.parametrize(
    ("erase", "found"),
    [
        (Erase(user="ann"), True),
        (Erase(user="bob"), False),
        (Erase(call="c"), True),
        (Erase(call="c", user="bob"), False),
        (Erase(before=7), False),
        (Erase(before=8), True),
    ],
    ids=str,
)
def test_what_has_everything_that_is_named_is_chosen(erase: Erase, found: bool) -> None:
    one: LogRecord = record(said(), REDACT)
    assert chosen(erase, one) == found


def test_days_without_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="days above 0"):
        LogSpec(keep_days=0)
