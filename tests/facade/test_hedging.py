"""A second attempt beside a late one: only when asked for, bounded, paid for, and never against a circuit's wish."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import pytest
import trio
import trio.testing

import callboard
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
QUICK, SLOW = Behaviour(latency=(0.1, 0.1)), Behaviour(latency=(30, 30))
BOTH = {"alpha": QUICK, "beta": QUICK}


async def used_to(w: Any, calls: int = 20) -> None:
    """The runtime knows how long alpha takes, and has saved up hedges: one for each twenty calls."""
    for number in range(calls):
        await w.board.generate(f"Why {number}?", model="any", hedge=True)


async def test_a_late_answer_is_overtaken_and_its_attempt_stopped(autojump_clock: object, world: Opening) -> None:
    async with world(BOTH) as w:
        await used_to(w)
        w["alpha"].behaviour = SLOW
        reply = await w.board.generate("Why?", model="any", hedge=True)
        assert reply.provider == "beta"
        assert 0.2 <= reply.duration < 0.4
        assert [(one.provider, one.outcome) for one in reply.attempts] == [("alpha", "cancelled"), ("beta", "ok")]
        assert reply.attempts[0].reason == "another attempt was faster"
        await trio.testing.wait_all_tasks_blocked()
        assert w["alpha"].log[-1].outcome.value == "client_gone"
        assert w.in_flight() == {}


async def test_a_hedge_is_paid_for_and_the_books_agree(autojump_clock: object, world: Opening) -> None:
    async with world(BOTH) as w:
        await used_to(w)
        before = w.board.usage().cost
        w["alpha"].behaviour = SLOW
        reply = await w.board.generate("Why?", model="any", hedge=True)
        await trio.testing.wait_all_tasks_blocked()
        assert reply.estimated
        assert reply.cost == w.board.usage().cost - before > 0
        assert sum((row.cost for row in w.board.usage().calls), Decimal(0)) == w.board.usage().cost


async def test_a_loser_that_was_cut_in_a_large_upload_is_told_and_counted_too(
    autojump_clock: object, world: Opening
) -> None:
    async with world(BOTH) as w:
        await used_to(w)
        w["alpha"].behaviour = SLOW
        before = w.board.usage().cost
        reply = await w.board.generate("Why? " * 20_000, model="any", hedge=True)
        assert [(one.provider, one.outcome) for one in reply.attempts] == [("alpha", "cancelled"), ("beta", "ok")]
        assert reply.cost == w.board.usage().cost - before


async def test_a_loser_s_time_counts_as_at_least_that(autojump_clock: object, world: Opening) -> None:
    async with world(BOTH) as w:
        await used_to(w)
        w["alpha"].behaviour = SLOW
        await w.board.generate("Why?", model="any", hedge=True)
        await trio.testing.wait_all_tasks_blocked()
        [row] = [row for row in w.board.usage().latency if row.provider == "alpha"]
        assert (row.count, sum(row.cut)) == (20, 1)
        assert row.quantile(0.99) is None, "nobody knows how long the slowest takes"


async def test_nobody_hedges_who_did_not_ask(autojump_clock: object, world: Opening) -> None:
    async with world(BOTH) as w:
        await used_to(w)
        w["alpha"].behaviour = Behaviour(latency=(5, 5))
        reply = await w.board.generate("Why?", model="any")
        assert (reply.provider, len(reply.attempts), len(w["beta"].log)) == ("alpha", 1, 0)


async def test_hedges_stay_under_their_share(autojump_clock: object, world: Opening) -> None:
    async with world(BOTH) as w:
        for number in range(200):
            await w.board.generate(f"Why {number}?", model="any")
        await used_to(w)
        w["alpha"].behaviour = Behaviour(latency=(5, 5))
        for number in range(10):
            await w.board.generate(f"Late {number}?", model="any", hedge=True)
        assert len(w["beta"].log) == 1


async def test_a_hedge_is_made_inside_the_allowance(autojump_clock: object, world: Opening) -> None:
    async with world(BOTH) as w:
        await used_to(w)
        w["alpha"].behaviour = Behaviour(latency=(5, 5))
        reply = await w.board.generate("Why?", model="any", hedge=True, attempts=1)
        assert (reply.provider, len(w["beta"].log)) == ("alpha", 0)


async def test_a_hedge_has_only_the_money_that_the_first_attempt_may_leave(
    autojump_clock: object, world: Opening
) -> None:
    async with world(BOTH) as w:
        await used_to(w, 40)
        w["alpha"].behaviour = Behaviour(latency=(0.5, 0.5))
        one = (1000 * 2 + 100) / 1_000_000  # dollars that one attempt may cost, about
        reply = await w.board.generate("Why?", model="any", hedge=True, max_tokens=1000, money=1.5 * one)
        assert (reply.provider, len(w["beta"].log)) == ("alpha", 0)
        reply = await w.board.generate("Why?", model="any", hedge=True, max_tokens=1000, money=3 * one)
        assert (reply.provider, len(w["beta"].log)) == ("beta", 1)


async def test_both_may_fail_and_the_call_goes_on_inside_its_allowance(autojump_clock: object, world: Opening) -> None:
    async with world(BOTH) as w:
        await used_to(w)
        failing = Behaviour(latency=(3, 3), overload_rate=1)
        w["alpha"].behaviour = w["beta"].behaviour = failing
        with pytest.raises(callboard.CallError) as caught:
            await w.board.generate("Why?", model="any", hedge=True, attempts=3)
        assert len(caught.value.attempts) == 3
        assert len(w["alpha"].log) - 20 + len(w["beta"].log) == 3


@pytest.mark.parametrize("name", ["alpha", "beta"])
async def test_a_circuit_that_is_not_closed_is_neither_source_nor_target(
    autojump_clock: object, world: Opening, name: str
) -> None:
    async with world(BOTH) as w:
        await used_to(w, 40)
        w[name].die()
        for _ in range(6):
            with pytest.raises(callboard.CallError):
                await w.board.generate("Why?", model=f"{name}/sim-small", attempts=1)
        await trio.sleep(7)  # the next call is a trial of the half-open circuit
        w[name].revive()
        w["alpha"].behaviour = Behaviour(latency=(5, 5))
        asked = len(w["beta"].log)
        reply = await w.board.generate("Why?", model="any", hedge=True)
        assert (reply.provider, len(w["beta"].log)) == ("alpha", asked)


async def test_whoever_leaves_stops_both(autojump_clock: object, world: Opening) -> None:
    async with world(BOTH) as w:
        await used_to(w)
        w["alpha"].behaviour = w["beta"].behaviour = SLOW
        with trio.move_on_after(5):
            await w.board.generate("Why?", model="any", hedge=True)
        await trio.testing.wait_all_tasks_blocked()
        assert [w[name].log[-1].outcome.value for name in ("alpha", "beta")] == ["client_gone"] * 2
        assert w.in_flight() == {}


async def test_whoever_leaves_after_a_race_cuts_an_attempt_that_was_not_outrun(
    autojump_clock: object, world: Opening
) -> None:
    def not_beta(reply: callboard.Reply) -> str | None:
        if reply.provider != "beta":
            return None
        w["beta"].behaviour = SLOW
        return "not of beta"

    async with world(BOTH) as w:
        await used_to(w)
        w["alpha"].behaviour = SLOW
        with pytest.raises(callboard.CallError) as caught:
            await w.board.generate("Why?", model="any", hedge=True, checks=[not_beta], timeout=5)
        told = [(one.provider, one.outcome, one.reason) for one in caught.value.attempts]
        assert told[:2] == [("alpha", "cancelled", "another attempt was faster"), ("beta", "fault", None)]
        assert [(outcome, reason) for _, outcome, reason in told[2:]] == [("cancelled", None)]


async def test_a_call_that_may_be_shared_is_not_hedged(autojump_clock: object, world: Opening) -> None:
    async with world(BOTH) as w:
        await used_to(w)
        w["alpha"].behaviour = Behaviour(latency=(5, 5))
        reply = await w.board.generate("Why?", model="any", hedge=True, temperature=0)
        assert (reply.provider, len(reply.attempts), len(w["beta"].log)) == ("alpha", 1, 0)
