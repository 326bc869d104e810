from decimal import Decimal
from typing import Any

import pytest

from callboard.actors.wires.openai_bill import bill_of
from callboard.messages.usage import Bill

BYOK = {"cost": 0.01, "is_byok": True}
ODD: tuple[Any, ...] = (None, "0.5", True, -1, float("nan"), float("inf"), 1e300, [])


@pytest.mark.parametrize(
    ("counts", "cost"),
    [
        ({"cost": 0.00524}, "0.00524"),
        ({"cost": 0}, "0"),
        ({"cost": 1e-7, "is_byok": False, "cost_details": {"upstream_inference_cost": 5}}, "1E-7"),
        (BYOK | {"cost_details": {"upstream_inference_cost": 0.2}}, "0.21"),
    ],
)
def test_the_cost_is_what_the_account_pays_here_and_with_its_own_key_elsewhere(counts: Any, cost: str) -> None:
    assert bill_of(counts, None, dollars=True) == Bill(cost=Decimal(cost))


@pytest.mark.parametrize(
    "counts",
    [
        *({"cost": odd} for odd in ODD),
        BYOK,
        BYOK | {"cost_details": None},
        BYOK | {"cost_details": {"upstream_inference_cost": None}},
        {},
        None,
        "many",
    ],
)
def test_what_is_no_sum_of_money_is_none(counts: Any) -> None:
    assert bill_of(counts, None, dollars=True) is None


def test_a_cost_counts_only_where_it_is_known_to_be_dollars() -> None:
    assert bill_of({"cost": 0.5}, None, dollars=False) is None


def test_ticks_are_dollars_by_their_name_and_none_of_them_is_no_price() -> None:
    assert bill_of({"cost_in_usd_ticks": 37_756_000}, None, dollars=False) == Bill(cost=Decimal("0.0037756"))
    assert bill_of({"cost_in_usd_ticks": 0}, None, dollars=False) is None


@pytest.mark.parametrize(
    ("tier", "priced"),
    [
        *((tier, tier) for tier in ("priority", "fast", "ultrafast", "flex", "scale", "of a later day")),
        *((tier, None) for tier in ("default", "auto", "standard", "on_demand", "", 7)),
    ],
)
def test_a_tier_is_told_where_it_is_not_the_usual_one(tier: Any, priced: str | None) -> None:
    assert bill_of({}, tier, dollars=False) == (None if priced is None else Bill(tier=priced))
