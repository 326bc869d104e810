from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.ledger.book import Book
from callboard.actors.ledger.keeping import DAY, STEP, Keep, Page, aged, aged_rows
from callboard.messages.accounting import (
    BudgetMark,
    CircuitRecord,
    LedgerEntry,
)
from callboard.testing.records import ended, settled


def entry(at: int) -> LedgerEntry:
    return CircuitRecord(provider="p", key="k", at=at, before="closed", after="open", retry_at=0, openings=1)


def book(*entries: LedgerEntry) -> Book:
    one = Book()
    for each in entries:
        one.apply(each)
    return one


def page(*ats: int | None) -> Page:
    return [(bytes([place]), None if at is None else entry(at)) for place, at in enumerate(ats)]


@pytest.mark.parametrize(
    ("ats", "gone"),
    [
        ((), 0),
        ((1, 2, 3), 2),
        ((3, 1), 0),
        ((None, 1, 5), 2),
        ((None, 5, 1), 0),
        ((1, None), 1),
        ((None,), 0),
        ((1, None, 2, None, 7), 3),
        ((11, 1, 5), 2),
        ((11, None, 12, 2, 11, 5, 1), 4),
        ((11, 5), 0),
    ],
)
def test_what_goes_is_a_head_of_the_page_with_the_unreadable_and_what_is_dated_ahead_in_it(
    ats: tuple[int | None, ...], gone: int
) -> None:
    assert aged(page(*ats), before=3, now=10) == [bytes([place]) for place in range(gone)]


@given(st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=20), st.integers(0, 9))
def test_no_entry_that_is_young_enough_goes(ats: list[int | None], before: int) -> None:
    gone = ats[: len(aged(page(*ats), before, now=9))]
    assert all(at is None or at < before for at in gone)


def test_rows_go_by_their_day_and_not_all_at_once() -> None:
    one = book(*(settled(model=f"m{number}", at=DAY) for number in range(STEP + 1)), settled(at=9 * DAY), ended(at=DAY))
    assert aged_rows(one, DAY, 9 * DAY) == []
    found = aged_rows(one, 3 * DAY, 9 * DAY)
    assert len(found) == STEP
    for database, key in found:
        del one.rows[database][key]
    assert len(aged_rows(one, 3 * DAY, 9 * DAY)) == 2


def test_a_row_of_a_day_to_come_does_not_keep_those_behind_it_from_going() -> None:
    one = book(settled(model="ahead", at=99 * DAY), settled(model="old", at=DAY), settled(at=8 * DAY))
    assert [key.split("|")[0] for database, key in aged_rows(one, 3 * DAY, 9 * DAY) if database == "spend"] == [
        "1970-01-02"
    ]


def test_what_a_budget_remembers_of_a_window_goes_when_the_sums_of_its_days_do() -> None:
    one = book(*(BudgetMark(counts=counts, starts=day * DAY, at=0) for day in (1, 8) for counts in "ab"))
    assert [key for _, key in aged_rows(one, 3 * DAY, 9 * DAY)] == [f"{DAY}|a", f"{DAY}|b"]
    assert aged_rows(book(BudgetMark(counts="ever", starts=0, at=0)), -DAY, 9 * DAY) == []
    assert aged_rows(book(BudgetMark(counts="ever", starts=0, at=8 * DAY)), 3 * DAY, 9 * DAY) == []
    assert len(aged_rows(book(BudgetMark(counts="ever", starts=0, at=DAY)), 3 * DAY, 9 * DAY)) == 1


def test_what_a_budget_remembers_of_a_window_goes_when_that_is_over_and_of_one_for_ever_stays() -> None:
    days = (0, 10, 900, 967, 968)
    one = book(*(BudgetMark(counts="a", starts=day * DAY, at=0) for day in days))
    assert aged_rows(one, before=-9 * DAY, now=1_001 * DAY) == [("budgets", f"{day * DAY}|a") for day in (10, 900, 967)]
    for number in range(2 * STEP):
        one.apply(BudgetMark(counts=str(number), starts=DAY, at=0))
    assert len(aged_rows(one, before=-9 * DAY, now=1_001 * DAY)) == STEP


@pytest.mark.parametrize("bad", [{"entries": 0.0}, {"usage": -1.0}, {"entries": float("nan")}], ids=str)
def test_days_without_sense_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="days above 0"):
        Keep(**bad)


@pytest.mark.parametrize("bad", [-1, 1.5])
def test_a_number_of_rows_without_sense_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match=r"`rows` (is|must be) a whole number"):
        Keep(rows=bad)
