"""Plain calls through the whole runtime, against providers that misbehave in every way they know."""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import pytest
import trio
import trio.testing

import callboard
from callboard.sections import LimitConfig
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"

ALWAYS = {
    "answers nothing": Behaviour(hang_rate=1),
    "resets the connection": Behaviour(reset_rate=1),
    "sends half a body": Behaviour(half_body_rate=1),
    "answers 500 for ever": Behaviour(error_rate=1, error_statuses=(500,)),
    "answers 429 with Retry-After": Behaviour(rate_limit_rate=1, retry_after=2.0),
    "sends one byte a second for ever": Behaviour(drip_rate=1),
    "sends rubbish": Behaviour(malformed_rate=1),
    "is overloaded": Behaviour(overload_rate=1),
    "has used up its quota": Behaviour(quota_rate=1),
}


async def test_a_reply_tells_who_answered_what_it_cost_and_how_long_it_took(
    autojump_clock: object, world: Opening
) -> None:
    async with world({"alpha": Behaviour(latency=(0.5, 0.5))}) as w:
        reply = await w.board.generate("Why?", model=ALPHA, metadata={"ticket": "7"})
        assert reply.text
        assert (reply.provider, reply.cached, reply.finish_reason) == ("alpha", False, callboard.FinishReason.STOP)
        billed = w["alpha"].log[0].usage
        assert reply.usage == billed
        assert reply.cost == Decimal(billed.input_total * 1 + billed.output_total * 2) / 1_000_000
        assert reply.metadata == {"ticket": "7"}
        assert 0.5 <= reply.duration < 1
        assert [attempt.outcome for attempt in reply.attempts] == ["ok"]


@pytest.mark.parametrize("how", ALWAYS)
async def test_every_call_ends_within_its_deadline_with_one_typed_outcome(
    autojump_clock: object, world: Opening, how: str
) -> None:
    async with world({"alpha": ALWAYS[how]}) as w:
        for timeout in (3.0, 45.0):
            began = trio.current_time()
            with pytest.raises(callboard.CallError) as caught:
                await w.board.generate("Why?", model=ALPHA, timeout=timeout)
            assert trio.current_time() - began <= timeout + 0.001
            assert caught.value.fault.kind in callboard.FaultKind
        await trio.sleep(1)
        assert w.in_flight() == {}


ENDS_BY_ITSELF = [how for how in ALWAYS if how != "sends one byte a second for ever"]
"""Only the caller's own deadline ends a plain reply that never stops coming."""


@pytest.mark.parametrize("how", ENDS_BY_ITSELF)
async def test_another_provider_takes_over_from_one_that_fails(
    autojump_clock: object, world: Opening, how: str
) -> None:
    async with world({"alpha": ALWAYS[how], "beta": Behaviour()}) as w:
        reply = await w.board.generate("Why?", model="any", timeout=60)
        assert reply.provider == "beta"
        assert [attempt.outcome for attempt in reply.attempts][-1] == "ok"
        assert {attempt.provider for attempt in reply.attempts[:-1]} == {"alpha"}


async def test_a_call_whose_time_runs_out_tells_its_story(autojump_clock: object, world: Opening) -> None:
    overloaded = Behaviour(overload_rate=1)
    async with world({"alpha": overloaded, "beta": Behaviour(latency=(9, 9))}) as w:
        with pytest.raises(callboard.DeadlineExceeded) as caught:
            await w.board.generate("Why?", model="any", timeout=3)
        assert trio.current_time() == pytest.approx(3)
        assert caught.value.attempts[0].provider == "alpha"
        with pytest.raises(callboard.DeadlineExceeded) as caught:
            async with w.board.stream("Why?", model="any", timeout=3) as stream:
                await stream.collect()
        assert caught.value.attempts[0].provider == "alpha"


async def test_a_callers_own_short_deadline_opens_no_circuit(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(latency=(3, 3))}) as w:
        for _ in range(20):
            with pytest.raises(callboard.DeadlineExceeded):
                await w.board.generate("Why?", model=ALPHA, timeout=0.5)
        assert w.moves == []
        assert (await w.board.generate("Why?", model=ALPHA)).text


async def test_the_providers_own_timeouts_open_its_circuit(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(hang_rate=1)}) as w:
        for _ in range(3):
            with pytest.raises(callboard.CallError):
                await w.board.generate("Why?", model=ALPHA, timeout=100, attempts=2)
        assert w.moves[0] == ("alpha", "endpoint sim-small", "closed", "open")


async def test_an_open_circuit_refuses_at_once_and_says_when_to_come_back(
    autojump_clock: object, world: Opening
) -> None:
    async with world({"alpha": Behaviour()}) as w:
        w["alpha"].die()
        await _ask_and_fail(w, times=5)
        began = trio.current_time()
        with pytest.raises(callboard.Unavailable) as caught:
            await w.board.generate("Why?", model=ALPHA)
        assert trio.current_time() - began < 0.001
        assert caught.value.retry_after is not None
        assert 0 < caught.value.retry_after <= 6.0


async def test_a_circuit_comes_back_through_trials_and_a_growing_share(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(), "beta": Behaviour()}) as w:
        w["alpha"].die()
        for _ in range(6):
            await w.board.generate("Why?", model="any")
        w["alpha"].revive()
        for _ in range(100):
            await w.board.generate("Why?", model="any")
            await trio.sleep(0.5)
        states = [(before, after) for _, circuit, before, after in w.moves if circuit == "endpoint"]
        assert states == [
            ("closed", "open"),
            ("open", "half-open"),
            ("half-open", "ramping"),
            ("ramping", "closed"),
        ]
        assert (await w.board.generate("Why?", model="any")).provider == "alpha"


async def test_waiting_for_a_repair_is_done_when_the_caller_says_so(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour()}) as w:
        w["alpha"].die()
        await _ask_and_fail(w, times=5)
        w["alpha"].revive()
        reply = await w.board.generate("Why?", model=ALPHA, wait=True)
        assert reply.provider == "alpha"


async def test_a_mistake_of_the_callers_is_not_tried_again_and_opens_nothing(
    autojump_clock: object, world: Opening
) -> None:
    async with world({"alpha": Behaviour(error_rate=1, error_statuses=(400,)), "beta": Behaviour()}) as w:
        for _ in range(10):
            with pytest.raises(callboard.CallError) as caught:
                await w.board.generate("Why?", model="any")
            assert caught.value.fault.kind is callboard.FaultKind.INVALID_REQUEST
            assert len(caught.value.attempts) == 1
        assert w.moves == []
        assert len(w["beta"].log) == 0


async def test_an_unknown_model_of_a_known_provider_falls_back(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        with pytest.raises(callboard.CallError) as caught:
            await w.board.generate("Why?", model="alpha/nothing")
        assert caught.value.fault.kind is callboard.FaultKind.NOT_FOUND


@pytest.mark.parametrize("name", ["nobody", "nobody/model", "alpha/", "/x"])
async def test_a_name_that_nobody_has_never_leaves_the_process(
    autojump_clock: object, world: Opening, name: str
) -> None:
    async with world() as w:
        with pytest.raises(callboard.InvalidRequest, match="model"):
            await w.board.generate("Why?", model=name)
        assert w["alpha"].log == ()


async def test_retry_after_is_a_floor_for_everybody_who_waits(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(rate_limit_rate=1, retry_after=4.0)}) as w:
        w["alpha"].upcoming.append(Behaviour(rate_limit_rate=1, retry_after=4.0))
        w["alpha"].behaviour = Behaviour()
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_ask, w)
            await trio.sleep(0.5)
            for _ in range(5):
                nursery.start_soon(_ask, w)
        asked = [(served.started / 1e9) - began for served in w["alpha"].log]
        assert len(asked) == 7
        assert all(at >= 4.0 for at in asked[1:])


async def test_a_used_up_quota_is_not_asked_again(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(quota_rate=1)}) as w:
        for _ in range(5):
            with pytest.raises(callboard.CallError) as caught:
                await w.board.generate("Why?", model=ALPHA)
            assert caught.value.fault.kind is callboard.FaultKind.QUOTA_EXHAUSTED
        assert len(w["alpha"].log) == 1
        assert "the model sim-small takes no calls" in str(caught.value)
        assert "until an operator lifts it: `callboard provider alpha reset`" in str(caught.value)
        assert any(isinstance(event, callboard.AccountBlocked) for event in w.board.events)


async def test_the_accounts_limits_hold_back_what_is_too_much(autojump_clock: object, world: Opening) -> None:
    limits = LimitConfig(concurrency=3)
    async with world({"alpha": Behaviour(latency=(1, 1))}, limits=limits) as w:
        async with trio.open_nursery() as nursery:
            for _ in range(12):
                nursery.start_soon(_ask, w)
        assert w["alpha"].statistics().most_in_flight == 3
        assert len(w["alpha"].log) == 12


async def test_no_permit_in_time_is_nobodys_fault(autojump_clock: object, world: Opening) -> None:
    limits = LimitConfig(concurrency=1)
    async with world({"alpha": Behaviour(latency=(9, 9))}, limits=limits) as w:
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(_ask_and_fail, w)
        assert w.moves == []


async def test_identical_calls_in_flight_are_sent_once_and_charged_once(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(latency=(1, 1))}) as w:
        replies: list[callboard.Reply] = []

        async def ask() -> None:
            replies.append(await w.board.generate("Why?", model=ALPHA, temperature=0))

        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(ask)
        assert len(w["alpha"].log) == 1
        assert len({reply.text for reply in replies}) == 1
        assert sum(reply.shared for reply in replies) == 49
        billed = w["alpha"].log[0].usage
        assert sum((reply.usage for reply in replies), callboard.Usage()) == billed
        assert w.board.usage().usage == billed


async def test_a_shared_call_survives_the_one_who_began_it(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(latency=(1, 1))}) as w:
        async with trio.open_nursery() as nursery:
            with trio.move_on_after(0.5) as first:
                nursery.start_soon(_ask_cacheable, w)
                await trio.testing.wait_all_tasks_blocked()
                await w.board.generate("Why?", model=ALPHA, temperature=0)
            assert first.cancelled_caught
        assert len(w["alpha"].log) == 1
        assert w["alpha"].log[0].outcome.value == "complete"


async def test_the_last_one_to_leave_a_shared_call_ends_it(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(latency=(5, 5))}) as w:
        with trio.move_on_after(1):
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(_ask_cacheable, w)
        await trio.sleep(0.1)
        assert [served.outcome.value for served in w["alpha"].log] == ["client_gone"]
        assert w.in_flight() == {}


async def test_a_deterministic_reply_is_kept_and_costs_nothing_the_second_time(
    autojump_clock: object, world: Opening
) -> None:
    async with world() as w:
        first = await w.board.generate("Why?", model=ALPHA, temperature=0)
        again = await w.board.generate("Why?", model=ALPHA, temperature=0)
        assert (again.text, again.cached, again.cost, again.usage) == (first.text, True, 0, callboard.Usage())
        other = await w.board.generate(
            "Why?", model=ALPHA, temperature=0, cache=callboard.CacheControl(partition="another tenant")
        )
        assert not other.cached
        assert len(w["alpha"].log) == 2


async def test_only_the_cache_may_answer_when_the_caller_says_so(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        with pytest.raises(callboard.Unavailable, match="cache"):
            await w.board.generate("Why?", model="any", cache="only")
        await w.board.generate("Why?", model="any", cache="use")
        assert (await w.board.generate("Why?", model="any", cache="only")).cached
        assert len(w["alpha"].log) == 1


async def test_a_cancelled_call_closes_its_connection_at_once(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(latency=(30, 30))}) as w:
        with trio.move_on_after(2):
            await w.board.generate("Why?", model=ALPHA)
        await trio.testing.wait_all_tasks_blocked()
        assert [served.outcome.value for served in w["alpha"].log] == ["client_gone"]
        assert w["alpha"].log[0].ended is not None
        assert w.in_flight() == {}
        report = w.board.usage()
        assert [row.cancelled for row in report.calls] == [1]
        assert [row.estimated for row in report.models] == [1]


async def test_the_models_of_all_accounts_are_listed_those_that_answer(autojump_clock: object, world: Opening) -> None:
    async with world() as w:
        assert {model.provider for model in await w.board.models()} == {"alpha", "beta"}
        w["alpha"].die()
        assert {model.provider for model in await w.board.models()} == {"beta"}
        w["beta"].die()
        with pytest.raises(callboard.CallError):
            await w.board.models()


async def test_an_operator_opens_cuts_and_resets(autojump_clock: object, world: Opening) -> None:
    from callboard.messages.calls import Operate

    async with world({"alpha": Behaviour(latency=(30, 30))}) as w:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_ask_and_fail, w)
            await trio.sleep(1)
            said = await w.board.operate("alpha", Operate(command="open", now=True))
        assert "1 attempts cut" in said
        with pytest.raises(callboard.Unavailable):
            await w.board.generate("Why?", model=ALPHA)
        w["alpha"].behaviour = Behaviour()
        await w.board.operate("alpha", Operate(command="reset"))
        assert (await w.board.generate("Why?", model=ALPHA)).text


async def test_an_operators_cut_reaches_what_waits_for_a_permit(autojump_clock: object, world: Opening) -> None:
    from callboard.messages.calls import Operate

    async with world({"alpha": Behaviour(latency=(30, 30))}, limits=LimitConfig(concurrency=1)) as w:
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(_ask_and_be_refused, w)
            await trio.sleep(1)
            said = await w.board.operate("alpha", Operate(command="open", now=True))
        assert "2 attempts cut" in said
        assert trio.current_time() < 2
        assert len(w["alpha"].log) == 1
        assert w.in_flight() == {}


async def test_the_first_byte_is_waited_for_as_long_on_a_connection_that_was_kept(
    autojump_clock: object, world: Opening
) -> None:
    async with world() as w:
        await w.board.generate("Why?", model=ALPHA)
        w["alpha"].behaviour = Behaviour(hang_rate=1)
        with pytest.raises(callboard.CallError) as caught:
            await w.board.generate("Why?", model=ALPHA, attempts=1)
        assert (caught.value.fault.kind, caught.value.fault.timeout) == (callboard.FaultKind.TIMED_OUT, "first byte")


async def test_a_large_request_has_the_limits_of_a_small_one(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(hang_rate=1)}) as w:
        with pytest.raises(callboard.CallError) as caught:
            await w.board.generate("Why? " * 2_000_000, model=ALPHA, attempts=1)
        assert (caught.value.fault.kind, caught.value.fault.timeout) == (callboard.FaultKind.TIMED_OUT, "first byte")
        assert [row.faults for row in w.board.usage().models] == [1]


async def _ask_and_be_refused(w: Any) -> None:
    with pytest.raises(callboard.Unavailable):
        await w.board.generate("Why?", model=ALPHA)


async def _ask(w: Any) -> None:
    await w.board.generate("Why?", model=ALPHA)


async def _ask_cacheable(w: Any) -> None:
    await w.board.generate("Why?", model=ALPHA, temperature=0)


async def _ask_and_fail(w: Any, times: int = 1) -> None:
    for _ in range(times):
        with contextlib.suppress(callboard.CallError):
            await w.board.generate("Why?", model=ALPHA, attempts=1)


@pytest.mark.parametrize("money", ["much", -1, float("nan")])
async def test_money_that_is_no_amount_never_leaves_the_process(
    autojump_clock: object, world: Opening, money: float | str
) -> None:
    async with world() as w:
        with pytest.raises(callboard.InvalidRequest, match="money"):
            await w.board.generate("Why?", model=ALPHA, money=money)
        assert w["alpha"].log == ()


@pytest.mark.parametrize(
    "error",
    [ValueError("one"), ExceptionGroup("mine", [ValueError("one"), ExceptionGroup("inner", [KeyError("two")])])],
)
async def test_what_is_raised_in_the_block_comes_out_as_it_was(
    autojump_clock: object, world: Opening, error: Exception
) -> None:
    with pytest.raises(type(error)) as caught:
        async with world({"alpha": Behaviour()}):
            raise error
    assert caught.value is error


def test_another_event_loop_is_refused_with_the_one_that_is_needed() -> None:
    async def main() -> None:
        async with callboard.open():
            pass

    with pytest.raises(RuntimeError, match=r"trio\.run"):
        asyncio.run(main())


async def test_an_error_counts_the_attempts_that_were_made(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(error_rate=1)}) as w:
        for made, told in ((2, "2 attempts]"), (1, "1 attempt]")):
            with pytest.raises(callboard.CallError) as caught:
                await w.board.generate("Why?", model=ALPHA, attempts=made)
            assert str(caught.value).endswith(told)
        for _ in range(2):
            with pytest.raises(callboard.CallError):
                await w.board.generate("Why?", model=ALPHA, attempts=1)
        with pytest.raises(callboard.Unavailable, match=r"next trial is in \d+ s \[.* 0 attempts\]"):
            await w.board.generate("Why?", model=ALPHA)


async def test_what_is_refused_before_the_provider_is_spoken_to_was_skipped_and_is_no_attempt(
    autojump_clock: object, world: Opening
) -> None:
    async with world(limits=LimitConfig(requests_per_minute=1)) as w:
        await w.board.generate("Why?", model=ALPHA)
        with pytest.raises(callboard.CallError, match=r"it has some in \d\d\.\d s \[.* 0 attempts\]") as limited:
            await w.board.generate("Why?", model=ALPHA, timeout=5)
        assert (limited.value.fault.retry_after or 0) > 5
        with pytest.raises(callboard.CallError, match=r"does not take .* \[.* 0 attempts\]") as unsupported:
            await w.board.rerank("Why?", ["So."], model=ALPHA)
        told = [(one.outcome, one.reason) for error in (limited, unsupported) for one in error.value.attempts]
        assert told == [("skipped", "rate limited"), ("skipped", "unsupported")]
        assert len(w["alpha"].log) == 1
