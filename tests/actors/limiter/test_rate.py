import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.limiter.rate import Rate

PERIOD = 1_000

Step = tuple[int, int, int, int]
"""How long after the step before (AS_SOON: when there is room); units reserved; units used; told how many steps on."""

AS_SOON = -1

steps = st.lists(
    st.tuples(
        st.one_of(st.just(AS_SOON), st.integers(0, 99), st.integers(0, PERIOD * 2)),
        st.integers(0, 40),
        st.integers(0, 40),
        st.integers(0, 12),
    ),
    min_size=20,
    max_size=40,
)


class Driven:
    """Takes whatever it can get, as soon as it can, and notes what was used when."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.used: list[tuple[int, int]] = []
        self.open: list[tuple[int, int, int, int]] = []

    def run(self, program: list[Step], limit: int) -> int:
        """Carry out the steps; when they have ended."""
        now = 0
        for number, (pause, wanted, used, later) in enumerate(program):
            units = min(wanted, limit)
            now = self.rate.earliest(units, now) if pause == AS_SOON else now + pause
            self.settle(number, now)
            self.take(number, units, used, number + later, now)
        return now

    def take(self, permit: int, units: int, used: int, settle_at: int, now: int) -> None:
        if self.rate.earliest(units, now) > now:
            return
        self.rate.reserve(permit, units, now)
        self.used.append((now, min(used, units)))
        self.open.append((settle_at, permit, units, min(used, units)))

    def settle(self, step: int, now: int) -> None:
        for entry in [entry for entry in self.open if entry[0] <= step]:
            self.open.remove(entry)
            self.rate.settle(*entry[1:], now)


@given(limit=st.integers(1, 30), program=steps, full=st.booleans())
def test_no_window_uses_more_than_the_burst_and_the_rate(limit: int, program: list[Step], full: bool) -> None:
    driven = Driven(Rate.full(limit, PERIOD) if full else Rate(limit, PERIOD, 0))
    driven.run(program, limit)
    for first, (start, _) in enumerate(driven.used):
        total = 0
        for end, used in driven.used[first:]:
            total += used
            assert total * PERIOD <= limit * PERIOD + limit * (end - start)


@given(limit=st.integers(1, 30), program=steps)
def test_a_rate_that_starts_empty_gives_only_what_has_flowed_in(limit: int, program: list[Step]) -> None:
    driven = Driven(Rate(limit, PERIOD, 0))
    driven.run(program, limit)
    total = 0
    for when, used in driven.used:
        total += used
        assert total * PERIOD <= limit * when


@given(limit=st.integers(1, 30), program=steps, units=st.integers(0, 60))
def test_what_is_promised_for_a_time_can_be_taken_then_and_not_before(
    limit: int, program: list[Step], units: int
) -> None:
    rate = Rate.full(limit, PERIOD)
    now = Driven(rate).run(program, limit)
    promised = rate.earliest(units, now)
    if promised > now:
        assert rate.earliest(units, promised - 1) == promised
    assert rate.earliest(units, promised) == promised


def test_what_was_not_used_comes_back_whole_while_others_keep_the_rate_busy() -> None:
    rate = Rate.full(10, PERIOD)
    rate.reserve(1, 5, 0)
    rate.reserve(2, 5, 0)
    rate.settle(2, 5, 5, 0)
    assert rate.earliest(5, 400) == 500  # the rate has been draining what the second has used
    rate.settle(1, 5, 0, 400)
    assert rate.earliest(9, 400) == 400


def test_what_has_drained_is_not_given_back_a_second_time() -> None:
    rate = Rate.full(10, PERIOD)
    rate.reserve(1, 10, 0)
    assert rate.earliest(5, 500) == 500
    rate.reserve(2, 5, 500)
    rate.settle(1, 10, 0, 500)
    assert rate.earliest(5, 500) == 500
    assert rate.earliest(6, 500) == 600


def test_more_than_was_reserved_is_a_debt() -> None:
    rate = Rate.full(10, PERIOD)
    rate.reserve(1, 10, 0)
    rate.settle(1, 10, 25, 0)
    assert rate.earliest(10, 0) == 2_500
    assert rate.earliest(1, 0) == 1_600


def test_a_request_larger_than_the_burst_needs_the_whole_of_it() -> None:
    rate = Rate.full(10, PERIOD)
    rate.reserve(1, 1, 0)
    assert rate.earliest(500, 0) == 100
    rate.reserve(2, 500, 100)
    assert rate.earliest(1, 100) == 200


def test_a_request_larger_than_the_burst_gives_back_no_more_than_it_took() -> None:
    rate = Rate.full(10, PERIOD)
    rate.reserve(1, 50, 0)
    rate.settle(1, 50, 45, 0)
    assert rate.earliest(10, 0) == 4_500


def test_settling_what_is_not_reserved_gives_nothing_back() -> None:
    rate = Rate(10, PERIOD, 0)
    rate.settle(7, 10, 0, 0)
    assert rate.earliest(1, 0) == 100


@pytest.mark.parametrize(("limit", "period"), [(0, 1), (1, 0), (-1, 1)])
def test_a_rate_without_sense_is_refused(limit: int, period: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Rate(limit, period, 0)
