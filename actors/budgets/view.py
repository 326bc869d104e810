"""What the budgets publish."""

from collections.abc import Callable

from callboard.actors.budgets.decide import Budgets
from callboard.messages.budgeting import BudgetRow

SHOWN = 20
"""Windows that the status tells; `usage` has them all."""


class BudgetsView:
    """`in_force`: whether there is any budget at all; without one nobody needs to ask.

    A grant holds while `incarnation` is the one that gave it. A new life publishes its own before it asks the ledger
    what is open: so an attempt that opens under the old one is among the answers.
    """

    def __init__(self, budgets: Budgets, incarnation: int, utc: Callable[[], int], *, in_force: bool) -> None:
        self._budgets = budgets
        self._utc = utc
        self.incarnation = incarnation
        self.in_force = in_force

    def rows(self) -> tuple[BudgetRow, ...]:
        """Every current window; may be called from any thread."""
        return self._budgets.rows(self._utc())

    def facts(self) -> dict[str, object]:
        """For the status."""
        return {
            "held": self._budgets.held,
            **{
                f"{row.name} {row.scope}".strip(): f"${row.cost:f} of ${row.limit:f} in {row.window}"
                for row in self.rows()[:SHOWN]
            },
        }
