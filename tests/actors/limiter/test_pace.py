from callboard.actors.limiter.pace import FULL, STEP, Pace, share, slowed


def test_each_refusal_halves_it_and_something_is_always_left() -> None:
    pace: Pace | None = None
    seen = []
    for _ in range(6):
        pace = slowed(pace, 100, 0)
        seen.append((pace.steps, share(1_000, pace.steps), share(3, pace.steps)))
    assert seen == [(8, 500, 1), (4, 250, 1), (2, 125, 1), (1, 62, 1), (1, 62, 1), (1, 62, 1)]


def test_it_comes_back_by_equal_steps() -> None:
    pace = slowed(None, 64, 7)
    assert [pace.at(7 + number * STEP) for number in range(9)] == list(range(8, FULL + 1))
    assert [pace.in_flight(steps) for steps in (8, 9, 16, 24)] == [32, 36, 64, 96]
    assert (pace.next_step(7), pace.next_step(6 + STEP), pace.next_step(7 + STEP)) == (7 + STEP, 7 + STEP, 7 + 2 * STEP)


def test_halving_begins_from_where_it_has_come_to() -> None:
    first = slowed(None, 64, 0)
    assert slowed(first, 40, 4 * STEP) == Pace(6, 20, 2, 4 * STEP)
    assert slowed(first, 64, 100 * STEP).steps == FULL // 2
