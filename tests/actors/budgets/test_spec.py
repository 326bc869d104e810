from decimal import Decimal
from typing import Any

import msgspec
import pytest

from callboard.actors.budgets.spec import BudgetSpec


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"limit": -1}, "`limit`"),
        ({"limit": "NaN"}, "`limit`"),
        ({"limit": "Infinity"}, "`limit`"),
        ({"limit": 1, "alerts": [0.0]}, "`alerts`"),
        ({"limit": 1, "alerts": [1.1]}, "`alerts`"),
        ({"limit": 1, "user": ""}, "names"),
        ({"limit": 1, "per": "week"}, "week"),
        ({"limit": 1, "models": "m"}, "models"),
        ({}, "limit"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(table: dict[str, Any], told: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=told):
        msgspec.convert({"per": "day"} | table, BudgetSpec)


def test_amounts_are_exact_however_they_are_written() -> None:
    for limit in (0.1, "0.1", Decimal("0.1")):
        assert msgspec.convert({"limit": limit, "per": "day"}, BudgetSpec).limit == Decimal("0.1")


def test_alerts_are_in_order_and_without_repeats() -> None:
    assert BudgetSpec(limit=Decimal(1), per="day", alerts=(0.9, 0.5, 0.9)).alerts == (0.5, 0.9)


@pytest.mark.parametrize(
    ("model", "counted"), [("m", True), ("p/m", True), ("q/m", False), ("p", False), ("*", True), (None, True)]
)
def test_a_model_is_named_with_its_provider_or_without(model: str | None, counted: bool) -> None:
    spec = BudgetSpec(limit=Decimal(1), per="day", model=model)
    spent_by = {"provider": "p", "model": "m", "tag": "", "user": ""}
    assert (spec.scope(spent_by) is not None) is counted
