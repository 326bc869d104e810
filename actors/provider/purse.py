"""What one provider's attempts set aside in the budgets. Without any budget nobody is asked."""

from callboard.actors.provider.account import Account
from callboard.actors.provider.progress import Progress
from callboard.messages.budgeting import GiveBack, ReserveMoney, SettleMoney, TakeOverMoney
from callboard.messages.faults import Fault, FaultKind
from callboard.runtime.actor import Me
from callboard.runtime.clock import NEVER, ns
from callboard.runtime.mailbox import CONTROL
from callboard.runtime.ref import Ref

GRACE = ns(60)
"""Nanoseconds after its deadline in which an attempt has certainly told how it ended."""


class Purse:
    """Asks before an attempt, tells after it."""

    def __init__(self, account: Account, me: Me, budgets: Ref) -> None:
        self._account = account
        self._patience = ns(account.timeouts.permit)
        self._me = me
        self._budgets = budgets

    async def reserve(self, progress: Progress, deadline: int) -> Fault | None:
        """Set the attempt's estimated cost aside. The Fault says what has not so much left."""
        attempt, account = progress.attempt, self._account
        progress.estimated_cost = account.price(account.name, attempt.model, progress.estimate, None)
        unaffordable = self._beyond_the_call(progress)
        if unaffordable is not None or not self._budgets.snapshot.in_force:
            return unaffordable
        payer = progress.payer
        wish = ReserveMoney(
            attempt=attempt.id,
            provider=account.name,
            model=attempt.model,
            tag=payer.tag,
            user=payer.user,
            cost=progress.estimated_cost,
            until=self._until(deadline),
        )
        reply = await self._budgets.ask(wish)
        if isinstance(reply, Fault):
            return reply
        progress.granted = reply
        if progress.payer != payer:
            self.taken_over(progress)
        return None

    def taken_over(self, progress: Progress) -> None:
        """The attempt has another payer: what is set aside for it is so too."""
        if progress.granted is not None:
            payer = progress.payer
            over = TakeOverMoney(attempt=progress.attempt.id, tag=payer.tag, user=payer.user)
            self._budgets.tell(over, lane=CONTROL)

    async def renew(self, progress: Progress, deadline: int) -> Fault | None:
        """Right before the attempt opens: ask anew if the budgets have begun a new life since."""
        while progress.granted is not None and progress.granted.incarnation != self._budgets.snapshot.incarnation:
            progress.granted = None
            fault = await self.reserve(progress, deadline)
            if fault is not None:
                return fault
        return None

    def settle(self, progress: Progress) -> None:
        """The attempt has ended: what it cost takes the place of what was set aside."""
        if progress.granted is None:
            return
        if progress.granted.incarnation != self._budgets.snapshot.incarnation:
            self.taken_over(progress)  # a new life knows it from the ledger, by whom it began for
        progress.granted = None
        end = SettleMoney(
            attempt=progress.attempt.id,
            usage=progress.settled.usage,
            cost=progress.settled.cost,
            fault=progress.outcome == "fault",
            estimated=progress.settled.estimated,
        )
        self._budgets.tell(end, lane=CONTROL)

    def give_back(self, progress: Progress) -> None:
        """The attempt was not made; nothing to do after `settle`."""
        if progress.granted is not None:
            progress.granted = None
            self._budgets.tell(GiveBack(progress.attempt.id), lane=CONTROL)

    def _until(self, deadline: int) -> int:
        latest = max(deadline, self._me.now() + self._patience)
        return min(latest, NEVER - GRACE) + GRACE

    def _beyond_the_call(self, progress: Progress) -> Fault | None:
        """Whether this may cost more than the call's own bound on money leaves."""
        money, cost = progress.attempt.money, progress.estimated_cost
        if money is None or (cost is not None and cost <= money):
            return None
        told = "no price is known" if cost is None else f"it may cost ${cost:f}"
        message = f"the call's own bound on money leaves ${money:f}, and {told}"
        return Fault(kind=FaultKind.BUDGET, message=message, provider=self._account.name, model=progress.attempt.model)
