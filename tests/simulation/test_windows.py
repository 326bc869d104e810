import pytest

from callboard.sections import LimitConfig
from callboard.simulation.windows import Meter, Windows


def test_a_meter_lets_a_burst_and_then_the_rate_through() -> None:
    meter = Meter(60)
    assert meter.take(60, 0) == 0
    assert meter.take(10, 10) == 0
    assert meter.take(1, 10) == pytest.approx(1, abs=0.01)


@pytest.fixture
def windows(found: list[str]) -> Windows:
    return Windows({"a": LimitConfig(requests_per_minute=2, tokens_per_minute=100, concurrency=3)}, found.append)


def test_too_many_requests_are_found(windows: Windows, found: list[str]) -> None:
    for second in (0, 1, 60, 60):
        windows.arrived("a", second, 1)
    assert found == []
    windows.arrived("a", 60, 1)
    assert "requests more than 2 a minute" in found[0]


def test_too_many_tokens_are_found_in_the_order_of_arrival(windows: Windows, found: list[str]) -> None:
    windows.used("a", 60, 100)
    windows.used("a", 0, 100)
    windows.measure()
    assert found == []
    windows.used("a", 61, 50)
    windows.measure()
    assert "tokens more than 100 a minute" in found[0]


def test_too_many_at_once_are_found(windows: Windows, found: list[str]) -> None:
    windows.arrived("a", 0, 3)
    assert found == []
    windows.arrived("a", 1, 4)
    assert "4 requests in hand" in found[0]


def test_a_new_process_begins_with_whole_buckets(windows: Windows, found: list[str]) -> None:
    windows.arrived("a", 0, 1)
    windows.arrived("a", 0, 1)
    windows.new_process()
    windows.arrived("a", 1, 1)
    assert found == []
