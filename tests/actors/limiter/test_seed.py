import pytest

from callboard.actors.limiter.gate import Gate
from callboard.actors.limiter.limits import DAY, MINUTE, SECOND, Limits
from callboard.actors.limiter.seed import seed
from callboard.messages.accounting import UsageRow
from callboard.messages.usage import Usage

NOW = 7 * SECOND
NOON = 20_000 * DAY + DAY // 2
"""In UTC: 2024-10-04."""
ROWS = [
    UsageRow(day="2024-10-04", provider="p", model="m", attempts=30, usage=Usage(input=100, output=20)),
    UsageRow(day="2024-10-04", provider="p", model="other", attempts=10, usage=Usage(input=5)),
    UsageRow(day="2024-10-03", provider="p", model="m", attempts=1_000, usage=Usage(input=1_000)),
]


def gate(**limits: int) -> Gate:
    return Gate(Limits(**limits), 512)


@pytest.mark.parametrize("full", [True, False])
def test_only_the_first_life_starts_with_windows_that_are_free(full: bool) -> None:
    one = gate(requests_per_minute=60)
    seed({None: one}, None, NOW, NOON, full=full)
    assert one.has_room(0, NOW) is full
    assert one.earliest(0, NOW) == (NOW if full else NOW + SECOND)


@pytest.mark.parametrize("full", [True, False])
def test_a_day_begins_with_what_the_ledger_knows_of_it(full: bool) -> None:
    account, model = gate(requests_per_day=100, tokens_per_day=1_000), gate(requests_per_day=50)
    seed({None: account, "m": model}, ROWS, NOW, NOON, full=full)
    assert account.facts(NOW) == {
        "requests_per_day": {"used": 40, "limit": 100},
        "tokens_per_day": {"used": 125, "limit": 1_000},
    }
    assert model.facts(NOW) == {"requests_per_day": {"used": 30, "limit": 50}}


def test_what_was_used_today_leaves_in_the_course_of_the_next_day() -> None:
    one = gate(requests_per_day=40)
    seed({None: one}, ROWS, NOW, NOON, full=True)
    first = one.earliest(0, NOW)
    assert first is not None
    assert NOW + DAY // 2 < first <= NOW + DAY // 2 + DAY // 40
    assert one.windows["requests_per_day"].used_at(NOW + DAY) == 0


def test_where_nobody_knows_a_day_is_as_used_up_as_a_minute() -> None:
    one = gate(requests_per_day=60, requests_per_minute=60)
    seed({None: one}, None, NOW, NOON, full=False)
    assert one.earliest(0, NOW) == NOW + DAY // 60
    assert one.windows["requests_per_minute"].used_at(NOW + MINUTE) == 0
