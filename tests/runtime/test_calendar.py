from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.runtime.calendar import EVER, NANOSECONDS, Calendar, zone_of

HOUR = 3_600 * NANOSECONDS
ZONES = sorted(available_timezones())
MOMENTS = st.integers(0, 4_000_000_000).map(lambda second: second * NANOSECONDS)


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NANOSECONDS


@pytest.mark.parametrize(
    ("zone", "at", "day", "hours"),
    [
        ("UTC", "2026-03-01T23:59:59", "2026-03-01", 24),
        ("Europe/Berlin", "2026-03-28T23:30:00", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-24T22:00:00", "2026-10-25", 25),
        ("Europe/Berlin", "2026-10-24T21:59:59", "2026-10-24", 24),
        ("Australia/Lord_Howe", "2026-04-04T13:00:00", "2026-04-05", 24.5),
        ("Africa/Cairo", "2026-04-23T22:00:00", "2026-04-24", 23),  # its clocks skip midnight
        ("Asia/Kathmandu", "2026-01-01T18:15:00", "2026-01-02", 24),
    ],
)
def test_a_day_is_as_long_as_the_zones_clocks_make_it(zone: str, at: str, day: str, hours: float) -> None:
    found = Calendar(ZoneInfo(zone) if zone != "UTC" else UTC).day(utc(at))
    assert (found.name, found.ends - found.starts) == (day, hours * HOUR)


def test_a_month_ends_at_the_local_midnight_of_the_next_first() -> None:
    month = Calendar(ZoneInfo("Europe/Berlin")).month(utc("2026-02-28T23:30:00"))
    assert (month.name, month.starts, month.ends) == ("2026-03", utc("2026-02-28T23:00:00"), utc("2026-03-31T22:00:00"))


def test_what_the_clocks_repeat_after_midnight_is_of_the_new_day_and_month_whatever_they_show() -> None:
    """Newfoundland's went back at 0:01, to 23:01 of the day before."""
    for at in ("2009-11-01T02:30:00", "2009-11-01T02:31:00", "2009-11-01T03:30:00"):
        calendar = Calendar(ZoneInfo("America/St_Johns"))
        assert (calendar.day(utc(at)).name, calendar.month(utc(at)).name) == ("2009-11-01", "2009-11")


@given(zone=st.sampled_from(ZONES), at=MOMENTS)
def test_days_and_months_of_every_zone_hold_their_moment_and_leave_no_gap(zone: str, at: int) -> None:
    calendar = Calendar(ZoneInfo(zone))
    for find in (calendar.day, calendar.month):
        window = find(at)
        assert at in window
        after = find(window.ends)
        assert after.starts == window.ends
        assert find(window.starts) == window


@given(zone=st.sampled_from(ZONES), moments=st.lists(MOMENTS, min_size=1, max_size=8))
def test_what_was_asked_before_changes_no_answer(zone: str, moments: list[int]) -> None:
    asked = Calendar(ZoneInfo(zone))
    for at in moments:
        assert asked.day(at) == Calendar(ZoneInfo(zone)).day(at)
        assert asked.month(at) == Calendar(ZoneInfo(zone)).month(at)


def test_ever_holds_every_moment() -> None:
    far = datetime(2250, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert 0 in EVER
    assert far // timedelta(microseconds=1) * 1_000 in EVER


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd", "a\0b"])
def test_a_zone_that_nobody_knows_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone is named"):
        zone_of(name)
