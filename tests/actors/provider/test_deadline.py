import math
import socket
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from callboard.actors.provider.deadline import Alarm, Timeouts, timed_out
from callboard.actors.transport.errors import Stage
from callboard.messages.faults import Fault, FaultKind
from callboard.runtime.clock import Clock

TIMES = Timeouts(connect=1, first_byte=2, between_bytes=3, permit=4)


@pytest.mark.parametrize("name", Timeouts.__struct_fields__)
@pytest.mark.parametrize("seconds", [0.0, -1.0, math.inf, math.nan])
def test_every_timeout_is_a_number_of_seconds(name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be a number of seconds above 0"):
        Timeouts(**{name: seconds})


async def ended(alarm: Alarm, seconds: float) -> Fault | None:
    with alarm.scope:
        await trio.sleep(seconds)
    return alarm.fault_caught()


async def test_the_limit_that_was_run_into_is_named(autojump_clock: MockClock) -> None:
    alarm = Alarm(Timeouts(), Clock().now)
    alarm.set("first byte", 5)
    assert await ended(alarm, 6) == timed_out("first byte", 5)
    assert trio.current_time() == 5


async def test_whatever_ends_by_itself_has_no_fault(autojump_clock: MockClock) -> None:
    alarm = Alarm(Timeouts(), Clock().now)
    alarm.set("first byte", 5)
    assert await ended(alarm, 4) is None


async def test_the_latest_limit_holds_from_when_it_was_set(autojump_clock: MockClock) -> None:
    alarm = Alarm(Timeouts(), Clock().now)
    with alarm.scope:
        alarm.token("first token", 5)
        await trio.sleep(4)
        alarm.token("between tokens", 3)
        await trio.sleep(99)
    fault = alarm.fault_caught()
    assert fault is not None
    assert (fault.kind, fault.timeout, trio.current_time()) == (FaultKind.TIMED_OUT, "between tokens", 7)


async def test_nobody_is_blamed_while_the_reader_is_waited_for(autojump_clock: MockClock) -> None:
    alarm = Alarm(Timeouts(), Clock().now)
    with alarm.scope:
        alarm.set("first token", 5)
        alarm.pause()
        await trio.sleep(99)
    assert alarm.fault_caught() is None


async def test_an_operators_cut_ends_it_at_once_and_says_so(autojump_clock: MockClock) -> None:
    alarm = Alarm(Timeouts(), Clock().now)
    with alarm.scope:
        alarm.set("first byte", 5)
        alarm.cut()
        await trio.sleep(99)
    fault = alarm.fault_caught()
    assert fault is not None
    assert (fault.kind, trio.current_time()) == (FaultKind.UNAVAILABLE, 0)
    assert "operator" in fault.message


async def test_a_cancellation_from_outside_is_no_fault_of_the_providers(autojump_clock: MockClock) -> None:
    alarm = Alarm(Timeouts(), Clock().now)
    alarm.set("first byte", 5)
    with trio.move_on_after(2):
        await ended(alarm, 99)
    assert alarm.fault_caught() is None


async def test_the_next_tokens_limit_holds_whatever_the_transport_waits_for(autojump_clock: MockClock) -> None:
    alarm = Alarm(Timeouts(between_bytes=4), Clock().now)
    with alarm.scope:
        alarm.token("first token", 10)
        while True:
            with alarm.open(Stage.BETWEEN_BYTES):
                await trio.sleep(3)
    assert (alarm.fault_caught(), trio.current_time()) == (timed_out("first token", 10), 10)


@pytest.mark.parametrize(
    ("stage", "limit", "sent"),
    [
        (Stage.CONNECT, "connect", False),
        (Stage.WRITE, "first byte", True),
        (Stage.BETWEEN_BYTES, "between bytes", True),
    ],
)
async def test_a_transports_stage_has_the_limit_of_its_name(
    autojump_clock: MockClock, stage: Stage, limit: str, sent: bool
) -> None:
    alarm = Alarm(TIMES, Clock().now)
    with alarm.scope, alarm.open(stage):
        await trio.sleep(99)
    seconds = getattr(TIMES, limit.replace(" ", "_"))
    assert (alarm.fault_caught(), alarm.sent, trio.current_time()) == (timed_out(limit, seconds), sent, seconds)


async def test_waiting_for_a_connection_of_ones_own_is_not_the_providers_fault(autojump_clock: MockClock) -> None:
    alarm = Alarm(TIMES, Clock().now)
    with alarm.scope, alarm.open(Stage.POOL):
        await trio.sleep(99)
    fault = alarm.fault_caught()
    assert fault is not None
    assert (fault.kind, fault.timeout, alarm.sent) == (FaultKind.RATE_LIMITED, "permit", False)


async def test_a_body_has_no_pace_of_its_own_to_keep(autojump_clock: MockClock) -> None:
    alarm = Alarm(TIMES, Clock().now)
    with alarm.scope, alarm.open(Stage.TOTAL):
        await trio.sleep(99)
    assert alarm.fault_caught() is None


async def test_a_limit_that_has_passed_is_told_while_the_work_is_being_cancelled(autojump_clock: MockClock) -> None:
    alarm = Alarm(TIMES, Clock().now)
    with alarm.scope:
        alarm.set("first byte", 4)
        assert alarm.fault_underway() is None
        try:
            await trio.sleep(99)
        finally:
            fault = alarm.fault_underway()
    assert fault == timed_out("first byte", 4)


async def test_nobody_is_blamed_when_the_askers_own_time_was_over_first(autojump_clock: MockClock) -> None:
    alarm = Alarm(TIMES, Clock().now, latest=3)
    alarm.set("first byte", 5)
    assert await ended(alarm, 99) is None
    assert trio.current_time() == 3


@pytest.mark.parametrize(
    ("begin", "go_on", "limit"),
    [
        (lambda alarm: alarm.enter(Stage.FIRST_BYTE), lambda alarm: alarm.enter(Stage.BETWEEN_BYTES), "first byte"),
        (lambda alarm: alarm.token("first token", 2), lambda alarm: alarm.token("between tokens", 5), "first token"),
        (lambda alarm: alarm.enter(Stage.FIRST_BYTE), lambda alarm: alarm.pause(), "first byte"),
    ],
    ids=["stage", "token", "pause"],
)
async def test_a_limit_that_passes_as_what_it_bounds_comes_is_named(
    mock_clock: MockClock, begin: Callable[[Alarm], None], go_on: Callable[[Alarm], None], limit: str
) -> None:
    alarm = Alarm(TIMES, Clock().now)
    near, far = socket.socketpair()

    async def come_late() -> None:
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(3)
        far.send(b"?")

    with near, far:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(come_late)
            with alarm.scope:
                begin(alarm)
                await trio.lowlevel.wait_readable(near)
                go_on(alarm)
                await trio.lowlevel.checkpoint()
    assert alarm.fault_caught() == timed_out(limit, 2)
