import pytest

from callboard.actors.limiter.gate import Gate
from callboard.actors.limiter.limits import DAY, MINUTE, SECOND, Limits
from callboard.actors.limiter.seed import seed
from callboard.messages.accounting import UsageRow
from callboard.messages.usage import Usage
from callboard.runtime.calendar import Calendar, zone_of

NOW = 7 * SECOND
HOUR = 60 * MINUTE
NOON = 20_000 * DAY + DAY // 2
"""In UTC: 2024-10-04."""
UTC = Calendar()
ROWS = [
    UsageRow(day="2024-10-04", provider="p", model="m", attempts=37, unsent=7, usage=Usage(input=100, output=20)),
    UsageRow(day="2024-10-04", provider="p", model="other", attempts=10, usage=Usage(input=5)),
    UsageRow(day="2024-10-02", provider="p", model="m", attempts=1_000, usage=Usage(input=1_000)),
]
YESTERDAY = UsageRow(day="2024-10-03", provider="p", model="m", attempts=60, usage=Usage(input=600))


def gate(**limits: int) -> Gate:
    return Gate(Limits(**limits), 512)


@pytest.mark.parametrize("full", [True, False])
def test_only_the_first_life_starts_with_windows_that_are_free(full: bool) -> None:
    one = gate(requests_per_minute=60)
    seed({None: one}, None, NOW, NOON, UTC, full=full)
    assert one.has_room(0, NOW) is full
    assert one.earliest(0, NOW) == (NOW if full else NOW + SECOND)


@pytest.mark.parametrize("full", [True, False])
def test_a_day_begins_with_what_the_ledger_knows_of_it(full: bool) -> None:
    account, model = gate(requests_per_day=100, tokens_per_day=1_000), gate(requests_per_day=50)
    seed({None: account, "m": model}, ROWS, NOW, NOON, UTC, full=full)
    assert account.facts(NOW) == {
        "requests_per_day": {"used": 40, "limit": 100},
        "tokens_per_day": {"used": 125, "limit": 1_000},
    }
    assert model.facts(NOW) == {"requests_per_day": {"used": 30, "limit": 50}}


def test_what_was_used_today_leaves_in_the_course_of_the_next_day() -> None:
    one = gate(requests_per_day=40)
    seed({None: one}, ROWS, NOW, NOON, UTC, full=True)
    first = one.earliest(0, NOW)
    assert first is not None
    assert NOW + DAY // 2 < first <= NOW + DAY // 2 + DAY // 40
    assert one.windows["requests_per_day"].used_at(NOW + DAY) == 0


@pytest.mark.parametrize(
    ("since", "counts"), [(0, 60), (MINUTE, 60), (DAY // 4, 45), (DAY // 2, 30), (DAY - MINUTE, 1)]
)
def test_of_yesterday_counts_what_was_used_within_a_day_as_if_it_had_been_used_evenly(since: int, counts: int) -> None:
    one, midnight = gate(requests_per_day=100, tokens_per_day=1_000), NOON - DAY // 2
    seed({None: one}, [YESTERDAY], NOW, midnight + since, UTC, full=True)
    used = {name: window.used_at(NOW) for name, window in one.windows.items()}
    assert used == {"requests_per_day": counts, "tokens_per_day": 10 * counts}
    assert one.windows["requests_per_day"].used_at(NOW + DAY - since) == 0


def test_a_start_just_past_midnight_lets_no_second_days_limit_through() -> None:
    one, midnight = gate(requests_per_day=70), NOON - DAY // 2
    rows = [YESTERDAY, UsageRow(day="2024-10-04", provider="p", model="m", attempts=9)]
    seed({None: one}, rows, NOW, midnight + MINUTE, UTC, full=True)
    assert one.has_room(0, NOW)
    one.enter(0, NOW, [])
    assert not one.has_room(0, NOW)


def test_where_nobody_knows_a_day_is_as_used_up_as_a_minute() -> None:
    one = gate(requests_per_day=60, requests_per_minute=60)
    seed({None: one}, None, NOW, NOON, UTC, full=False)
    assert one.earliest(0, NOW) == NOW + DAY // 60
    assert one.windows["requests_per_minute"].used_at(NOW + MINUTE) == 0


@pytest.mark.parametrize(
    ("zone", "hour", "since"),
    [("America/Los_Angeles", 2, 19), ("Asia/Tokyo", -4, 5), ("Asia/Tokyo", 14, 23)],  # UTC+9, and UTC-7 in summer
)
def test_today_is_the_ledgers_day_and_began_at_its_midnight(zone: str, hour: int, since: int) -> None:
    one, utc, calendar = gate(requests_per_day=60), NOON - DAY // 2 + hour * HOUR, Calendar(zone_of(zone))
    seed({None: one}, a_row_a_day(today=calendar.day(utc).name), NOW, utc, calendar, full=True)
    window = one.windows["requests_per_day"]
    leaves = NOW + DAY - since * HOUR
    assert window.used_at(leaves - 1) > 60, "what was used yesterday just before midnight"
    assert window.used_at(leaves) == 60
    assert window.used_at(leaves + HOUR) < 60


def a_row_a_day(today: str) -> list[UsageRow]:
    days = {f"2024-10-0{number}": 1_000 for number in (2, 3, 4, 5)} | {today: 60}
    return [UsageRow(day=day, provider="p", model="m", attempts=attempts) for day, attempts in days.items()]
