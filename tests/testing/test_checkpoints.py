import pytest
import trio
from trio.testing import MockClock

from callboard.testing.checkpoints import PATIENCE, Cut, cancel_at, cancel_everywhere


async def three_sleeps(cut: Cut) -> None:
    with cut.scope():
        for _ in range(3):
            await trio.sleep(1)


def test_every_checkpoint_is_counted_and_cut_once() -> None:
    reached: list[tuple[bool, int]] = []

    async def scenario(cut: Cut) -> None:
        steps = 0
        with cut.scope() as scope:
            for steps in range(4):
                if steps < 3:
                    await trio.sleep(1)
        reached.append((scope.cancelled_caught, steps))

    total = cancel_everywhere(scenario)
    assert total == 3
    assert reached == [(False, 3), (True, 0), (True, 1), (True, 2)]


def test_a_cut_falls_between_the_steps_of_other_tasks_too() -> None:
    places: set[tuple[int, ...]] = set()

    async def scenario(cut: Cut) -> None:
        passed = [0, 0]

        async def walk(n: int) -> None:
            for _ in range(3):
                await trio.lowlevel.checkpoint()
                passed[n] += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(walk, 0)
            with cut.scope():
                await walk(1)
        places.add(tuple(passed))

    for seed in range(5):
        cancel_everywhere(scenario, seed=seed)
    assert {(3, n) for n in range(4)} == places


def test_a_leak_that_needs_one_certain_moment_is_found_and_can_be_repeated() -> None:
    async def scenario(cut: Cut) -> None:
        held = 0
        with cut.scope():
            await trio.sleep(1)
            held += 1
            await trio.sleep(1)  # cancelled here, it is never given back
            held -= 1
            await trio.sleep(1)
        assert held == 0

    with pytest.raises(AssertionError) as caught:
        cancel_everywhere(scenario, seed=7)
    (note,) = caught.value.__notes__
    assert note.startswith("cut at checkpoint 2 of 3: cancel_at(")
    assert note.endswith(", 2, seed=7)")
    cancel_at(scenario, 1, seed=7)
    with pytest.raises(AssertionError):
        cancel_at(scenario, 2, seed=7)


def test_a_scenario_that_hangs_when_it_is_cut_fails_instead() -> None:
    async def scenario(cut: Cut) -> None:
        done = trio.Event()
        with cut.scope():
            await trio.sleep(1)
            done.set()
        await done.wait()

    with pytest.raises(trio.TooSlowError) as caught:
        cancel_everywhere(scenario)
    assert "cut at checkpoint 1 of 1" in caught.value.__notes__[0]


def test_a_scenario_that_fails_uncut_is_not_cut_at_all() -> None:
    cuts: list[Cut] = []

    async def scenario(cut: Cut) -> None:
        cuts.append(cut)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        cancel_everywhere(scenario)
    assert len(cuts) == 1


def test_the_same_seed_counts_the_same() -> None:
    async def scenario(cut: Cut) -> None:
        with cut.scope():
            async with trio.open_nursery() as nursery:
                for n in range(5):
                    nursery.start_soon(trio.sleep, n % 2)

    assert len({cancel_at(scenario, None, seed=3).passed for _ in range(5)}) == 1


def test_a_long_scenario_is_sampled_and_the_sample_follows_from_the_seed(capsys: pytest.CaptureFixture[str]) -> None:
    def tried(seed: int) -> list[int | None]:
        places: list[int | None] = []

        async def scenario(cut: Cut) -> None:
            with cut.scope():
                for _ in range(50):
                    await trio.sleep(1)
            places.append(cut.passed if cut.struck else None)

        assert cancel_everywhere(scenario, seed=seed, at_most=10) == 50
        return places

    first = tried(1)
    assert len(first) == 11
    assert first[0] is None
    assert first == tried(1)
    assert first != tried(2)
    assert "scenario: cut at 10 of 50 checkpoints, seed 1" in capsys.readouterr().out


def test_a_cut_can_call_something_instead_of_cancelling() -> None:
    calls: list[int] = []

    async def scenario(cut: Cut) -> None:
        with cut.calling(lambda: calls.append(cut.passed)):
            await trio.sleep(1)
            await trio.sleep(1)

    assert cancel_everywhere(scenario) == 2
    assert calls == [1, 2]


def test_nothing_is_counted_outside_the_armed_parts_and_parts_count_on() -> None:
    async def scenario(cut: Cut) -> None:
        await trio.sleep(1)
        for _ in range(2):
            with cut.scope():
                await trio.sleep(1)
            await trio.sleep(1)

    assert cancel_at(scenario, None).passed == 2
    assert cancel_at(scenario, 2).struck


def test_one_part_is_armed_at_a_time() -> None:
    async def scenario(cut: Cut) -> None:
        with cut.scope(), pytest.raises(RuntimeError, match="one part"), cut.scope():
            pass

    cancel_everywhere(scenario)


def test_the_clock_is_the_callers() -> None:
    async def scenario(cut: Cut) -> None:
        assert trio.current_time() == 5
        with cut.scope():
            await trio.sleep(PATIENCE / 2)

    def late() -> MockClock:
        clock = MockClock(autojump_threshold=0)
        clock.jump(5)
        return clock

    cancel_everywhere(scenario, clock=late)


def test_a_cut_shows_where_it_stands() -> None:
    assert repr(cancel_at(three_sleeps, 2)) == "Cut(at=2, passed=2, struck=True)"
    assert repr(cancel_at(three_sleeps, None)) == "Cut(at=None, passed=3, struck=False)"
