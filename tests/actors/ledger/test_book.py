import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.ledger.book import BUCKETS, Book, bucket, lost
from callboard.messages.accounting import (
    AttemptOpened,
    AttemptSettled,
    CallEnded,
    CallRow,
    CircuitHistory,
    CircuitRecord,
    UsageRow,
)
from callboard.messages.faults import FaultKind
from callboard.messages.usage import Usage
from callboard.testing import records

MILLISECOND = 1_000_000
DAY = 86_400 * 10**9
NOON = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000_000


def opened(id_: str = "a-1", **more: Any) -> AttemptOpened:
    members: dict[str, Any] = {
        "provider": "p",
        "model": "m",
        "at": NOON,
        "estimate": Usage(input=10, output=90),
        "estimated_cost": Decimal("0.5"),
    }
    return AttemptOpened(id=id_, call="a", **(members | more))


def settled(id_: str = "a-1", **more: Any) -> AttemptSettled:
    members: dict[str, Any] = {
        "at": NOON,
        "usage": Usage(input=1, output=2),
        "cost": Decimal("0.25"),
        "duration": 100 * MILLISECOND,
    }
    return records.settled(id=id_, **(members | more))


def ended(**more: Any) -> CallEnded:
    members: dict[str, Any] = {"at": NOON, "asked": "fast", "cost": Decimal("0.25")}
    return records.ended(**(members | more))


def book(*entries: Any) -> Book:
    one = Book()
    for entry in entries:
        one.apply(entry)
    return one


def test_attempts_are_added_up_by_day_provider_and_model() -> None:
    report = book(
        settled(),
        settled(outcome="fault", fault=FaultKind.SERVER, usage=Usage(reasoning=5), cost=Decimal(1), estimated=True),
        settled(model="other"),
        settled(at=NOON + 86_400 * 1_000_000_000),
    ).report(0)
    assert report.models == (
        UsageRow(
            day="2026-03-01",
            provider="p",
            model="m",
            attempts=2,
            faults=1,
            usage=Usage(input=1, output=2, reasoning=5),
            cost=Decimal("1.25"),
            estimated=1,
        ),
        UsageRow(
            day="2026-03-01",
            provider="p",
            model="other",
            attempts=1,
            usage=Usage(input=1, output=2),
            cost=Decimal("0.25"),
        ),
        UsageRow(
            day="2026-03-02", provider="p", model="m", attempts=1, usage=Usage(input=1, output=2), cost=Decimal("0.25")
        ),
    )
    assert (report.cost, report.usage) == (Decimal("1.75"), Usage(input=3, output=6, reasoning=5))


def test_an_unknown_price_is_counted_apart_and_a_price_of_nothing_is_none_of_these() -> None:
    (row,) = book(settled(cost=None), settled(cost=Decimal(0)), settled(cost=Decimal(2))).report(0).models
    assert (row.cost, row.unpriced, row.attempts) == (Decimal(2), 1, 3)


def test_what_the_provider_cannot_have_seen_is_counted_apart() -> None:
    (row,) = book(settled(), settled(sent=False, usage=Usage()), settled(outcome="fault")).report(0).models
    assert (row.attempts, row.unsent) == (3, 1)


def test_a_cancelled_or_lost_attempt_is_no_fault() -> None:
    (row,) = book(settled(outcome="cancelled"), settled(outcome="lost")).report(0).models
    assert (row.attempts, row.faults) == (2, 0)


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that stands five hours behind."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-03-01T00:00:00.000000", "2026-03-01"),
        ("2026-03-01T23:59:59.999999", "2026-03-01"),
        ("2024-02-29T23:59:59.999999", "2024-02-29"),
        ("2026-12-31T23:59:59.999999", "2026-12-31"),
    ],
)
def test_days_begin_and_end_at_midnight_utc(at: str, day: str, new_york: None) -> None:
    moment = datetime.fromisoformat(at + "+00:00")
    nanoseconds = int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000 + 999
    assert book(settled(at=nanoseconds)).report(0).models[0].day == day
    assert book(ended(at=nanoseconds)).report(0).calls[0].day == day


def test_calls_are_added_up_by_day_tag_and_user() -> None:
    report = book(
        ended(tag="search", user="ann"),
        ended(tag="search", user="ann", outcome="fault", fault=FaultKind.SERVER, cost=None),
        ended(tag="search", user="ann", outcome="interrupted", cost=Decimal(1)),
        ended(tag="search", user="ann", outcome="cancelled", shared=True),
        ended(tag="search", user="bob", cached=True, cost=Decimal(0)),
        ended(),
    ).report(0)
    ann, bob, nobody = report.calls
    assert ann == CallRow(
        day="2026-03-01",
        tag="search",
        user="ann",
        calls=4,
        ok=1,
        faults=1,
        interrupted=1,
        cancelled=1,
        shared=1,
    )
    assert (bob.user, bob.cached, bob.cost) == ("bob", 1, 0)
    assert (nobody.tag, nobody.user, nobody.calls) == ("", "", 1)


def test_calls_cost_what_their_attempts_cost_whatever_was_believed_when_they_ended() -> None:
    report = book(
        ended(tag="search", user="ann", outcome="cancelled", cost=Decimal(9)),
        settled("a-1", tag="search", user="ann", cost=Decimal(2)),
        settled("a-2", tag="search", user="ann", cost=None),
        settled("b-1", user="bob", cost=Decimal(1)),
    ).report(0)
    ann, bob = report.calls
    assert (ann.calls, ann.cost, ann.unpriced) == (1, 2, 1)
    assert (bob.user, bob.calls, bob.cost) == ("bob", 0, 1)
    assert sum(row.cost for row in report.calls) == report.cost


@given(names=st.lists(st.tuples(st.text("a|1", max_size=4), st.text("a|1", max_size=4)), max_size=20))
def test_no_two_users_or_tags_are_taken_for_each_other(names: list[tuple[str, str]]) -> None:
    report = book(*[ended(tag=tag, user=user) for tag, user in names]).report(0)
    assert sorted((row.tag, row.user) for row in report.calls) == sorted(set(names))


def test_what_limits_count_of_a_provider_has_what_is_underway_at_its_estimate_on_the_day_on_which_it_began() -> None:
    one = book(
        opened("a-1"),
        opened("a-2", model="other"),
        opened("a-3", counts_at=NOON - DAY),
        opened("a-4", provider="another"),
        settled("a-1"),
    )
    counted = {(row.day, row.model): (row.attempts, row.usage) for row in one.counted("p")}
    assert counted == {
        ("2026-03-01", "m"): (1, Usage(input=1, output=2)),
        ("2026-03-01", "other"): (1, Usage(input=10, output=90)),
        ("2026-02-28", "m"): (1, Usage(input=10, output=90)),
    }


def test_an_attempt_is_open_until_it_is_settled() -> None:
    one = book(opened("a-1"), opened("a-2"), settled("a-1"))
    assert list(one.open) == ["a-2"]


def test_a_lost_attempt_is_taken_to_have_used_all_that_it_might_have() -> None:
    entry = opened()
    assert lost(entry, NOON + 5) == settled(
        at=NOON + 5, outcome="lost", usage=entry.estimate, cost=Decimal("0.5"), estimated=True, duration=0
    )


def test_the_latest_state_of_each_circuit_is_remembered_by_provider() -> None:
    def moved(provider: str, key: str, after: str, openings: int) -> CircuitRecord:
        return CircuitRecord(
            provider=provider, key=key, at=5, before="closed", after=after, retry_at=7, openings=openings, floor=6
        )

    one = book(
        moved("p", "endpoint", "open", 1),
        moved("p", "endpoint", "half-open", 1),
        moved("p", "endpoint m", "open", 2),
        moved("pp", "endpoint", "open", 9),
    )
    assert one.circuits("p") == [
        CircuitHistory(key="endpoint", state="half-open", retry_at=7, openings=1, floor=6, at=5),
        CircuitHistory(key="endpoint m", state="open", retry_at=7, openings=2, floor=6, at=5),
    ]
    assert one.circuits("nobody") == []


@given(st.integers(1, 2**20 * MILLISECOND))
def test_a_bucket_holds_what_is_within_its_bound_and_above_the_one_before(duration: int) -> None:
    index, milliseconds = bucket(duration), duration / MILLISECOND
    assert milliseconds <= 2 ** (index / 4) * (1 + 1e-9)
    assert index == 0 or milliseconds > 2 ** ((index - 1) / 4) * (1 - 1e-9)


@pytest.mark.parametrize(
    ("duration", "index"),
    [(-1, 0), (0, 0), (MILLISECOND, 0), (2 * MILLISECOND, 4), (1024 * MILLISECOND, 40), (10**18, BUCKETS - 1)],
)
def test_every_duration_has_a_bucket(duration: int, index: int) -> None:
    assert bucket(duration) == index


def test_only_attempts_that_succeeded_tell_how_long_they_take() -> None:
    (row,) = book(settled(), settled(outcome="fault", duration=10**12)).report(0).latency
    assert (row.provider, row.model, row.count, row.cut) == ("p", "m", 1, ())


def test_attempts_that_were_cancelled_count_as_at_least_their_time() -> None:
    (row,) = book(settled(), settled(outcome="cancelled", duration=2 * MILLISECOND)).report(0).latency
    assert (row.count, row.cut.index(1), sum(row.cut)) == (1, 4, 1)


@given(
    st.lists(st.integers(MILLISECOND, 10**6 * MILLISECOND), min_size=1, max_size=50), st.sampled_from([0.5, 0.95, 1])
)
def test_a_quantile_is_true_to_within_a_fifth(durations: list[int], share: float) -> None:
    (row,) = book(*[settled(duration=duration) for duration in durations]).report(0).latency
    exact = sorted(durations)[max(0, -int(-share * len(durations) // 1) - 1)] / 1e9
    told = row.quantile(share)
    assert told is not None
    assert exact * (1 - 1e-9) <= told <= exact * 1.2


def test_the_report_tells_how_many_records_were_skipped() -> None:
    assert book().report(3).skipped_records == 3
