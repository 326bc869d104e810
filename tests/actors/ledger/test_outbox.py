"""What a ledger has not yet written: first in, first out, by the journal's numbers."""

from callboard.actors.ledger.outbox import Outbox
from callboard.messages.accounting import CircuitRecord


def _entry(number: int) -> CircuitRecord:
    return CircuitRecord(
        provider="alpha", key="endpoint", at=number, before="closed", after="open", retry_at=0, openings=1
    )


def test_what_was_written_is_forgotten_in_order() -> None:
    outbox = Outbox()
    outbox.add(*map(_entry, range(5)))
    outbox.written(2)
    assert len(outbox) == 3
    assert outbox.take_over(last=2) == [_entry(2), _entry(3), _entry(4)]
    assert len(outbox) == 0


def test_a_commit_that_nobody_heard_of_is_told_by_the_journals_last_number() -> None:
    outbox = Outbox()
    assert outbox.take_over(last=10) == []
    outbox.add(*map(_entry, range(5)))
    assert outbox.take_over(last=13) == [_entry(3), _entry(4)]


def test_a_journal_without_any_of_them_gives_all_of_them() -> None:
    outbox = Outbox()
    outbox.take_over(last=10)
    outbox.add(*map(_entry, range(2)))
    assert outbox.take_over(last=10) == [_entry(0), _entry(1)]
