"""The budgets: one decide step reserves in all windows, another puts the real cost in place."""

from collections.abc import Callable, Mapping

from callboard.actors.budgets.decide import Budgets
from callboard.actors.budgets.spec import BudgetSpec
from callboard.actors.budgets.tally import Tally
from callboard.actors.budgets.view import BudgetsView
from callboard.messages.accounting import TellSpending, Write
from callboard.messages.budgeting import (
    ForgetUser,
    GiveBack,
    Granted,
    ReserveMoney,
    ResetBudget,
    SettleMoney,
    TakeOverMoney,
)
from callboard.messages.events import BudgetAlert
from callboard.messages.faults import Fault, FaultKind
from callboard.runtime.actor import Actor
from callboard.runtime.calendar import Calendar
from callboard.runtime.envelope import Envelope, Message
from callboard.runtime.logs import get_logger
from callboard.runtime.mailbox import CONTROL
from callboard.runtime.ref import Ref

_log = get_logger("callboard.budgets")


class BudgetsActor(Actor):
    """`is_open` tells whether the ledger has an attempt open."""

    def __init__(
        self, specs: Mapping[str, BudgetSpec], calendar: Calendar, ledger: Ref, is_open: Callable[[str], bool]
    ) -> None:
        self._specs = specs
        self._ledger = ledger
        self._budgets = Budgets(specs, calendar, is_open)

    async def start(self) -> None:
        """Take up what was spent and what is open; a former life's grants end with the first step of this one."""
        self.me.publish(BudgetsView(self._budgets, self.me.incarnation, self.me.utc, in_force=bool(self._specs)))
        if self._specs:
            spending = await self._ledger.ask(TellSpending(), lane=CONTROL)
            self._tell(self._budgets.recall(spending, self.me.utc()))

    def receive(self, message: Message, envelope: Envelope) -> object:
        """Decide."""
        match message:
            case ReserveMoney():
                return self._reserve(message)
            case SettleMoney():
                self._tell(self._budgets.settle(message, self.me.utc()))
            case TakeOverMoney():
                self._budgets.taken_over(message, self.me.utc())
            case GiveBack():
                self._budgets.give_back(message.attempt)
            case ForgetUser():
                self._budgets.forget(message.user)
            case ResetBudget():
                return self._reset(message.name)
            case _:
                raise TypeError(f"the budgets receive no {type(message).__name__}")
        return None

    def _reserve(self, wish: ReserveMoney) -> Granted | Fault:
        utc = self.me.utc()
        return self._budgets.reserve(wish, self.me.now(), utc) or Granted(self.me.incarnation, utc)

    def _reset(self, name: str) -> str | Fault:
        if name not in self._specs:
            known = ", ".join(self._specs) or "none"
            return Fault(kind=FaultKind.NOT_FOUND, message=f"no budget is named {name!r}; there are: {known}")
        tallies = self._budgets.reset(name, self.me.utc())
        self._write_down(tallies)
        return f"{name}: {len(tallies)} windows emptied"

    def _tell(self, raised: list[tuple[Tally, BudgetAlert]]) -> None:
        for tally, alert in raised:
            self.me.emit(alert)
            _log.warning(
                "the budget %s has spent $%s of $%s in its window %s",
                alert.budget,
                format(alert.spent, "f"),
                format(alert.limit, "f"),
                alert.window,
            )
            self._write_down([tally])

    def _write_down(self, tallies: list[Tally]) -> None:
        marks = tuple(tally.mark(self.me.utc()) for tally in tallies)
        for mark in marks:
            self._budgets.remember(mark)
        if marks:
            self._ledger.tell(Write(marks), lane=CONTROL)
