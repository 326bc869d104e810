"""One budget's window: what it has spent, what is set aside, and what that means."""

from datetime import UTC, datetime
from decimal import Decimal

from callboard.actors.budgets.spec import BudgetSpec, Scope
from callboard.messages.accounting import BudgetMark, Spent
from callboard.messages.budgeting import BudgetRow
from callboard.messages.events import BudgetAlert
from callboard.messages.usage import Cost
from callboard.runtime.calendar import EVER, Window

ZERO = Cost(0)


class Tally:
    """Changes with each reservation and each settlement. Money is in US dollars."""

    def __init__(self, name: str, spec: BudgetSpec, scope: Scope, window: Window) -> None:
        self.name = name
        self.spec = spec
        self.scope = scope
        self.window = window
        self.spent = Spent()
        self.forgiven = Spent()
        """The part of it that was spent before the last reset."""
        self.reserved = ZERO
        self.told: tuple[Cost, ...] = ()
        self._thresholds = {share: spec.limit * Decimal(str(share)) for share in spec.alerts}

    @property
    def cost(self) -> Cost:
        """What was spent since the last reset."""
        return self.spent.cost - self.forgiven.cost

    @property
    def remaining(self) -> Cost:
        """What may still be set aside."""
        return self.spec.limit - self.cost - self.reserved

    def refusal(self, cost: Cost | None) -> str | None:
        """Why an attempt of this cost is refused; None when it is not. What is free always fits."""
        if not self.spec.hard or cost == 0:
            return None
        if cost is None:
            if self.spec.unknown_price == "allow":
                return None
            return (
                f"the budget {self._named} is in force, and no price is known; "
                'give it one under [prices], or the budget unknown_price = "allow"'
            )
        if cost <= self.remaining:
            return None
        left = max(self.remaining, ZERO)
        return (
            f"the budget {self._named} has ${left:f} left of ${self.spec.limit:f}, and this may cost ${cost:f}; "
            f"{self._until}, or until `callboard budget {self.name} reset`"
        )

    def alerts(self, at: int) -> list[BudgetAlert]:
        """The thresholds that were reached and not told yet; they count as told from now on."""
        cost = self.cost
        reached = {share: bound for share, bound in self._thresholds.items() if cost > 0 and cost >= bound}
        fresh = {share: bound for share, bound in reached.items() if bound not in self.told}
        self.told += tuple(fresh.values())
        return [self._alert(share, at) for share in fresh]

    def reset(self) -> None:
        """Forget what was spent. What is underway stays set aside, and will count."""
        self.forgiven = self.spent
        self.told = ()

    def clear(self) -> None:
        """As new, but for what is underway."""
        self.spent = self.forgiven = Spent()
        self.told = ()

    def recall(self, mark: BudgetMark) -> None:
        """What an earlier life told and forgave."""
        self.told, self.forgiven = mark.told, mark.forgiven

    def check(self) -> None:
        """Forgive nothing when less is known to be spent than was forgiven: the ledger has lost or trimmed some."""
        if self.forgiven.cost > self.spent.cost or self.forgiven.attempts > self.spent.attempts:
            self.forgiven = Spent()

    def mark(self, at: int) -> BudgetMark:
        """What a later life is to know."""
        return BudgetMark(
            counts=self.spec.counts(self.name, self.scope),
            starts=self.window.starts,
            at=at,
            user=self.user,
            told=self.told,
            forgiven=self.forgiven,
        )

    @property
    def user(self) -> str | None:
        """The one user whom it counts; None: all."""
        return dict(self.scope).get("user", self.spec.user)

    @property
    def resets_at(self) -> int | None:
        """UTC nanoseconds; None: never."""
        return None if self.window == EVER else self.window.ends

    @property
    def scope_name(self) -> str:
        """`user=alice`, for a person; empty when the budget has but one window."""
        return ", ".join(f"{selector}={value}" for selector, value in self.scope)

    def row(self) -> BudgetRow:
        """As others see it."""
        return BudgetRow(
            name=self.name,
            scope=self.scope_name,
            window=self.window.name,
            requests=self.spent.attempts - self.forgiven.attempts,
            usage=self.spent.usage - self.forgiven.usage,
            cost=self.cost,
            reserved=self.reserved,
            unpriced=self.spent.unpriced - self.forgiven.unpriced,
            limit=self.spec.limit,
            remaining=self.remaining,
            hard=self.spec.hard,
            resets_at=self.resets_at,
        )

    @property
    def _named(self) -> str:
        return f"{self.name!r} ({self.scope_name})" if self.scope else repr(self.name)

    @property
    def _until(self) -> str:
        if self.resets_at is None:
            return "it holds for ever"
        return f"it holds until {datetime.fromtimestamp(self.resets_at // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def _alert(self, share: float, at: int) -> BudgetAlert:
        return BudgetAlert(
            at=at,
            budget=self.name,
            scope=self.scope_name,
            window=self.window.name,
            share=share,
            spent=self.cost,
            limit=self.spec.limit,
            resets_at=self.resets_at,
        )
