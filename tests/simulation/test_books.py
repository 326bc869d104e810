"""Each disagreement between ledger, provider and caller is found; what agrees is not."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from callboard.actors.prices.book import Price
from callboard.messages.accounting import AttemptOpened, CallRow, UsageReport, UsageRow
from callboard.messages.reply import AttemptRecord
from callboard.messages.usage import Cost, Usage
from callboard.simulation.books import Books
from callboard.simulation.callers import Ended
from callboard.simulation.traffic import Planned
from callboard.testing import Outcome, Served
from callboard.testing.records import ended, settled

USAGE = Usage(input=10, output=20)
COST = Cost("0.00005")
PLANNED = Planned(number=1, at=0, prompt="Why?", model="a/m", options={})
OPENED = AttemptOpened(id="c-1", call="c", provider="a", model="m", at=0, estimate=USAGE, estimated_cost=COST)
SETTLED = settled(id="c-1", call="c", provider="a", at=1, usage=USAGE, cost=COST, duration=1)
CALL = ended(id="c", provider="a", at=1, asked="a/m", usage=USAGE, cost=COST, duration=1)
SERVED = Served(
    number=1,
    attempt="c-1",
    method="POST",
    path="/",
    model="m",
    started=0,
    ended=1,
    outcome=Outcome.COMPLETE,
    status=200,
    usage=USAGE,
)
ENDED = Ended(
    planned=PLANNED,
    outcome="ok",
    began=0,
    ended=1,
    id="c",
    attempts=(AttemptRecord(provider="a", model="m", outcome="ok", id="c-1"),),
    cost=COST,
    text="So.",
)


@pytest.fixture
def books(found: list[str]) -> Books:
    return Books({"a/m": Price(input=Decimal(1), output=Decimal(2))}, found.append)


def changed(one: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(one, **changes)


def tell(books: Books, **changes: Any) -> None:
    """All about one call; `opened=None` leaves a part out, `opened={...}` changes it."""
    told = {"opened": OPENED, "settled": SETTLED, "call": CALL, "served": SERVED, "ended": ENDED}
    parts = {
        name: None if changes.get(name, {}) is None else changed(one, **changes.get(name, {}))
        for name, one in told.items()
    }
    books.said("c-1", changes.get("said", "So."))
    if parts["served"] is not None:
        books.served(changes.get("at", "a"), parts["served"])
    if parts["ended"] is not None:
        books.called(parts["ended"])
    books.wrote([part for name in ("opened", "settled", "call") if (part := parts[name]) is not None])


def test_what_agrees_is_not_told(books: Books, found: list[str]) -> None:
    tell(books)
    books.compare()
    assert found == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"call": None}, "no record of it"),
        ({"call": {"outcome": "fault"}}, "the ledger says fault"),
        ({"call": {"cost": Cost(1)}}, "was told 0.00005 dollars"),
        ({"ended": None}, "whose callers are 0"),
        ({"settled": None}, "never settled"),
        ({"opened": None, "settled": None}, "never opened"),
        ({"opened": None}, "without being opened"),
        ({"served": None}, "no provider saw it"),
        ({"at": "b"}, "is of a/m in the ledger"),
        ({"served": {"outcome": Outcome.CUT}}, "cut in the provider's books"),
        ({"served": {"outcome": Outcome.OPEN, "ended": None}}, "has not ended"),
        ({"served": {"usage": Usage(input=10, output=21)}}, "by the provider's books"),
        ({"settled": {"cost": Cost("0.00006")}}, "but its tokens 0.00005 dollars"),
        ({"settled": {"estimated": True}, "served": {"usage": Usage(input=11, output=20)}}, "less than the 31 billed"),
        ({"said": "No."}, "the provider said"),
        ({"ended": {"pieces": "So.So."}}, "its pieces are"),
        ({"ended": {"cached": True}}, "nobody had given"),
    ],
)
def test_what_does_not_agree_is_told(books: Books, found: list[str], changes: dict[str, Any], sentence: str) -> None:
    tell(books, **changes)
    books.compare()
    assert any(sentence in one for one in found), found


def test_an_attempt_that_comes_twice_is_told(books: Books, found: list[str]) -> None:
    tell(books)
    books.served("a", SERVED)
    books.wrote([SETTLED])
    assert ["arrived twice" in found[0], "twice" in found[1]] == [True, True]


def test_a_process_that_was_killed_may_have_lost_the_last_moment_and_no_more(books: Books, found: list[str]) -> None:
    books.killed(1.04, 2.0)
    tell(books, opened=None, settled=None, call=None, served={"started": 1_000_000_000})
    books.compare()
    assert found == []
    books.killed(1.06, 2.0)
    tell(books, opened=None, settled=None, call=None, served={"started": 1_000_000_000})
    books.compare()
    assert len(found) == 2


def test_the_cache_may_give_what_was_given_before(books: Books, found: list[str]) -> None:
    frequent = changed(PLANNED, options={"temperature": 0.0})
    tell(books, ended={"planned": frequent})
    books.compare()
    again = {"planned": frequent, "cached": True, "id": "d", "attempts": ()}
    books.called(changed(ENDED, **again))
    books.wrote([changed(CALL, id="d", cached=True)])
    books.compare()
    assert found == []


def test_nothing_is_kept_of_what_was_compared(books: Books, found: list[str]) -> None:
    tell(books)
    books.compare()
    tell(books)
    books.compare()
    assert found == []


@pytest.mark.parametrize("wrong", [{}, {"cost": Cost(1)}, {"attempts": 2}, {"estimated": 1}])
def test_sums_that_are_not_those_of_the_entries_are_told(books: Books, found: list[str], wrong: dict[str, Any]) -> None:
    tell(books)
    books.compare()
    row: dict[str, Any] = {"attempts": 1, "usage": USAGE, "cost": COST, **wrong}
    report = UsageReport(
        models=(UsageRow(day="", provider="a", model="m", **row),),
        calls=(CallRow(day="", tag="", user="", calls=1, ok=1, cost=COST),),
        latency=(),
    )
    books.compare_sums(report)
    assert bool(found) == bool(wrong)


def test_a_bill_that_is_not_what_was_spent_is_told(books: Books, found: list[str]) -> None:
    tell(books, served={"usage": Usage(input=10, output=21)})
    books.compare()
    found.clear()
    row = UsageRow(day="", provider="a", model="m", attempts=1, usage=USAGE, cost=COST)
    calls = CallRow(day="", tag="", user="", calls=1, ok=1, cost=COST)
    books.compare_sums(UsageReport(models=(row,), calls=(calls,), latency=()))
    assert found == ["the providers ask for 0.000052 dollars, the ledger says 0.00005 with 0 in estimates"]


def test_a_question_that_is_no_attempt_is_nobodys(books: Books, found: list[str]) -> None:
    books.served("a", changed(SERVED, method="GET"))
    books.compare()
    assert found == []
