"""Identical calls at once, over the whole runtime: who is asked, who is charged, whose time it is."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import callboard
from callboard import spec
from callboard.actors.budgets.spec import BudgetSpec
from callboard.messages.accounting import AttemptSettled, CallEnded, LedgerEntry
from callboard.messages.base import Tell
from callboard.runtime.mailbox import Full, Lane, MailboxSpec
from callboard.sections import LimitConfig, StoreConfig
from callboard.testing import Behaviour

Opening = Callable[..., AbstractAsyncContextManager[Any]]
ALPHA = "alpha/sim-small"


class Rubbish(Tell, frozen=True):
    """A message that no actor knows."""


async def entries(w: Any) -> list[LedgerEntry]:
    """The ledger's journal."""
    await w.board.flush()
    decoder: msgspec.msgpack.Decoder[LedgerEntry] = msgspec.msgpack.Decoder(LedgerEntry)
    records = w.board._system.ref("store").snapshot.ledger
    return [decoder.decode(payload) for _, payload in records.all("journal")]


async def test_a_thousand_identical_calls_at_once_make_one_upstream_call_and_are_charged_once(
    autojump_clock: MockClock, world: Opening
) -> None:
    replies: list[callboard.Reply] = []

    async def ask(w: Any) -> None:
        replies.append(await w.board.generate("Why?", model=ALPHA, temperature=0))

    async with world({"alpha": Behaviour(latency=(1, 1))}) as w:
        async with trio.open_nursery() as nursery:
            for _ in range(1_000):
                nursery.start_soon(ask, w)
        await w.board.flush()
        assert w["alpha"].statistics().requests == 1
        assert len({reply.text for reply in replies}) == 1
        assert [reply.shared for reply in replies].count(False) == 1
        assert sum(reply.cost or 0 for reply in replies) == w.board.usage().cost > 0
        [row] = w.board.usage().calls
        assert (row.calls, row.shared) == (1_000, 999)


async def test_whoever_changes_a_reply_changes_nobody_elses(autojump_clock: MockClock, world: Opening) -> None:
    replies: list[callboard.Reply] = []

    async def ask(w: Any) -> None:
        replies.append(await w.board.generate("Why?", model=ALPHA, temperature=0, keep_raw=True))

    async with world({"alpha": Behaviour(latency=(1, 1))}) as w:
        for count in (3, 2):  # shared, and then kept
            async with trio.open_nursery() as nursery:
                for _ in range(count):
                    nursery.start_soon(ask, w)
            replies[-1].raw.clear()
            replies[-2].raw["choices"][0]["message"]["content"] = "changed"
        assert [reply.cached for reply in replies] == [False] * 3 + [True] * 2
        await ask(w)
        for reply in (replies[0], replies[-1]):
            assert reply.raw["choices"][0]["message"]["content"] == reply.text


@pytest.mark.parametrize(
    "differs",
    [
        {"cache": callboard.CacheControl(partition="tenant b")},
        {"system": "You are a pirate."},
        {"tools": [callboard.Tool(name="look_up")]},
        {"max_tokens": 7},
        {"user": "another"},
    ],
    ids=lambda differs: next(iter(differs)),
)
async def test_what_may_change_the_answer_or_names_another_tenant_shares_nothing(
    autojump_clock: MockClock, world: Opening, differs: dict[str, Any]
) -> None:
    """Neither a call in flight nor a reply that was kept."""
    async with world({"alpha": Behaviour(latency=(1, 1))}) as w:
        for expected in (2, 2):
            async with trio.open_nursery() as nursery:
                for options in ({}, differs):
                    nursery.start_soon(partial(w.board.generate, "Why?", model=ALPHA, temperature=0, **options))
            assert w["alpha"].statistics().requests == expected


async def test_the_attempt_of_a_leader_who_left_is_charged_to_whoever_is_there(
    autojump_clock: MockClock, world: Opening
) -> None:
    replies: list[callboard.Reply] = []

    async def ask(w: Any, tag: str, timeout: float) -> None:
        try:
            replies.append(await w.board.generate("Why?", model=ALPHA, temperature=0, tag=tag, timeout=timeout))
        except callboard.DeadlineExceeded:
            assert tag == "leader"

    async with world({"alpha": Behaviour(latency=(2, 2))}) as w:
        async with trio.open_nursery() as nursery:
            for tag, timeout in (("leader", 1), ("follower", 9)):
                nursery.start_soon(ask, w, tag, timeout)
                await wait_all_tasks_blocked()
        [reply] = replies
        assert (w["alpha"].statistics().requests, reply.shared) == (1, False)
        journal = await entries(w)
        [settled] = [entry for entry in journal if isinstance(entry, AttemptSettled)]
        costs = {entry.tag: entry.cost for entry in journal if isinstance(entry, CallEnded)}
        assert (settled.call, settled.cost) == (reply.id, reply.cost)
        assert costs == {"leader": Decimal(0), "follower": reply.cost}
        assert not [entry for entry in journal if isinstance(entry, CallEnded) and entry.estimated]


@pytest.mark.parametrize(
    ("late", "before", "room"),
    [(None, None, 9), ("budgets", 2, 9), ("limits/alpha", 0, 9), ("limits/alpha", 0, 2), ("limits/alpha", 0, 3)],
)
async def test_an_urgent_caller_lifts_the_shared_call_that_waits_for_its_permit_or_has_not_come_to_the_line_yet(
    autojump_clock: MockClock,
    world: Opening,
    monkeypatch: pytest.MonkeyPatch,
    *,
    late: str | None,
    before: int | None,
    room: int,
) -> None:
    """A mailbox has `room` for so many messages; of one that is full, nothing that was said is lost."""
    monkeypatch.setattr(spec, "WAITING", MailboxSpec(data=room, full=Full.WAIT))
    order: list[str] = []

    async def ask(w: Any, name: str, prompt: str, priority: str) -> None:
        await w.board.generate(prompt, model=ALPHA, temperature=0, priority=priority)
        order.append(name)

    calls = (
        ("first", "1", "normal"),
        ("other", "2", "normal"),
        ("shared", "3", "background"),
        ("urgent", "3", "critical"),
    )
    budgets = {"all": BudgetSpec(limit=Decimal(9), per="day")}
    limits = LimitConfig(concurrency=1)
    async with world({"alpha": Behaviour(latency=(1, 1))}, limits=limits, budgets=budgets) as w:
        async with trio.open_nursery() as nursery:
            for number, (name, prompt, priority) in enumerate(calls):
                if late is not None and number == before:
                    await stay_away(w, late)
                nursery.start_soon(ask, w, name, prompt, priority)
                await wait_all_tasks_blocked()
        assert order[0] == "first"
        assert order[3] == "other"
        assert w["alpha"].statistics().requests == 3


async def stay_away(w: Any, path: str) -> None:
    """Let this actor crash twice: it starts anew at once only the first time."""
    for _ in range(2):
        w.board._system.ref(path).tell(Rubbish(), lane=Lane.CONTROL)
        await trio.sleep(0.001)


@pytest.mark.parametrize("temperature", [None, 0], ids=["not shared", "shared"])
async def test_a_call_whose_time_ends_before_there_is_room_falls_back_at_once(
    autojump_clock: MockClock, world: Opening, temperature: float | None
) -> None:
    async with world(limits=LimitConfig(requests_per_minute=1)) as w:
        await w.board.generate("Why?", model=ALPHA)
        await trio.sleep(45)
        asked = trio.current_time()
        reply = await w.board.generate("How?", model="any", temperature=temperature, timeout=5)
        assert (reply.provider, trio.current_time()) == ("beta", pytest.approx(asked, abs=0.1))


async def test_a_shared_call_keeps_its_place_in_the_line_when_its_leader_leaves(
    autojump_clock: MockClock, world: Opening
) -> None:
    order: list[str] = []

    async def ask(w: Any, name: str, prompt: str, timeout: float = 60) -> None:
        with contextlib.suppress(callboard.DeadlineExceeded):
            await w.board.generate(prompt, model=ALPHA, temperature=0, timeout=timeout)
            order.append(name)

    calls = (("first", "1", 60), ("leader", "2", 1), ("follower", "2", 60), ("other", "3", 60))
    async with world({"alpha": Behaviour(latency=(2, 2))}, limits=LimitConfig(concurrency=1)) as w:
        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(ask, w, *call)
                await wait_all_tasks_blocked()
        assert order == ["first", "follower", "other"]


@pytest.mark.parametrize("crash", [False, True], ids=["", "the budgets crash meanwhile"])
async def test_the_budgets_of_a_leader_who_left_are_not_charged_but_those_of_whoever_is_there(
    autojump_clock: MockClock, world: Opening, tmp_path: Path, crash: bool
) -> None:
    async def ask(w: Any, tag: str, timeout: float) -> None:
        with contextlib.suppress(callboard.DeadlineExceeded):
            await w.board.generate("Why?", model=ALPHA, temperature=0, tag=tag, timeout=timeout)

    def budgets(w: Any) -> dict[str, tuple[Decimal, Decimal, int]]:
        return {row.name: (row.cost, row.reserved, row.requests) for row in w.board.usage().budgets}

    tags = ("leader", "follower")
    specs = {tag: BudgetSpec(limit=Decimal(1), per="day", tag=tag) for tag in tags}
    store = StoreConfig(path=str(tmp_path))
    async with world({"alpha": Behaviour(latency=(2, 2))}, budgets=specs, store=store) as w:
        async with trio.open_nursery() as nursery:
            for tag, timeout in zip(tags, (1, 9), strict=True):
                nursery.start_soon(ask, w, tag, timeout)
                await wait_all_tasks_blocked()
            await trio.sleep(1.5)
            reserved = {name: row[1] > 0 for name, row in budgets(w).items()}
            assert reserved == {"leader": False, "follower": True}
            if crash:
                w.board._system.ref("budgets").tell(Rubbish(), lane=Lane.CONTROL)
        await w.board.flush()
        spent = budgets(w)
        cost = w.board.usage().cost
        assert cost > 0
        assert spent == {"leader": (0, 0, 0), "follower": (cost, 0, 1)}
    async with world(budgets=specs, store=store) as w:
        assert budgets(w) == spent, "the ledger says the same"


@pytest.mark.parametrize("how", ["cancelled", "out of time"])
async def test_callers_who_leave_in_the_turn_in_which_they_came_leave_no_trace(
    autojump_clock: object, world: Opening, how: str
) -> None:
    async def call(w: Any, number: int) -> None:
        timeout = 1e-7 if how == "out of time" else 60
        with contextlib.suppress(callboard.DeadlineExceeded):
            await w.board.generate(f"Why {number}?", model=ALPHA, cache="use", timeout=timeout)

    async with world() as w:
        for round_ in range(5):
            async with trio.open_nursery() as nursery:
                for number in range(8):
                    nursery.start_soon(call, w, 8 * round_ + number)
                await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
        assert [event for event in w.board.events if isinstance(event, callboard.ActorRestarted)] == []
        assert (await w.board.generate("Why?", model=ALPHA)).text
        assert w.in_flight() == {}
