import random

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from callboard.runtime.clock import NANOSECONDS, NEVER, Clock, ns, seconds, trio_deadline, virtual_utc

WEEKS = ns(20 * 86_400)


@given(st.integers(0, WEEKS))
def test_whoever_slept_until_a_deadline_finds_it_reached(deadline: int) -> None:
    async def sleep() -> int:
        await trio.sleep_until(trio_deadline(deadline))
        return Clock().now()

    assert trio.run(sleep, clock=MockClock(autojump_threshold=0)) == deadline


async def test_the_system_clock_is_told_without_asking_trio_and_never_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = trio.lowlevel.current_clock().current_time
    clock = Clock()
    clock.now()
    monkeypatch.setattr(clock, "_asked", None)
    for _ in range(10_000):
        before = asked()
        assert before * NANOSECONDS <= clock.now()
    assert min(clock.now() - round(asked() * NANOSECONDS) for _ in range(100)) < ns(0.000_1)


async def test_whoever_slept_until_a_deadline_of_the_system_clock_finds_it_reached() -> None:
    clock = Clock()
    for _ in range(50):
        deadline = clock.now() + ns(0.000_3)
        await trio.sleep_until(trio_deadline(deadline))
        assert clock.now() >= deadline


async def test_fifty_sleeps_of_a_tenth_are_five_seconds(autojump_clock: MockClock) -> None:
    clock = Clock()
    deadline = clock.now()
    for _ in range(50):
        deadline += ns(0.1)
        await trio.sleep_until(trio_deadline(deadline))
    assert clock.now() == ns(5)


@given(st.integers(0, 10**15))
def test_nanoseconds_survive_being_told_as_seconds(nanoseconds: int) -> None:
    assert ns(seconds(nanoseconds)) == nanoseconds


def test_never_is_never_reached() -> None:
    assert trio_deadline(NEVER) == float("inf")
    assert trio_deadline(NEVER + 5) == float("inf")
    assert trio_deadline(NANOSECONDS) == 1.0


@given(st.lists(st.integers(0, 50)))
def test_utc_never_runs_backwards_and_counts_each_jump_once(told: list[int]) -> None:
    source = iter(told)
    clock = Clock(lambda: next(source))
    heard = [clock.utc() for _ in told]
    latest = [max(told[: n + 1]) for n in range(len(told))]
    behind = [now < highest for now, highest in zip(told, latest, strict=True)]
    assert heard == latest
    assert clock.jumps == sum(now and not before for before, now in zip([False, *behind], behind, strict=False))


def test_a_clock_that_is_set_back_says_so_once_and_how_far_it_is_behind(caplog: pytest.LogCaptureFixture) -> None:
    told = iter([ns(100), ns(40), ns(50), ns(101), ns(100.9), ns(102)])
    clock = Clock(lambda: next(told))
    assert [(clock.utc(), clock.behind)[1] for _ in range(6)] == [0, ns(60), ns(50), 0, ns(0.1), 0]
    assert [record.getMessage() for record in caplog.records] == [
        "the wall clock was set back by 60 s: dates stand still until it has caught up"
    ]


async def test_virtual_utc_advances_with_the_clock_of_trio(autojump_clock: MockClock) -> None:
    await trio.sleep(7)
    clock = Clock(virtual_utc(epoch=ns(1_000)))
    assert clock.utc() == ns(1_000)
    await trio.sleep(3.5)
    assert clock.utc() == ns(1_003.5)


@pytest.mark.parametrize("days", [0.001, 1, 50, 100, 400, 4_000])
def test_a_deadline_that_has_passed_is_reached_however_long_the_clock_has_run(days: float) -> None:
    draw = random.Random(days)
    for _ in range(2_000):
        deadline = ns(days * 86_400) + draw.randrange(10**12)
        assert deadline <= round(trio_deadline(deadline) * NANOSECONDS) < deadline + 200


@pytest.mark.parametrize("endless", [1e10, 1e305, float("inf")])
def test_what_is_longer_than_the_clock_can_count_never_comes(endless: float) -> None:
    assert ns(endless) == NEVER
