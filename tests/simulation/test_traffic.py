import pytest

from callboard.simulation.spec import DAY, Spec
from callboard.simulation.traffic import bursts, calls

SPEC = Spec(seed=3, days=14, calls=4_000)


def test_there_are_as_many_calls_as_were_wanted_each_with_its_own_number() -> None:
    numbers = [call.number for burst in bursts(SPEC) for call in calls(SPEC, burst)]
    assert sorted(numbers) == list(range(SPEC.calls))


def test_the_same_seed_plans_the_same_and_another_plans_otherwise() -> None:
    def planned(seed: int) -> list[object]:
        spec = Spec(seed=seed, days=1, calls=100)
        return [call for burst in bursts(spec) for call in calls(spec, burst)]

    assert planned(1) == planned(1)
    assert planned(1) != planned(2)


def test_bursts_come_in_order_and_within_the_time() -> None:
    times = [burst.at for burst in bursts(SPEC)]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= SPEC.seconds


def test_more_is_asked_by_day_than_by_night() -> None:
    hours = [burst.at % DAY / 3600 for burst in bursts(SPEC)]
    assert sum(12 <= hour < 20 for hour in hours) > 4 * sum(hour < 8 for hour in hours)


def test_there_is_some_of_everything() -> None:
    planned = [call for burst in bursts(SPEC) for call in calls(SPEC, burst)]
    for seen in (
        [call.stream for call in planned],
        [call.cancel_after is not None for call in planned],
        [call.leave_after is not None for call in planned],
        [call.pause > 0 for call in planned],
        [call.money is not None for call in planned],
        ["tools" in call.options for call in planned],
        ["output" in call.options for call in planned],
        [call.options.get("temperature") == 0 for call in planned],
        [call.options.get("priority") == "critical" for call in planned],
    ):
        assert 40 < sum(seen) < 2_500


@pytest.mark.parametrize("wrong", [{"days": 0}, {"calls": 0}])
def test_a_simulation_of_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="needs"):
        Spec(**wrong)
