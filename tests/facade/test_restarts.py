"""What outlives a bug in an actor, and what outlives the process."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio

import callboard
from callboard.actors.provider.health import HealthSpec
from callboard.config import Config
from callboard.messages.base import Tell
from callboard.messages.calls import Operate
from callboard.messages.storing import VERSION
from callboard.runtime.clock import Clock, virtual_utc
from callboard.runtime.mailbox import Lane
from callboard.runtime.storage.environment import Environment
from callboard.runtime.storage.operations import Put
from callboard.runtime.storage.record import pack, unpack
from callboard.sections import ProviderConfig, StoreConfig
from callboard.testing import Behaviour, SimulatedProvider

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"


class Rubbish(Tell, frozen=True):
    """A message that no actor knows."""


CRASHABLE = ["store", "ledger", "budgets", "cache", "selector", "limits/alpha", "providers/alpha", "orchestrator"]


@pytest.mark.parametrize("path", CRASHABLE)
async def test_a_crashed_actor_is_back_before_the_next_call(autojump_clock: object, world: Opening, path: str) -> None:
    async with world() as w:
        await w.board.generate("Why?", model=ALPHA)
        w.board._system.ref(path).tell(Rubbish(), lane=Lane.CONTROL)
        await trio.sleep(0.01)
        assert (await w.board.generate("Why?", model=ALPHA)).provider == "alpha"
        assert [event.path for event in w.board.events] == [path]
        await w.board.flush()
        assert w.board.usage().calls[0].ok == 2


async def test_a_ledger_that_crashes_loses_nothing_and_counts_nothing_twice(
    autojump_clock: object, world: Opening
) -> None:
    async with world({"alpha": Behaviour()}) as w:
        for number in range(12):
            await w.board.generate("Why?", model=ALPHA)
            await trio.sleep(number * 0.003)
            w.board._system.ref("ledger").tell(Rubbish(), lane=Lane.CONTROL)
            await trio.sleep(70)  # a quiet time, so that the next restart is immediate
        await w.board.flush()
        billed = sum((served.usage for served in w["alpha"].log), callboard.Usage())
        assert w.board.usage().usage == billed
        assert [row.calls for row in w.board.usage().calls] == [12]
        assert w.board.status().tree.children[1].incarnation == 13


async def test_a_crash_of_the_provider_is_retried_inside_the_allowance(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(latency=(2, 2))}) as w:
        replies: list[callboard.Reply] = []

        async def ask() -> None:
            replies.append(await w.board.generate("Why?", model=ALPHA))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.sleep(1)
            w.board._system.ref("providers/alpha").tell(Rubbish(), lane=Lane.CONTROL)
        assert [attempt.outcome for attempt in replies[0].attempts] == ["fault", "ok"]
        assert w.in_flight() == {}


async def _crash(w: Any, path: str) -> None:
    await trio.sleep(1)
    w.board._system.ref(path).tell(Rubbish(), lane=Lane.CONTROL)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_crash_of_the_orchestrator_begins_the_call_again_inside_the_allowance(
    autojump_clock: object, world: Opening, stream: bool
) -> None:
    async with world({"alpha": Behaviour(latency=(2, 2))}) as w, trio.open_nursery() as nursery:
        nursery.start_soon(_crash, w, "orchestrator")
        began = trio.current_time()
        if stream:
            async with w.board.stream("Why?", model=ALPHA) as pieces:
                reply = await pieces.collect()
            assert pieces.id == reply.id
        else:
            reply = await w.board.generate("Why?", model=ALPHA)
        assert reply.text
        assert trio.current_time() - began == pytest.approx(3, abs=0.1)
        assert w.in_flight() == {}


@pytest.mark.parametrize("bound", [{"attempts": 1}, {"money": 1}])
async def test_without_another_attempt_a_crash_of_the_orchestrator_is_the_calls_fault(
    autojump_clock: object, world: Opening, bound: dict[str, Any]
) -> None:
    async with world({"alpha": Behaviour(latency=(2, 2))}) as w, trio.open_nursery() as nursery:
        nursery.start_soon(_crash, w, "orchestrator")
        with pytest.raises(callboard.CallError, match="orchestrator crashed") as caught:
            await w.board.generate("Why?", model=ALPHA, **bound)
        assert caught.value.fault.kind == "internal"


async def test_a_stream_that_had_begun_is_interrupted_by_a_crash_of_the_orchestrator(
    autojump_clock: object, world: Opening
) -> None:
    behaviour = Behaviour(between_tokens=(0.4, 0.4), tokens=(20, 20))
    async with world({"alpha": behaviour}) as w, trio.open_nursery() as nursery:
        nursery.start_soon(_crash, w, "orchestrator")
        with pytest.raises(callboard.Interrupted):
            async with w.board.stream("Why?", model=ALPHA) as pieces:
                await pieces.collect()
        await trio.sleep(0.1)
        assert w.in_flight() == {}


async def test_an_open_circuit_stays_open_when_its_actor_is_restarted(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour()}) as w:
        await _open_circuit(w)
        w.board._system.ref("providers/alpha").tell(Rubbish(), lane=Lane.CONTROL)
        await trio.sleep(0.01)
        with pytest.raises(callboard.Unavailable):
            await w.board.generate("Why?", model=ALPHA)


async def test_a_runtime_that_gives_up_says_why(autojump_clock: object, world: Opening) -> None:
    with pytest.raises(callboard.RuntimeStopped, match="gave up"):
        async with world() as w:
            for _ in range(10):
                w.board._system.ref("orchestrator").tell(Rubbish())
                await trio.sleep(0.3)
            await trio.sleep(60)


@pytest.mark.parametrize("end", ["", "/"], ids=["the same address", "the same address in another spelling"])
async def test_usage_circuits_and_cache_survive_the_process(
    autojump_clock: object, world: Opening, tmp_path: Path, end: str
) -> None:
    store = StoreConfig(path=str(tmp_path / "store"))
    async with world({"alpha": Behaviour()}, store=store) as w:
        kept = await w.board.generate("Why?", model=ALPHA, temperature=0)
        await _open_circuit(w)
        await w.board.flush()
        before, url = w.board.usage(), w["alpha"].url
    async with world({"alpha": Behaviour()}, store=store, seed=2, base_url=url + end) as w:
        assert w.board.usage().models == before.models
        assert w.board.usage().calls == before.calls
        again = await w.board.generate("Why?", model=ALPHA, temperature=0)
        assert (again.cached, again.text) == (True, kept.text)
        with pytest.raises(callboard.Unavailable):
            await w.board.generate("Why?", model=ALPHA)


async def test_a_circuit_that_opened_while_the_clock_was_ahead_waits_no_longer_than_any_other(
    autojump_clock: object, world: Opening, tmp_path: Path
) -> None:
    store, off = StoreConfig(path=str(tmp_path / "store")), HealthSpec(enabled=False)
    async with world({"alpha": Behaviour()}, store=store, health=off, utc=virtual_utc(1_800_000_000 * 10**9)) as w:
        await _open_circuit(w)
        await w.board.flush()
        port = _port(w)
    before = virtual_utc(1_700_000_000 * 10**9)
    async with world({"alpha": Behaviour()}, store=store, health=off, utc=before, port=port) as w:
        with pytest.raises(callboard.Unavailable):
            await w.board.generate("Why?", model=ALPHA)
        await trio.sleep(60)  # the longest that a circuit waits here
        await w.board.generate("Why?", model=ALPHA)


async def test_the_error_of_the_block_comes_out_as_it_was(autojump_clock: object, world: Opening) -> None:
    with pytest.raises(ZeroDivisionError):
        async with world():
            raise ZeroDivisionError


async def test_closing_cuts_calls_that_do_not_end_by_themselves(autojump_clock: object, world: Opening) -> None:
    ended: list[BaseException] = []

    async def ask(w: Any) -> None:
        try:
            await w.board.generate("Why?", model=ALPHA)
        except callboard.CallboardError as error:
            ended.append(error)

    async with trio.open_nursery() as nursery:
        async with world({"alpha": Behaviour(hang_rate=1)}) as w:
            nursery.start_soon(ask, w)
            await trio.sleep(1)
            closing = trio.current_time()
        assert trio.current_time() - closing < 15.1
    assert len(ended) == 1


@pytest.mark.parametrize("crash", [True, False], ids=["the provider crashes", "the process ends"])
async def test_no_trial_comes_before_a_retry_after_is_over_over_a_restart(
    autojump_clock: object, world: Opening, tmp_path: Path, crash: bool
) -> None:
    """Neither by time, as that circuit's own wait is 5 s, nor by a health check of the endpoint that went down too."""
    store, asked_to_wait = StoreConfig(path=str(tmp_path / "store")), Behaviour(overload_rate=1, retry_after=3_600)
    begun = trio.current_time()
    async with world({"alpha": asked_to_wait}, store=store) as w:
        await _refused_by_all(w, 5)
        w["alpha"].die()
        await _refused_by_all(w, 5, model="alpha/sim-large")
        port = _port(w)
        if crash:
            w.board._system.ref("providers/alpha").tell(Rubbish(), lane=Lane.CONTROL)
            await trio.sleep(0.01)
            await _left_alone_until(w, begun + 3_600)
    if not crash:
        utc = virtual_utc(1_767_225_600 * 10**9 + round((trio.current_time() - begun) * 10**9))
        async with world({"alpha": Behaviour()}, store=store, utc=utc, port=port) as w:
            await _left_alone_until(w, begun + 3_600)


@pytest.mark.parametrize(("apart", "grows"), [(30 * 86_400, False), (60, True)])
async def test_how_often_a_circuit_opened_is_forgotten_after_a_quiet_time_and_not_before_also_over_restarts(
    autojump_clock: object, world: Opening, tmp_path: Path, apart: int, grows: bool
) -> None:
    options: dict[str, Any] = {"store": StoreConfig(path=str(tmp_path / "store")), "health": HealthSpec(enabled=False)}
    for life in range(3):
        utc = virtual_utc((1_767_225_600 + life * apart) * 10**9)
        async with world({"alpha": Behaviour(error_rate=1)}, utc=utc, **options) as w:
            await _refused_by_all(w, 5)
            with pytest.raises(callboard.Unavailable) as caught:
                await w.board.generate("Why?", model=ALPHA)
            w["alpha"].behaviour = Behaviour()
            await w.board.generate("Why?", model=ALPHA, wait=True, attempts=9)
            await w.board.flush()
            options["port"] = _port(w)
    assert caught.value.retry_after is not None
    assert (caught.value.retry_after > 2 * 6) == grows


async def test_a_circuit_that_opened_at_another_address_is_closed_at_the_next_start_unless_it_was_forced(
    autojump_clock: object, world: Opening, tmp_path: Path
) -> None:
    store = StoreConfig(path=str(tmp_path / "store"))
    async with world({"alpha": Behaviour()}, store=store) as w:
        await _open_circuit(w)
        await w.board.flush()
    async with world({"alpha": Behaviour()}, store=store, seed=2) as w:
        await w.board.generate("Why?", model=ALPHA)
        await w.board.operate("alpha", Operate(command="open"))
        await w.board.flush()
    async with world({"alpha": Behaviour()}, store=store, seed=3) as w:
        with pytest.raises(callboard.Unavailable):
            await w.board.generate("Why?", model=ALPHA)


def _port(w: Any) -> int:
    return int(w["alpha"].url.split(":")[2].split("/")[0])


async def _refused_by_all(w: Any, calls: int, model: str = ALPHA) -> None:
    for _ in range(calls):
        with pytest.raises(callboard.CallError):
            await w.board.generate("Why?", model=model, attempts=1)


async def _left_alone_until(w: Any, end: float) -> None:
    w["alpha"].behaviour = Behaviour()
    w["alpha"].revive()
    while trio.current_time() < end - 100:
        with pytest.raises(callboard.Unavailable):
            await w.board.generate("Why?", model=ALPHA)
        await trio.sleep(50)
    await trio.sleep(100)
    assert await w.board.generate("Why?", model=ALPHA, wait=True)


async def _open_circuit(w: Any) -> None:
    w["alpha"].die()
    for _ in range(2):
        with pytest.raises(callboard.CallError):
            await w.board.generate("Why?", model=ALPHA)


async def test_a_circuit_that_an_operator_opened_says_so_and_stays_open_over_the_process(
    autojump_clock: object, world: Opening, tmp_path: Path
) -> None:
    store = StoreConfig(path=str(tmp_path / "store"))
    async with world({"alpha": Behaviour()}, store=store) as w:
        await w.board.operate("alpha", Operate(command="open"))
        assert [(one.after, one.retry_at) for one in w.board.events if isinstance(one, callboard.CircuitMoved)] == [
            ("forced open", None)
        ]
    async with world({"alpha": Behaviour()}, store=store) as w:
        with pytest.raises(callboard.Unavailable, match="operator") as caught:
            await w.board.generate("Why?", model=ALPHA)
        assert caught.value.retry_after is None
        told = "forced open, until `callboard provider alpha reset`"
        assert f"endpoint {told}" in str(w.board.status())
        assert told in str(w.board.health()[0].why)
        await w.board.operate("alpha", Operate(command="reset"))
        assert (await w.board.generate("Why?", model=ALPHA)).text


async def test_a_used_up_quota_is_asked_once_more_after_a_restart(
    autojump_clock: object, world: Opening, tmp_path: Path
) -> None:
    store = StoreConfig(path=str(tmp_path / "store"))
    for _ in range(2):
        async with world({"alpha": Behaviour(quota_rate=1)}, store=store) as w:
            for _ in range(3):
                with pytest.raises(callboard.CallError, match="quota exhausted"):
                    await w.board.generate("Why?", model=ALPHA)
            assert len(w["alpha"].log) == 1


async def test_an_on_event_that_fails_is_logged_and_fails_nothing_else(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: callboard.Event) -> None:
        raise ValueError("secret words")

    async with SimulatedProvider("alpha", shape="openai", seed=1) as provider:
        config = Config(
            providers={"alpha": ProviderConfig(wire="openai", base_url=provider.url)}, store=StoreConfig(mode="memory")
        )
        clock = Clock(virtual_utc())
        async with callboard.open(config, clock=clock, virtual_time=True, seed=1, on_event=broken) as board:
            provider.die()
            for _ in range(6):
                with pytest.raises(callboard.CallError):
                    await board.generate("Why?", model="alpha/sim-small", attempts=1)
            assert any(isinstance(event, callboard.CircuitMoved) for event in board.events)
            assert not any(isinstance(event, callboard.ActorRestarted) for event in board.events)
    assert "on_event failed with ValueError at a CircuitMoved" in caplog.text
    assert "secret words" not in caplog.text


async def test_a_file_in_place_of_the_stores_folder_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    config = Config(
        providers={"alpha": ProviderConfig(wire="openai", base_url="http://127.0.0.1:1/v1")},
        store=StoreConfig(path=str(tmp_path / "store")),
    )
    with pytest.raises(callboard.StoreError, match="is a folder, and this is a file"):
        async with callboard.open(config):
            pass


async def test_a_store_in_which_a_newer_callboard_has_written_is_refused_and_loses_nothing(
    autojump_clock: object, world: Opening, tmp_path: Path
) -> None:
    store = StoreConfig(path=str(tmp_path / "store"))
    async with world(store=store) as w:
        await w.board.generate("Why?", model=ALPHA)
        await w.board.generate("Why?", model="beta/sim-small")
    with Environment.open(tmp_path / "store" / "ledger", ("spend",)) as environment:
        (key, blob), *_ = environment.scan("spend", limit=2)
        environment.commit([Put("spend", key, pack(key, VERSION + 1, unpack(key, blob)[1]))])
        before = environment.scan("spend", limit=9)
    with pytest.raises(callboard.StoreError, match=r"ledger: a newer callboard has written this .*; run the newer"):
        async with world(store=store):
            pass
    with Environment.open(tmp_path / "store" / "ledger", ("spend",)) as environment:
        assert environment.scan("spend", limit=9) == before
