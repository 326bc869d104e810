"""The budgets as their neighbours meet them, with a ledger that answers as it is told."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import TypeAlias

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from callboard.actors.budgets.actor import BudgetsActor
from callboard.actors.budgets.spec import BudgetSpec
from callboard.messages.accounting import AttemptOpened, BudgetMark, Spending, TellSpending, Write
from callboard.messages.base import Tell
from callboard.messages.budgeting import GiveBack, Granted, ReserveMoney, ResetBudget, SettleMoney
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.usage import Usage
from callboard.runtime.actor import Actor
from callboard.runtime.calendar import Calendar
from callboard.runtime.clock import NEVER
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.mailbox import Lane
from callboard.runtime.ref import Ref
from callboard.runtime.supervision.spec import ActorSpec
from callboard.runtime.system import System

ALL = {"all": BudgetSpec(limit=Decimal(1), per="ever", alerts=(0.5,))}


class Rubbish(Tell, frozen=True):
    """A message that no actor knows."""


class Ledger(Actor):
    """Tells `open` as what is underway, and keeps what it is to write."""

    def __init__(self) -> None:
        self.open: list[AttemptOpened] = []
        self.asked = 0
        self.marks: list[BudgetMark] = []

    def receive(self, message: Message, envelope: Envelope) -> object:
        match message:
            case TellSpending():
                self.asked += 1
                return Spending(rows=(), open=tuple(self.open), marks=tuple(self.marks))
            case Write():
                self.marks += [entry for entry in message.entries if isinstance(entry, BudgetMark)]
        return None


World: TypeAlias = Callable[..., AbstractAsyncContextManager[tuple[Ref, Ledger]]]


@pytest.fixture
def world(tree: Callable[..., AbstractAsyncContextManager[System]]) -> World:
    """The budgets of these specs beside a ledger."""

    @asynccontextmanager
    async def opened_world(specs: dict[str, BudgetSpec] = ALL) -> AsyncIterator[tuple[Ref, Ledger]]:
        ledger = Ledger()

        def children(lookup: Callable[[str], Ref]) -> tuple[ActorSpec, ...]:
            def make() -> BudgetsActor:
                return BudgetsActor(specs, Calendar(), lookup("ledger"), lambda _: False)

            return ActorSpec(name="ledger", factory=lambda: ledger), ActorSpec(name="budgets", factory=make)

        async with tree(children) as system:
            yield system.ref("budgets"), ledger

    return opened_world


async def crash(budgets: Ref) -> None:
    budgets.tell(Rubbish(), lane=Lane.CONTROL)
    await budgets.ask(wish("probe", "0"))


def wish(attempt: str, cost: str) -> ReserveMoney:
    return ReserveMoney(attempt=attempt, provider="p", model="m", tag=None, user=None, cost=Decimal(cost), until=NEVER)


def opened(attempt: str, cost: str) -> AttemptOpened:
    return AttemptOpened(
        id=attempt, call="c", provider="p", model="m", at=0, estimate=Usage(), estimated_cost=Decimal(cost)
    )


async def test_a_new_life_asks_what_is_open_and_takes_no_old_grant_for_its_own(
    autojump_clock: MockClock, world: World
) -> None:
    async with world() as (budgets, ledger):
        first = await budgets.ask(wish("a", "0.6"))
        assert isinstance(first, Granted)
        assert first.incarnation == budgets.snapshot.incarnation
        assert isinstance(await budgets.ask(wish("b", "0.6")), Fault)
        await crash(budgets)
        assert budgets.snapshot.incarnation == first.incarnation + 1
        assert isinstance(await budgets.ask(wish("b", "0.6")), Granted), "a has not opened: it has to ask again"
        ledger.open.append(opened("b", "0.6"))
        await crash(budgets)
        assert isinstance(await budgets.ask(wish("a", "0.6")), Fault), "b is underway"
        budgets.tell(GiveBack("b"), lane=Lane.CONTROL)
        assert isinstance(await budgets.ask(wish("a", "0.6")), Granted)


async def test_alerts_and_resets_are_handed_to_the_ledger(autojump_clock: MockClock, world: World) -> None:
    async with world() as (budgets, ledger):
        await budgets.ask(wish("a", "0.6"))
        budgets.tell(SettleMoney(attempt="a", usage=Usage(), cost=Decimal("0.6")), lane=Lane.CONTROL)
        assert await budgets.ask(ResetBudget("all")) == "all: 1 windows emptied"
        await wait_all_tasks_blocked()
        assert [(mark.told, mark.forgiven.cost) for mark in ledger.marks] == [
            ((Decimal("0.5"),), 0),
            ((), Decimal("0.6")),
        ]
        unknown = await budgets.ask(ResetBudget("al"))
        assert isinstance(unknown, Fault)
        assert unknown.kind is FaultKind.NOT_FOUND


@pytest.mark.parametrize(("specs", "asked"), [({}, 0), (ALL, 1)])
async def test_without_any_budget_nobody_is_asked(
    autojump_clock: MockClock, world: World, specs: dict[str, BudgetSpec], asked: int
) -> None:
    async with world(specs) as (budgets, ledger):
        assert (budgets.snapshot.in_force, ledger.asked) == (bool(specs), asked)
