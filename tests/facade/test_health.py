"""What is checked while a provider is down, and how the accounts are said to fare."""

import gc
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import callboard
from callboard.actors.provider.actor import ProviderActor
from callboard.actors.provider.health import HealthSpec
from callboard.config import Config, ResolvedProvider
from callboard.messages.base import Tell
from callboard.messages.calls import Operate
from callboard.messages.faults import FaultKind
from callboard.opening import http_transport
from callboard.runtime.circuit import subtree
from callboard.runtime.circuit.table import CircuitEvent
from callboard.runtime.clock import Clock, virtual_utc
from callboard.sections import CircuitConfig, LimitConfig, ProviderConfig, StoreConfig
from callboard.testing import Behaviour, SimulatedProvider

from .conftest import MODEL, World, open_world

ALPHA = f"alpha/{MODEL}"
PATIENT = CircuitConfig(consecutive=3, backoff=200.0, max_backoff=300.0)
ALONE = {"alpha": Behaviour()}


class Unknown(Tell, frozen=True):
    """A bug: no provider receives it."""


async def fail(w: World, times: int = 3) -> None:
    for _ in range(times):
        with pytest.raises(callboard.CallError):
            await w.board.generate("Why?", model=ALPHA, attempts=1)


def lists(w: World) -> int:
    """How often the models were asked for."""
    return sum(one.path.endswith("/models") for one in w["alpha"].log)


async def test_a_provider_that_is_back_is_found_long_before_its_backoff_is_over(autojump_clock: MockClock) -> None:
    async with open_world(ALONE, circuit=PATIENT) as w:
        w["alpha"].die()
        await fail(w)
        (down,) = w.board.health()
        assert (down.state, down.circuits) == ("open", {"endpoint": "open"})
        w["alpha"].revive()
        await trio.sleep(6)
        (back,) = w.board.health()
        assert back.check is not None
        assert (back.state, back.circuits, back.check.passed) == ("degraded", {"endpoint": "half-open"}, True)
        while w.board.health()[0].state != "ok":
            await w.board.generate("Why?", model=ALPHA, wait=True)
        assert w.board.health()[0].state == "ok"
        assert trio.current_time() < 20


async def test_a_provider_that_dies_is_given_up_though_as_many_models_as_are_kept_have_had_a_fault(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subtree, "KEEP", 1)
    async with open_world(ALONE, circuit=PATIENT) as w:
        w["alpha"].upcoming.append(Behaviour(error_rate=1, error_statuses=(500,)))
        with pytest.raises(callboard.CallError):
            await w.board.generate("Why?", model="alpha/sim-large", attempts=1)
        w["alpha"].die()
        await fail(w)
        assert w.board.health()[0].circuits == {"endpoint": "open"}


async def test_a_check_never_closes_and_counts_for_nothing(autojump_clock: MockClock) -> None:
    async with open_world(ALONE, circuit=PATIENT) as w:
        w["alpha"].die()
        await fail(w)
        attempts = sum(row.attempts for row in w.board.usage().models)
        w["alpha"].revive()
        await trio.sleep(120)
        assert [move[2:] for move in w.moves] == [("closed", "open"), ("open", "half-open")]
        assert sum(row.attempts for row in w.board.usage().models) == attempts


async def test_one_that_stays_dead_is_asked_less_and_less_often(autojump_clock: MockClock) -> None:
    async with open_world(ALONE, circuit=PATIENT) as w:
        w["alpha"].die()
        await fail(w)
        seen = []
        for _ in range(150):
            await trio.sleep(1)
            check = w.board.health()[0].check
            if check is not None and check.at not in seen:
                assert not check.passed
                seen.append(check.at)
        assert 4 <= len(seen) <= 6  # after 5, 15, 35, 75 and 135 s, and a little


async def test_the_configured_pace_is_kept(autojump_clock: MockClock) -> None:
    async with open_world(ALONE, circuit=PATIENT, health=HealthSpec(interval=50, max_interval=50)) as w:
        w["alpha"].die()
        await fail(w)
        w["alpha"].revive()
        await trio.sleep(49)
        assert lists(w) == 0
        await trio.sleep(7)
        assert lists(w) == 1


async def test_checks_that_are_switched_off_are_not_made(autojump_clock: MockClock) -> None:
    async with open_world(ALONE, circuit=PATIENT, health=HealthSpec(enabled=False)) as w:
        w["alpha"].die()
        await fail(w)
        w["alpha"].revive()
        await trio.sleep(100)
        assert (lists(w), w.board.health()[0].state) == (0, "open")


async def test_a_crash_during_a_check_ends_it_and_the_next_incarnation_checks_anew(autojump_clock: MockClock) -> None:
    async with open_world(ALONE, circuit=PATIENT) as w:
        w["alpha"].die()
        await fail(w)
        w["alpha"].revive()
        w["alpha"].behaviour = Behaviour(hang_rate=1)
        await trio.sleep(5.6)
        assert (lists(w), w.board.health()[0].check) == (1, None)  # it is underway
        w["alpha"].behaviour = Behaviour()
        w.board._system.ref("providers/alpha").tell(Unknown())
        await trio.sleep(6)
        assert lists(w) == 2
        assert w.board.health()[0].circuits == {"endpoint": "half-open"}
        await trio.sleep(60)
        assert lists(w) == 2


async def test_a_bug_in_a_check_fails_that_check_and_not_the_account(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise ValueError("a bug")

    async with open_world(ALONE, circuit=PATIENT) as w:
        w["alpha"].die()
        await fail(w)
        monkeypatch.setattr("callboard.actors.provider.inquiry._Inquiry.run", broken)
        await trio.sleep(6)
        check = w.board.health()[0].check
        assert check is not None
        assert (check.passed, check.fault) == (False, FaultKind.INTERNAL)
        assert not [event for event in w.board.events if isinstance(event, callboard.ActorRestarted)]


async def test_no_check_is_made_where_nothing_is_open_nor_of_what_an_operator_shut(autojump_clock: MockClock) -> None:
    async with open_world(ALONE, circuit=PATIENT) as w:
        await w.board.generate("Why?", model=ALPHA)
        await trio.sleep(60)
        await w.board.operate("alpha", Operate(command="open"))
        await trio.sleep(120)
        assert lists(w) == 0
        assert w.board.health()[0].state == "open"


async def test_a_model_that_is_overloaded_alone_keeps_its_backoff(autojump_clock: MockClock) -> None:
    async with open_world({"alpha": Behaviour(error_rate=1, error_statuses=(503,))}, circuit=PATIENT) as w:
        await fail(w, 5)
        await trio.sleep(60)
        (one,) = w.board.health()
        assert (one.state, one.circuits) == ("degraded", {f"endpoint {MODEL}": "open"})
        assert one.retry_at is not None
        assert lists(w) == 0


async def test_leaving_during_a_check_leaves_nothing_behind(autojump_clock: MockClock) -> None:
    async with open_world(ALONE, circuit=PATIENT) as w:
        w["alpha"].die()
        await fail(w)
        w["alpha"].revive()
        w["alpha"].behaviour = Behaviour(hang_rate=1)
        await trio.sleep(5.6)
        assert (lists(w), w.board.health()[0].check) == (1, None)  # it is underway
        left = trio.current_time()
    assert trio.current_time() - left < 1


async def test_opening_the_endpoints_circuit_closes_idle_connections(autojump_clock: MockClock) -> None:
    made: list[Any] = []

    def make(one: ResolvedProvider) -> Any:
        made.append(http_transport()(one))
        return made[-1]

    async with SimulatedProvider("alpha", shape="openai", seed=1) as provider:
        config = Config(
            providers={"alpha": ProviderConfig(wire="openai", base_url=provider.url)}, store=StoreConfig(mode="memory")
        )
        clock = Clock(virtual_utc())
        async with callboard.open(config, clock=clock, virtual_time=True, seed=1, transport=make) as board:
            await board.generate("Why?", model=ALPHA)
            assert made[0].statistics().idle == 1
            await board.operate("alpha", Operate(command="open"))
            assert made[0].statistics().idle == 0


async def test_a_check_that_is_refused_says_where_no_key_was_sent() -> None:
    async with SimulatedProvider("alpha", shape="openai", seed=1, key="sk-right") as provider:
        config = Config(
            providers={"alpha": ProviderConfig(wire="openai", base_url=provider.url)}, store=StoreConfig(mode="memory")
        )
        async with callboard.open(config, virtual_time=True) as board:
            fault = (await board.check())["alpha"]
            assert fault is not None
            assert fault.message.endswith("(no key was sent: name its variable in `key_env`)")
        with pytest.raises(callboard.ConfigError, match="no key was sent"):
            async with callboard.open(config, virtual_time=True, check=True):
                pass


async def test_a_rate_limit_is_told_once_and_a_used_up_quota_blocks(autojump_clock: MockClock) -> None:
    slow = Behaviour(error_rate=1, error_statuses=(429,), retry_after=30)
    async with open_world({"alpha": slow}) as w:
        await fail(w, 2)
        events = [event for event in w.board.events if isinstance(event, callboard.AccountLimited)]
        assert [event.provider for event in events] == ["alpha"], "once, however often it refuses"
        (one,) = w.board.health()
        assert (one.state, one.retry_at is not None) == ("limited", True)
        w["alpha"].behaviour = Behaviour()
        await w.board.generate("Why?", model=ALPHA, timeout=200)
        assert w.board.health()[0].state == "ok"


async def test_who_waited_for_a_permit_while_the_circuit_opened_is_no_trial_of_it(autojump_clock: MockClock) -> None:
    async with open_world(ALONE, limits=LimitConfig(concurrency=1)) as w, trio.open_nursery() as nursery:
        w["alpha"].upcoming.append(Behaviour(latency=(8, 8)))
        nursery.start_soon(partial(w.board.generate, "Why?", model="alpha/sim-large"))
        await trio.sleep(1)
        ends: list[callboard.FaultKind] = []

        async def waits() -> None:
            try:
                await w.board.generate("Why?", model=ALPHA, attempts=1)
            except callboard.Unavailable as error:
                ends.append(error.fault.kind)

        nursery.start_soon(waits)
        await trio.sleep(1)
        actor = running_provider(w)
        for event in (CircuitEvent.TRIP, CircuitEvent.HEALTH_PASSED):
            actor._moved(actor._subtree.operate([f"endpoint {MODEL}"], event, actor.me.now()), None)
        assert [move[2:] for move in w.moves] == [("closed", "open"), ("open", "half-open")]
        await trio.sleep(20)
        assert ends == [callboard.FaultKind.UNAVAILABLE]
        assert [one.model for one in w["alpha"].log] == ["sim-large"]


async def test_who_waited_for_a_permit_while_an_operator_opened_the_circuit_hears_that_only_he_can_tell(
    autojump_clock: MockClock,
) -> None:
    async with open_world(ALONE, limits=LimitConfig(concurrency=1)) as w, trio.open_nursery() as nursery:
        w["alpha"].upcoming.append(Behaviour(latency=(8, 8)))
        nursery.start_soon(partial(w.board.generate, "Why?", model=ALPHA))
        await trio.sleep(1)
        ends: list[callboard.Unavailable] = []

        async def waits() -> None:
            try:
                await w.board.generate("How?", model=ALPHA, attempts=1)
            except callboard.Unavailable as error:
                ends.append(error)

        nursery.start_soon(waits)
        await trio.sleep(1)
        await w.board.operate("alpha", Operate(command="open"))
        await trio.sleep(20)
        (error,) = ends
        assert error.retry_after is None
        assert "`callboard provider alpha reset`" in str(error)


def running_provider(w: World) -> Any:
    """The actor itself."""
    snapshot = w.board._system.ref("providers/alpha").snapshot
    actors = (one for one in gc.get_objects() if isinstance(one, ProviderActor) and hasattr(one, "me"))
    return next(one for one in actors if one.me.ref.snapshot is snapshot)
