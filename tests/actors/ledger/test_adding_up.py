import pytest

from callboard.actors.ledger.adding_up import add_up, overfull
from callboard.actors.ledger.book import Book
from callboard.actors.ledger.erasing import anonymous
from callboard.actors.ledger.keeping import DAY, STEP
from callboard.messages.accounting import (
    LedgerEntry,
)
from callboard.testing.records import ended, settled


def book(*entries: LedgerEntry) -> Book:
    one = Book()
    for each in entries:
        one.apply(each)
    return one


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
