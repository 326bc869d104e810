from decimal import Decimal
from typing import Any

import msgspec
import pytest

from callboard.actors.ledger.book import Book
from callboard.actors.ledger.erasing import anonymous, chosen
from callboard.actors.ledger.keeping import DAY
from callboard.messages.accounting import (
    AttemptOpened,
    BudgetMark,
    CircuitRecord,
    Erase,
    LedgerEntry,
)
from callboard.messages.usage import Usage
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
