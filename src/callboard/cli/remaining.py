"""What is left of the budgets of `callboard.toml` when no runtime can be asked: from the sums on disk."""

import time
from pathlib import Path

from callboard import config as configuration
from callboard.actors.budgets.decide import Budgets
from callboard.cli.place import CONFIGURATION, store_path
from callboard.messages.accounting import Spending
from callboard.messages.budgeting import BudgetRow


def remaining(store: Path, spending: Spending) -> tuple[BudgetRow, ...]:
    """Every current window; none for a store that is not the configuration's. Raises ConfigError."""
    if not CONFIGURATION.exists() or store != store_path(None):
        return ()
    config, now = configuration.decode(CONFIGURATION), time.time_ns()
    budgets = Budgets(config.budgets, config.calendar.calendar())
    budgets.recall(spending, now)
    return budgets.rows(now)
