from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.ledger.book import Book
from callboard.actors.ledger.keeping import DAY, STEP, Keep, Page, add_up, aged, aged_rows, anonymous, chosen, overfull
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


@pytest.mark.parametrize("bad", [{"entries": 0.0}, {"usage": -1.0}, {"entries": float("nan")}], ids=str)
def test_days_without_sense_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="days above 0"):
        Keep(**bad)


@pytest.mark.parametrize("bad", [-1, 1.5])
def test_a_number_of_rows_without_sense_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match="`rows` is a whole number"):
        Keep(rows=bad)


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


def named(day: int, **names: str) -> list[LedgerEntry]:
    return [settled(at=day * DAY, **names), ended(at=day * DAY, **names)]


def spent(book: Book) -> list[tuple[str, str, str, bool, int]]:
    return sorted((row.day, row.tag, row.user, row.summed, row.attempts) for row in book.report(0).spend)


def called(book: Book) -> list[tuple[str, str, str, bool, int]]:
    return sorted((row.day, row.tag, row.user, row.summed, row.calls) for row in book.report(0).calls)


def test_a_day_is_added_up_over_tags_and_users_and_no_other_row_is_touched() -> None:
    jobs = [entry for number in range(4) for entry in named(1, tag=f"job|{number}", user="u|0|")]
    one = book(*named(1), *jobs, *named(2, tag="late"), *named(2, user="ann"))
    gone, changed = add_up(one, "1970-01-02", 9 * DAY)
    assert spent(one) == [
        ("1970-01-02", "", "", False, 1),
        ("1970-01-02", "", "", True, 4),
        ("1970-01-03", "", "ann", False, 1),
        ("1970-01-03", "late", "", False, 1),
    ]
    assert called(one) == spent(one)
    assert len(gone) == 8
    assert len(changed) == 2
    assert {(database, key) for database, rows in one.rows.items() for key in rows} >= set(changed)
    assert add_up(one, "1970-01-02", 9 * DAY) == ([], [])


def test_adding_up_changes_no_sum_by_model_or_day_and_leaves_no_call_without_its_money() -> None:
    entries = [settled(at=day * DAY, tag=str(tag), model=model) for day in (1, 2) for tag in range(9) for model in "mn"]
    one = book(*entries, *(ended(at=day * DAY, tag=str(tag)) for day in (1, 2) for tag in range(9)))
    before = {(row.day, row.model): (row.attempts, row.usage, row.cost) for row in one.report(0).models}
    add_up(one, "1970-01-02", 9 * DAY)
    assert {(row.day, row.model): (row.attempts, row.usage, row.cost) for row in one.report(0).models} == before
    assert [(row.day, row.summed, row.calls, row.unpriced) for row in one.report(0).calls if not row.tag] == [
        ("1970-01-02", True, 9, 18)
    ]
    assert {(row.calls, row.unpriced) for row in one.report(0).calls if row.tag} == {(1, 2)}


def test_what_comes_late_for_a_day_that_was_added_up_joins_it_the_next_time() -> None:
    one = book(*named(1, tag="t"), *named(2, tag="t"))
    add_up(one, "1970-01-02", 9 * DAY)
    for entry in named(1, tag="t"):
        one.apply(entry)
    assert overfull(one, 0, 9 * DAY, 9 * DAY, 9 * DAY) == "1970-01-03"
    add_up(one, "1970-01-03", 9 * DAY)
    assert overfull(one, 0, 9 * DAY, 9 * DAY, 9 * DAY) == "1970-01-02"
    add_up(one, "1970-01-02", 9 * DAY)
    assert spent(one) == [("1970-01-02", "", "", True, 2), ("1970-01-03", "", "", True, 1)]


@pytest.mark.parametrize(
    ("most", "before", "day"),
    [(0, 9, "1970-01-03"), (5, 9, "1970-01-03"), (6, 9, None), (0, 3, "1970-01-03"), (0, 2, None)],
)
def test_of_too_many_rows_those_of_the_first_day_go_unless_it_is_to_be_kept(
    most: int, before: int, day: str | None
) -> None:
    one = book(*named(1), *named(99, tag="ahead"), *named(2, tag="old"), *named(3, tag="new"))
    assert overfull(one, most, before * DAY, before * DAY, now=9 * DAY) == day


@pytest.mark.parametrize(("most", "needed", "day"), [(1, 9, "1970-01-03"), (2, 9, None), (1, 2, None)])
def test_the_latest_days_are_spared_until_there_is_a_crowd(most: int, needed: int, day: str | None) -> None:
    one = book(*named(2, tag="old"), *named(3, tag="new"), *named(3, tag="newer"))
    assert overfull(one, most, spared=0, needed=needed * DAY, now=9 * DAY) == day


def test_what_the_deleted_spent_for_a_tag_is_added_up_like_the_rest() -> None:
    one = book(*named(1, tag="t", user="ann"))
    anonymous(one, "ann")
    for entry in named(1, tag="t"):
        one.apply(entry)
    add_up(one, "1970-01-02", 9 * DAY)
    assert spent(one) == [("1970-01-02", "", "", True, 2)]
    assert [row.erased for row in one.report(0).spend] == [False]


def test_a_day_is_added_up_to_its_end_also_where_it_and_the_next_overlap() -> None:
    days = (1, 2, 1, 99, 2, 1, 3, 4)
    one = book(*(entry for number, day in enumerate(days) for entry in named(day, tag=str(number))))
    assert len(add_up(one, "1970-01-02", 9 * DAY)[0]) == 6
    assert {row.day for row in one.report(0).spend if row.tag} == {
        "1970-01-03",
        "1970-01-04",
        "1970-01-05",
        "1970-04-10",
    }


def test_no_step_adds_up_more_than_it_may() -> None:
    one = book(*(settled(tag=str(number)) for number in range(STEP + 5)))
    assert [len(add_up(one, "1970-01-01", 9 * DAY)[0]) for _ in range(3)] == [STEP, 5, 0]
    assert [(row.summed, row.unpriced) for row in one.report(0).calls] == [(True, STEP + 5)]
