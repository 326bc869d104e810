"""Budgets through the front door: real servers on loopback, in virtual time."""

import importlib.util
import logging
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trio

import callboard
from callboard import spec
from callboard.actors.budgets.spec import BudgetSpec
from callboard.actors.ledger.keeping import Keep
from callboard.actors.logbook.pages import LogSpec
from callboard.actors.prices.book import Price
from callboard.config import Config
from callboard.messages.accounting import UsageReport
from callboard.messages.base import Tell
from callboard.runtime.mailbox import Lane
from callboard.sections import CalendarConfig, LimitConfig, StoreConfig
from callboard.testing import Behaviour
from callboard.testing.checkpoints import Cut, cancel_everywhere

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"
TOKENS = 20
CALL = Decimal("0.000045")
"""US dollars that one call of these tests may cost at the most: 5 tokens in at $1 a million, 20 out at $2."""
SPENDER = Path(__file__).with_name("killed_spender.py")


class Rubbish(Tell, frozen=True):
    """A message that no actor knows."""


def budget(limit: str | int | Decimal, **more: Any) -> dict[str, BudgetSpec]:
    return {"all": BudgetSpec(limit=Decimal(limit), per=more.pop("per", "day"), **more)}


async def ask(w: Any, model: str = ALPHA, **options: Any) -> callboard.Reply:
    reply: callboard.Reply = await w.board.generate("Why?", model=model, max_tokens=TOKENS, **options)
    return reply


async def crowd(w: Any, size: int, faults: list[callboard.Fault]) -> int:
    """So many calls at once: how many were answered."""
    answered = 0

    async def one() -> None:
        nonlocal answered
        try:
            await ask(w)
            answered += 1
        except callboard.CallError as error:
            faults.append(error.fault)

    async with trio.open_nursery() as nursery:
        for _ in range(size):
            nursery.start_soon(one)
    return answered


def billed(w: Any) -> Decimal:
    usage = sum((served.usage for served in w["alpha"].log), callboard.Usage())
    return (Decimal(usage.input_total) + 2 * Decimal(usage.output_total)) / 1_000_000


async def test_two_hundred_calls_at_once_never_spend_more_than_a_budget_for_ten(
    autojump_clock: object, world: Opening
) -> None:
    async with world({"alpha": Behaviour(latency=(1, 2))}, budgets=budget(CALL * 10)) as w:
        faults: list[callboard.Fault] = []
        assert await crowd(w, 200, faults) == 10
        assert {fault.kind for fault in faults} == {callboard.FaultKind.BUDGET}
        assert len(w["alpha"].log) == 10
        while await crowd(w, 5, faults):  # what the ten did not use
            pass
        (row,) = w.board.usage().budgets
        assert CALL * 9 < row.cost == billed(w) == w.board.usage().cost <= row.limit
        assert (row.reserved, row.requests) == (0, len(w["alpha"].log))
        assert w.moves == []


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
async def test_a_bound_on_the_output_in_the_providers_own_words_is_set_aside_too(
    autojump_clock: object, world: Opening, name: str
) -> None:
    async with world({"alpha": Behaviour(tokens=(50_000, 50_000))}, budgets=budget("0.01")) as w:
        with pytest.raises(callboard.CallError) as caught:
            await w.board.generate("Why?", model=ALPHA, extra={name: 50_000})
        assert caught.value.fault.kind is callboard.FaultKind.BUDGET
        assert not w["alpha"].log


async def test_a_budget_that_crashes_in_the_middle_is_not_overspent_either(
    autojump_clock: object, world: Opening
) -> None:
    limits, behaviour = LimitConfig(concurrency=2), Behaviour(latency=(1, 2), tokens=(TOKENS, TOKENS))
    async with world({"alpha": behaviour}, limits=limits, budgets=budget(CALL * 10)) as w:
        faults: list[callboard.Fault] = []

        async def crash() -> None:
            for _ in range(3):
                await trio.sleep(1.5)
                w.board._system.ref("budgets").tell(Rubbish(), lane=Lane.CONTROL)
                await crowd(w, 20, faults)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash)
            await crowd(w, 60, faults)
        await trio.sleep(70)
        assert w.board._system.ref("budgets")._cell.incarnation == 4
        (row,) = w.board.usage().budgets
        assert row.cost == billed(w) == w.board.usage().cost == row.limit
        assert row.reserved == 0


async def test_beyond_a_budget_the_call_goes_on_to_the_next_candidate(autojump_clock: object, world: Opening) -> None:
    async with world(budgets=budget(0, provider="alpha")) as w:
        reply = await ask(w, "any")
        assert reply.provider == "beta"
        assert [(one.outcome, one.reason) for one in reply.attempts] == [("skipped", "budget"), ("ok", None)]
        assert len(w["alpha"].log) == 0
        assert w.moves == []


async def test_a_free_model_is_answered_when_nothing_is_left_and_its_paid_fallback_is_not(
    autojump_clock: object, world: Opening
) -> None:
    prices = {
        ALPHA: Price(input=Decimal(0), output=Decimal(0)),
        "beta/sim-small": Price(input=Decimal(1), output=Decimal(1)),
    }
    async with world(budgets=budget(0), prices=prices) as w:
        assert (await ask(w, "any")).cost == 0
        w["alpha"].behaviour = Behaviour(error_rate=1.0)
        with pytest.raises(callboard.CallError):
            await ask(w, "any")
        assert len(w["beta"].log) == 0


async def test_an_unknown_price_is_refused_while_a_budget_is_in_force(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour()}, budgets=budget(1), prices={}) as w:
        with pytest.raises(callboard.CallError, match="no price is known"):
            await ask(w)
        assert len(w["alpha"].log) == 0
    async with world({"alpha": Behaviour()}, budgets=budget(1, unknown_price="allow"), prices={}) as w:
        await ask(w)
        await w.board.flush()
        (row,) = w.board.usage().budgets
        assert (row.unpriced, row.requests, row.cost) == (1, 1, 0)
        assert [row.unpriced for row in w.board.usage().calls] == [1]


@pytest.mark.parametrize("prices", [None, {}])
async def test_what_may_cost_more_than_the_calls_own_bound_is_not_sent(
    autojump_clock: object, world: Opening, prices: dict[str, Price] | None
) -> None:
    tables = {} if prices is None else {"prices": prices}
    async with world({"alpha": Behaviour()}, **tables) as w:
        with pytest.raises(callboard.CallError, match="own bound on money") as caught:
            await ask(w, money=CALL - Decimal("0.000001"))
        assert caught.value.fault.kind is callboard.FaultKind.BUDGET
        assert len(w["alpha"].log) == 0
        if prices is None:
            await ask(w, money=CALL)


async def test_a_call_without_money_is_answered_by_whoever_is_known_to_be_free(
    autojump_clock: object, world: Opening
) -> None:
    dollar, nothing = (Price(input=Decimal(price), output=Decimal(price)) for price in (1, 0))
    prices = {ALPHA: dollar, "beta/sim-small": nothing}
    async with world({"alpha": Behaviour(), "beta": Behaviour()}, prices=prices) as w:
        for model in ("beta/sim-small", "any"):
            reply = await ask(w, model, money=0)
            assert (reply.provider, reply.cost) == ("beta", 0)
        with pytest.raises(callboard.CallError, match="own bound on money"):
            await ask(w, money=0)
        assert len(w["alpha"].log) == 0


async def test_what_was_spent_and_told_outlives_the_process(
    autojump_clock: object, world: Opening, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = StoreConfig(path=str(tmp_path / "store"))
    told: list[callboard.BudgetAlert] = []
    spent = Decimal(0)
    for _ in range(3):
        tables = {"budgets": budget(CALL * 3, per="ever", alerts=(0.3,))}
        async with world({"alpha": Behaviour(tokens=(TOKENS, TOKENS))}, store=store, **tables) as w:
            (row,) = w.board.usage().budgets
            assert row.cost == spent
            await ask(w)
            (row,) = w.board.usage().budgets
            spent = row.cost
            told += [event for event in w.board.events if isinstance(event, callboard.BudgetAlert)]
    assert spent == CALL * 3
    (alert,) = told
    assert (alert.budget, alert.window, alert.share, alert.spent, alert.resets_at) == ("all", "ever", 0.3, CALL, None)
    lines = [record for record in caplog.records if record.name == "callboard.budgets"]
    assert [record.levelno for record in lines] == [logging.WARNING]
    assert "all has spent $0.000045" in lines[0].getMessage()


async def test_what_deleted_users_spent_is_in_no_users_window_and_in_every_other_the_same_before_and_after_a_restart(
    autojump_clock: object, world: Opening, tmp_path: Path
) -> None:
    budgets = {"each": BudgetSpec(limit=Decimal(1), per="day", user="*"), **budget(9)}
    stored = {"store": StoreConfig(path=str(tmp_path)), "budgets": budgets}

    def windows(w: Any) -> dict[tuple[str, str], Decimal]:
        return {(row.name, row.scope): row.cost for row in w.board.usage().budgets}

    async with world(**stored) as w:
        for user in (None, "user-of-old"):
            await ask(w, user=user)
        left = windows(w)
        assert left.pop(("each", "user=user-of-old")) + left["each", "user="] == left["all", ""]
        await w.board.delete(user="user-of-old")
        assert windows(w) == left
        assert "user-of-old" not in repr(w.board.status())
    async with world(**stored) as w:
        assert windows(w) == left


async def test_a_reset_empties_a_budget(autojump_clock: object, world: Opening) -> None:
    async with world({"alpha": Behaviour(tokens=(TOKENS, TOKENS))}, budgets=budget(CALL)) as w:
        await ask(w)
        with pytest.raises(callboard.CallError):
            await ask(w)
        assert await w.board.reset_budget("all") == "all: 1 windows emptied"
        await ask(w)
        with pytest.raises(callboard.InvalidRequest, match="there are: all"):
            await w.board.reset_budget("al")


async def test_days_of_a_budget_follow_the_configured_time_zone(autojump_clock: object, world: Opening) -> None:
    calendar = CalendarConfig(timezone="Asia/Kathmandu")  # midnight is 18:15 UTC
    behaviour = Behaviour(tokens=(TOKENS, TOKENS))
    async with world({"alpha": behaviour}, budgets=budget(CALL), calendar=calendar) as w:
        await ask(w)
        await trio.sleep(18.2 * 3600)
        with pytest.raises(callboard.CallError):
            await ask(w)
        await trio.sleep(0.1 * 3600)
        await ask(w)
        assert [row.day for row in w.board.usage().models] == ["2026-01-01", "2026-01-02"]


def test_a_call_under_a_budget_can_be_cancelled_anywhere_and_leaves_nothing_set_aside(world: Opening) -> None:
    async def scenario(cut: Cut) -> None:
        limits = LimitConfig(concurrency=1)
        async with world({"alpha": Behaviour(latency=(1, 1))}, limits=limits, budgets=budget(1)) as w:
            with cut.scope():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(ask, w)
                    nursery.start_soon(ask, w)
            await trio.sleep(30)
            (row,) = w.board.usage().budgets
            assert (row.reserved, row.cost) == (0, w.board.usage().cost)
            assert w.in_flight() == {}
            await ask(w)

    assert cancel_everywhere(scenario, at_most=120) >= 20


def test_what_was_underway_when_the_process_was_killed_is_settled_at_its_estimate(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    with subprocess.Popen([sys.executable, str(SPENDER), store], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "sent\n"
        process.kill()

    async def look() -> UsageReport:
        async with callboard.open(_spender().config(store, "http://127.0.0.1:9")) as board:
            with pytest.raises(callboard.CallError, match="the budget 'all' has"):
                await board.generate("Why?", model=ALPHA, max_tokens=100)
            return board.usage()

    report = trio.run(look)
    (row,) = report.budgets
    assert row.cost == Decimal("1.05"), "5 tokens in and 100 out, at a cent"
    assert [model.estimated for model in report.models] == [1]


def _spender() -> Any:
    found = importlib.util.spec_from_file_location("killed_spender", SPENDER)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


async def test_those_who_share_a_call_do_not_share_its_leaders_lack_of_money(
    autojump_clock: object, world: Opening
) -> None:
    limits, behaviour = LimitConfig(concurrency=1), Behaviour(latency=(1, 1), tokens=(TOKENS, TOKENS))
    tables = {"budgets": {"poor": BudgetSpec(limit=CALL, per="day", tag="poor")}}
    async with world({"alpha": behaviour}, limits=limits, **tables) as w:
        ended: list[str] = []

        async def one(tag: str, **options: Any) -> None:
            try:
                await ask(w, tag=tag, **options)
                ended.append(tag)
            except callboard.CallError as error:
                ended.append(f"{tag}: {error.fault.kind.value}")

        async with trio.open_nursery() as nursery:

            async def begin(tag: str, **options: Any) -> None:
                nursery.start_soon(lambda: one(tag, **options))
                await trio.sleep(0.01)

            await begin("has the only permit")
            await begin("poor", temperature=0)  # leads, and waits for a permit
            await begin("rich", temperature=0)
            await begin("rich", temperature=0)
            w.board._system.ref("budgets").tell(Rubbish(), lane=Lane.CONTROL)
            await begin("poor")  # takes what the leader, who has to ask again, had set aside
        assert sorted(ended) == ["has the only permit", "poor", "poor: budget", "rich", "rich"]
        assert len(w["alpha"].log) == 3, "the rich share one"


@pytest.mark.parametrize(
    ("mode", "size", "logged", "room"),
    [
        ("exclusive", 2**30, False, 3 * 2**28),
        ("exclusive", 2**30, True, 2**28),
        ("memory", 2**30, False, 2**26),
        ("memory", 2**25, False, 3 * 2**23),
    ],
)
def test_entries_have_no_more_room_than_leaves_some_for_sums_and_the_log(
    mode: Any, size: int, logged: bool, room: int
) -> None:
    config = Config(store=StoreConfig(mode=mode, max_size=size), log=LogSpec(requests=logged))
    assert spec.room(config) == room


@pytest.mark.parametrize(("per", "days"), [("day", 3.0), ("month", 33.0), ("ever", 36_525.0)])
def test_sums_are_kept_for_as_long_as_the_longest_window(per: str, days: float) -> None:
    store = StoreConfig(keep=Keep(entries=1.0, usage=3.0))
    kept = spec.kept(Config(store=store, budgets=budget(1, per=per)))
    assert (kept.entries, kept.usage) == (1.0, days)
    assert spec.kept(Config(store=store)).usage == 3.0


@pytest.mark.parametrize(
    ("selectors", "days"),
    [({}, 0.0), ({"model": "m", "provider": "*"}, 0.0), ({"tag": "t"}, 33.0), ({"user": "*"}, 33.0)],
    ids=str,
)
def test_sums_by_tag_and_user_are_kept_for_as_long_as_a_budget_asks_for_them(
    selectors: dict[str, str], days: float
) -> None:
    assert spec.counted(Config(budgets=budget(1, per="month", **selectors))) == days


async def test_a_budget_by_tag_outlives_a_ledger_that_may_keep_no_rows_by_tag(
    autojump_clock: object, world: Opening, tmp_path: Path
) -> None:
    store = StoreConfig(path=str(tmp_path / "store"), keep=Keep(rows=0))
    budgets = budget(1, per="month", tag="*")
    for tag in ("one", "two"):
        async with world({"alpha": Behaviour()}, store=store, budgets=budgets) as w:
            await trio.sleep(2 * 86_400)
            await ask(w, tag=tag)
            await w.board.flush()
    async with world({"alpha": Behaviour()}, store=store, budgets=budgets) as w:
        await trio.sleep(86_400)
        assert {row.scope: row.requests for row in w.board.usage().budgets} == {"tag=one": 1, "tag=two": 1}


@pytest.mark.parametrize("calls", [7, 9])
async def test_a_new_budget_by_tag_counts_what_was_spent_before_unless_there_were_too_many_tags(
    calls: int, autojump_clock: object, world: Opening, tmp_path: Path
) -> None:
    store = StoreConfig(path=str(tmp_path / "store"), keep=Keep(rows=4))
    async with world({"alpha": Behaviour()}, store=store) as w:
        for number in range(calls):
            await ask(w, tag=f"job {number}")
        await trio.sleep(1_000)
        assert sum(row.calls for row in w.board.usage().calls) == calls
    async with world({"alpha": Behaviour()}, store=store, budgets=budget(1, per="month", tag="job 1")) as w:
        await trio.sleep(1)
        assert w.board.usage().budgets[0].requests == (1 if calls == 7 else 0)


async def test_a_budget_for_ever_forgets_nothing_that_the_ledger_trims(
    autojump_clock: object, world: Opening, tmp_path: Path
) -> None:
    store = StoreConfig(path=str(tmp_path / "store"), keep=Keep(entries=1.0, usage=1.0))
    for days in (0, 10):
        async with world({"alpha": Behaviour()}, store=store, budgets=budget(1, per="ever")) as w:
            await trio.sleep(days * 86_400)
            await ask(w)
            await w.board.flush()
    async with world({"alpha": Behaviour()}, store=store, budgets=budget(1, per="ever")) as w:
        assert w.board.usage().budgets[0].requests == 2
