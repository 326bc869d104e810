import pytest

from callboard.actors.limiter.window import Window

PERIOD = 6_000
GRAIN = PERIOD // 60


def test_what_was_taken_counts_for_a_whole_period() -> None:
    one = Window(10, PERIOD)
    one.take(10, 0)
    assert not one.has_room(1, PERIOD - 1)
    assert one.has_room(10, PERIOD)


def test_what_was_taken_together_leaves_when_the_last_of_it_may() -> None:
    one = Window(10, PERIOD)
    one.take(5, 0)
    one.take(5, GRAIN - 1)
    assert not one.has_room(1, PERIOD)
    assert one.earliest(1, PERIOD, one.cap) == PERIOD + GRAIN - 1
    assert one.has_room(10, PERIOD + GRAIN - 1)


def test_what_was_taken_apart_leaves_apart() -> None:
    one = Window(10, PERIOD)
    one.take(5, 0)
    one.take(5, GRAIN)
    assert one.earliest(5, 1, one.cap) == PERIOD
    assert one.earliest(6, 1, one.cap) == PERIOD + GRAIN
    assert one.has_room(5, PERIOD)
    assert not one.has_room(6, PERIOD)


def test_it_remembers_no_more_than_its_pieces() -> None:
    one = Window(10**9, PERIOD)
    for now in range(10 * PERIOD):
        one.take(1, now)
    assert PERIOD <= one.used <= PERIOD + GRAIN
    assert len(one._leaving()) <= 62


def test_what_is_given_back_makes_room_once() -> None:
    one = Window(10, PERIOD)
    charge = one.take(10, 0)
    one.give_back(charge, 7)
    assert one.has_room(7, 1)
    assert not one.has_room(8, 1)


def test_what_has_left_the_window_is_not_given_back_as_well() -> None:
    one = Window(10, PERIOD)
    charge = one.take(10, 0)
    one.take(0, PERIOD)
    one.take(10, PERIOD)
    one.give_back(charge, 10)
    assert not one.has_room(1, PERIOD)


def test_more_than_the_limit_never_has_room() -> None:
    assert Window(10, PERIOD).earliest(11, 0, 10) is None
    assert Window(10, PERIOD).earliest(6, 0, 5) is None


def test_a_window_that_was_used_evenly_frees_at_its_rate() -> None:
    one = Window(60, PERIOD)
    one.fill(60, 0, PERIOD)
    assert not one.has_room(1, PERIOD)
    assert [one.earliest(units, PERIOD, 60) for units in (1, 2, 60)] == [PERIOD + GRAIN, PERIOD + 2 * GRAIN, 2 * PERIOD]


@pytest.mark.parametrize("units", [0, 1, 7, 59, 61, 1_000])
def test_what_fills_it_is_neither_more_nor_less_than_was_used(units: int) -> None:
    one = Window(5_000, PERIOD)
    one.fill(units, 0, PERIOD // 3)
    assert one.used == units == one.used_at(0) == sum(left for _, left in one._leaving())


def test_whoever_counts_more_is_believed_until_the_reset() -> None:
    one = Window(10, PERIOD)
    one.take(3, 0)
    one.correct(8, 0, 500, 10)
    assert one.has_room(2, 10)
    assert not one.has_room(3, 10)
    assert one.earliest(3, 10, 10) == 500
    assert one.has_room(7, 500)


def test_what_was_taken_after_it_was_counted_counts_besides() -> None:
    one = Window(10, PERIOD)
    one.take(1, 0)
    one.take(4, 200)
    one.correct(3, 100, 5_000, 300)
    assert one.used == 3 + 4


def test_whoever_counts_less_is_not_believed() -> None:
    one = Window(10, PERIOD)
    one.take(8, 0)
    one.correct(2, 0, 5_000, 10)
    assert one.used == 8


def test_what_is_believed_is_not_taken_back_by_older_news_nor_shortened() -> None:
    one = Window(10, PERIOD)
    one.correct(8, 0, 500, 0)
    one.correct(5, 1, 600, 1)
    assert (one.used, one.earliest(10, 1, 10)) == (8, 500)
    one.correct(9, 2, 400, 2)
    assert (one.used, one.earliest(10, 2, 10)) == (9, 500)
    one.correct(9, 3, 700, 3)
    assert (one.used, one.earliest(10, 3, 10)) == (9, 700)
    one.correct(1, 700, 900, 700)
    assert one.used == 1


@pytest.mark.parametrize(("limit", "period"), [(0, 1), (1, 0), (-1, 1)])
def test_a_window_without_sense_is_refused(limit: int, period: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Window(limit, period)
