import math
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from callboard.actors.provider.deadline import Alarm, Timeouts, timed_out
from callboard.actors.provider.rounds import EVERY, Rounds

TIMES = Timeouts(first_byte=EVERY * 2.5)


def looking(*alarms: Alarm) -> Callable[[], None]:
    def look() -> None:
        for alarm in alarms:
            alarm.look()

    return look


async def test_a_limit_that_ends_after_the_next_round_is_kept_by_a_later_one_to_the_moment(
    autojump_clock: MockClock,
) -> None:
    rounds = Rounds()
    rounds.next = EVERY
    alarm = Alarm(TIMES, rounds=rounds)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rounds.make, looking(alarm))
        with alarm.scope:
            alarm.set("first byte", TIMES.first_byte)
            assert alarm.scope.deadline == math.inf
            await trio.sleep(EVERY * 9)
        nursery.cancel_scope.cancel()
    assert (alarm.fault(), trio.current_time()) == (timed_out("first byte", TIMES.first_byte), TIMES.first_byte)


@pytest.mark.parametrize("seconds", [EVERY / 2, EVERY])
async def test_a_limit_that_ends_before_the_next_round_is_set_at_once(
    autojump_clock: MockClock, seconds: float
) -> None:
    rounds = Rounds()
    rounds.next = EVERY
    alarm = Alarm(TIMES, rounds=rounds)
    alarm.set("first byte", seconds)
    assert alarm.scope.deadline == seconds


async def test_a_limit_that_has_moved_beyond_the_next_round_ends_nothing(autojump_clock: MockClock) -> None:
    rounds = Rounds()
    rounds.next = EVERY
    alarm = Alarm(TIMES, rounds=rounds)
    with alarm.scope:
        alarm.set("first byte", EVERY / 2)
        alarm.set("between bytes", EVERY * 2)
        await trio.sleep(EVERY)
    assert alarm.fault() is None


@pytest.mark.parametrize("latest", [EVERY / 2, EVERY * 1.5])
async def test_the_askers_own_time_is_kept_by_the_rounds_too(autojump_clock: MockClock, latest: float) -> None:
    rounds = Rounds()
    rounds.next = EVERY
    alarm = Alarm(TIMES, latest, rounds)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rounds.make, looking(alarm))
        with alarm.scope:
            await trio.sleep(EVERY * 9)
        nursery.cancel_scope.cancel()
    assert (alarm.fault(), trio.current_time()) == (None, latest)


async def test_while_nobody_makes_rounds_all_is_set_at_once(autojump_clock: MockClock) -> None:
    alarm = Alarm(TIMES, latest=EVERY * 99)
    assert alarm.scope.deadline == EVERY * 99
    alarm.set("first byte", EVERY * 50)
    assert alarm.scope.deadline == EVERY * 50
    alarm.pause()
    assert alarm.scope.deadline == EVERY * 99
