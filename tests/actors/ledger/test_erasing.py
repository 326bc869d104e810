from decimal import Decimal
from typing import Any

import msgspec
import pytest

from callboard.actors.ledger.book import Book
from callboard.actors.ledger.erasing import ERASE_PATIENCE, Erasure, Progress, anonymous, chosen
from callboard.actors.ledger.keeping import DAY, STEP, Page
from callboard.messages.accounting import (
    AttemptOpened,
    BudgetMark,
    CircuitRecord,
    Erase,
    LedgerEntry,
)
from callboard.messages.usage import Usage
from callboard.runtime.envelope import Envelope
from callboard.testing.records import ended, settled


def entry(at: int) -> LedgerEntry:
    return CircuitRecord(provider="p", key="k", at=at, before="closed", after="open", retry_at=0, openings=1)


def opened() -> AttemptOpened:
    return AttemptOpened(
        id="a-1", call="a", provider="p", model="m", at=7, estimate=Usage(), estimated_cost=Decimal("0.5")
    )


def book(*entries: LedgerEntry) -> Book:
    one = Book()
    for each in entries:
        one.apply(each)
    return one


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ({"user": "u"}, "call"),
        ({"call": "a"}, "call opened settled"),
        ({"call": "a-1"}, "opened settled"),
        ({"call": "a", "user": "u"}, "call"),
        ({"before": 1}, ""),
        ({"before": 10**19, "call": "b"}, ""),
        ({"before": 10**19}, "call opened settled circuit"),
    ],
    ids=str,
)
def test_what_has_everything_that_is_named_is_chosen(named: dict[str, Any], found: str) -> None:
    entries: dict[str, LedgerEntry] = {
        "call": ended(at=7, user="u"),
        "opened": opened(),
        "settled": settled(at=7),
        "circuit": entry(7),
    }
    matches = chosen(Erase(**named))
    assert " ".join(name for name, one in entries.items() if matches(one)) == found


def test_what_a_budget_remembers_of_a_user_goes_with_him_and_what_he_spent_is_nobodys() -> None:
    book = Book()
    book.apply(msgspec.structs.replace(settled(), user="ann"))
    book.apply(BudgetMark(counts="ann", starts=0, at=7, user="ann"))
    book.apply(BudgetMark(counts="all", starts=0, at=7))
    gone, _ = anonymous(book, "ann")
    assert sorted(database for database, _ in gone) == ["budgets", "spend"]
    assert list(book.rows["budgets"]) == ["0|all"]
    assert [(row.user, row.attempts) for row in book.report(0).spend] == [("", 1)]


def test_what_the_deleted_spent_is_one_sum_beside_that_of_callers_without_a_user() -> None:
    one = book(settled(), *(settled(user=user) for user in ("ann", "ben")), settled(user="ann", at=DAY))
    for user in ("ann", "ben"):
        anonymous(one, user)
    assert [(row.day, row.user, row.erased, row.attempts) for row in one.report(0).spend] == [
        ("1970-01-01", "", False, 1),
        ("1970-01-01", "", True, 2),
        ("1970-01-02", "", True, 1),
    ]
    assert sorted((row.day, row.attempts) for row in one.report(0).models) == [("1970-01-01", 3), ("1970-01-02", 1)]


def erasure(until: int, latest: int = 100) -> Erasure:
    return Erasure(Envelope(Erase(call="b")), chosen(Erase(call="b")), until, rows=0, latest=latest)


def on_disk(first: int, last: int, **calls: str) -> Page:
    """Entries of these numbers, of call `a` where no other is told."""
    numbers = range(first, last + 1)
    return [(number.to_bytes(8, "big"), ended(id=calls.get(f"n{number}", "a"))) for number in numbers]


def test_an_erasure_goes_through_the_journal_in_steps_and_is_done_when_all_before_it_is_written() -> None:
    one = erasure(until=STEP + 2)
    keys, progress = one.step(on_disk(1, STEP, n7="b"), STEP + 2, 0)
    assert (keys, progress, one.after) == ([(7).to_bytes(8, "big")], Progress.MORE, STEP.to_bytes(8, "big"))
    keys, progress = one.step(on_disk(STEP + 1, STEP + 2, n514="b"), STEP + 2, 0)
    assert (keys, progress, one.entries) == ([(STEP + 2).to_bytes(8, "big")], Progress.DONE, 2)


def test_an_erasure_looks_at_nothing_that_came_after_it() -> None:
    assert erasure(until=STEP).step(on_disk(1, STEP), 9 * STEP, 0) == ([], Progress.DONE)


def test_an_erasure_waits_for_what_is_not_yet_written_and_then_looks_at_that() -> None:
    one = erasure(until=2)
    assert one.step(on_disk(1, 1), 1, 99) == ([], Progress.UNWRITTEN)
    assert one.step([], 1, 99) == ([], Progress.UNWRITTEN)
    assert one.step(on_disk(2, 2, n2="b"), 2, 99) == ([(2).to_bytes(8, "big")], Progress.DONE)


def test_an_erasure_gives_up_only_when_nothing_more_is_written_for_its_whole_patience() -> None:
    one = erasure(until=9 * STEP, latest=100)
    assert one.step(on_disk(1, STEP), STEP, 200)[1] is Progress.MORE, "there is still something to look at"
    assert one.step([], STEP, 199 + ERASE_PATIENCE)[1] is Progress.UNWRITTEN
    assert one.step([], STEP, 200 + ERASE_PATIENCE)[1] is Progress.GIVEN_UP


def test_a_journal_that_cannot_be_read_leaves_an_erasure_as_it_is() -> None:
    one = erasure(until=2, latest=0)
    assert one.step(None, 2, 9) == ([], Progress.UNREADABLE)
    assert (one.after, one.entries, one.latest) == (b"", 0, 0)
