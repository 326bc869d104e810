from typing import Any

import pytest

from callboard.messages.budgeting import BudgetRow
from callboard.messages.status import MailboxStatus, NodeStatus, Status
from callboard.messages.usage import Cost, Usage
from callboard.simulation.rest import budgets, held


def status(**more: Any) -> Status:
    box = MailboxStatus(queued=0, waiting=0, accepted=7, delivered=5, skipped=1, dropped=1, refused=2)
    actor: dict[str, Any] = {"path": "limits/a", "kind": "actor", "status": "running", "mailbox": box}
    tree = NodeStatus(path="", kind="supervisor", status="running", children=(NodeStatus(**{**actor, **more}),))
    return Status(taken=0, pid=1, version="", uptime=0, tree=tree, dead_letters={})


def test_at_rest_nothing_is_held() -> None:
    assert held(status(facts={"in_flight": 0, "granted": 9})) == []


@pytest.mark.parametrize(
    "more",
    [
        {"running": 1},
        {"deferred": 1},
        {"status": "restarting"},
        {"facts": {"in_flight": 1}},
        {"facts": {"waiting": 1}},
        {"facts": {"open_attempts": 1}},
        {"facts": {"fills": 1}},
        {"mailbox": MailboxStatus(queued=1, waiting=0, accepted=1, delivered=0, skipped=0, dropped=0, refused=0)},
        {"mailbox": MailboxStatus(queued=0, waiting=0, accepted=2, delivered=1, skipped=0, dropped=0, refused=0)},
    ],
)
def test_whatever_is_held_is_told_with_its_place(more: dict[str, Any]) -> None:
    [sentence] = held(status(**more))
    assert sentence.startswith("limits/a")


def budget(**more: Any) -> BudgetRow:
    told: dict[str, Any] = {"reserved": Cost(0), "remaining": Cost(0), "hard": True, **more}
    return BudgetRow(
        name="day",
        scope="",
        window="2026-01-01",
        requests=1,
        usage=Usage(),
        cost=Cost(1),
        unpriced=0,
        limit=Cost(1),
        resets_at=None,
        **told,
    )


def test_money_that_is_set_aside_at_rest_and_a_limit_that_is_passed_are_told() -> None:
    watches = budget(remaining=Cost(-1), hard=False)
    assert list(budgets([budget(), watches])) == []
    told = list(budgets([budget(reserved=Cost(1)), budget(remaining=Cost(-1))]))
    assert ["set aside" in told[0], "were spent" in told[1]] == [True, True]
