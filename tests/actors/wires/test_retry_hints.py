from datetime import UTC, datetime

import pytest

from callboard.actors.wires.retry_hints import (
    LONGEST,
    duration,
    number,
    resets_at,
    retry_after,
    should_retry,
    start_of_next_month,
    until_rfc3339,
)

SECOND = 1_000_000_000


def utc(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * SECOND  # type: ignore[misc, arg-type]


NOW = utc(2026, 11, 21, 8, 0, 0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "20"}, 20),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "0", "retry-after": "1"}, 1),
        ({"retry-after-ms": "0"}, 0),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        ({"retry-after": "Sat, 21 Nov 2026 08:00:30 GMT"}, 30),
        ({"retry-after": "Saturday, 21-Nov-26 08:00:30 GMT"}, 30),
        ({"retry-after": "Sat, 21 Nov 2026 07:00:00 GMT"}, 0),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "1e305"}, None),
        ({"retry-after": "2764800"}, LONGEST),
        ({"retry-after": "2764801"}, None),
        ({"retry-after-ms": "1e305"}, None),
        ({"retry-after": "Sat, 21 Nov 2099 08:00:30 GMT"}, None),
        ({"retry-after": str(NOW // 10**9 + 30)}, 30),
        ({"retry-after": str(NOW // 10**9 - 30)}, 0),
        ({"retry-after": ""}, None),
        ({"retry-after": "Sat, 99 Nov 99999 08:00:30 GMT"}, None),
    ],
)
def test_retry_after_is_milliseconds_then_seconds_or_a_date_of_a_month_at_most(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("told", "retry"), [("true", True), ("false", False), (" False ", False), ("maybe", None), ("", None), (None, None)]
)
def test_another_try_is_advised_or_not_or_nothing_is_said(told: str | None, retry: bool | None) -> None:
    assert should_retry({} if told is None else {"x-should-retry": told}) is retry


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360), ("1s", 1), ("20ms", 0.02), ("1h2m3.5s", 3723.5), ("2d", 172_800), ("0s", 0), ("12", 12),
        ("0.25", 0.25), ("500us", 0.0005), (" 1s ", 1), ("1s?", None), ("", None), (None, None), ("ms", None),
        ("9" * 400 + "s", None), ("-1s", None), ("9" * 300 + "s", None), ("1e305", None),
    ],
)  # fmt: skip
def test_durations_are_read_unit_by_unit(text: str | None, seconds: float | None) -> None:
    assert duration(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-21T08:00:07Z", 7),
        ("2026-11-21T09:00:07+01:00", 7),
        ("2026-11-21T08:00:07", 7),
        ("2026-11-21T07:59:00Z", 0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_rfc3339_times_count_from_now_and_never_below_zero(text: str | None, seconds: float | None) -> None:
    assert until_rfc3339(text, NOW) == seconds


@pytest.mark.parametrize(
    ("now", "start"),
    [
        (NOW, utc(2026, 12, 1)),
        (utc(2026, 12, 31, 23, 59, 59), utc(2027, 1, 1)),
        (utc(2026, 1, 1), utc(2026, 2, 1)),
    ],
)
def test_the_next_month_starts_at_its_first_midnight(now: int, start: int) -> None:
    assert start_of_next_month(now) == start


@pytest.mark.parametrize(
    ("told", "reset"),
    [
        ("1795000000000", 1_795_000_000_000_000_000),
        ("1795000000", None),
        ("60", None),
        ("soon", None),
        ("9e15", None),
        (None, None),
    ],
)
def test_a_reset_is_read_where_it_is_in_milliseconds_since_1970_and_not_years_away(
    told: str | None, reset: int | None
) -> None:
    headers = {} if told is None else {"x-ratelimit-reset": told}
    assert resets_at(headers, 1_794_990_000_000_000_000) == reset


def test_no_number_is_larger_than_a_counter_holds() -> None:
    assert number("1e305") == 2**53
    assert number("1e4") == 10_000
