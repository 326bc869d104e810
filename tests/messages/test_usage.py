from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.messages.usage import Cost, Usage, add_costs

counts = st.integers(0, 10**9)
usages = st.builds(Usage, input=counts, cached_read=counts, cache_write=counts, output=counts, reasoning=counts)


@given(usages)
def test_the_partitions_never_overlap(usage: Usage) -> None:
    parts = (usage.input, usage.cached_read, usage.cache_write, usage.output, usage.reasoning)
    assert usage.total == sum(parts) == usage.input_total + usage.output_total


@given(usages, usages)
def test_sums_are_by_partition(one: Usage, other: Usage) -> None:
    added = one + other
    assert all(getattr(added, name) == getattr(one, name) + getattr(other, name) for name in Usage.__struct_fields__)
    assert sum([one, other], Usage()) == added


@pytest.mark.parametrize(
    ("left", "right", "cost"),
    [
        (Decimal(1), Decimal(2), Decimal(3)),
        (None, Decimal(2), None),
        (Decimal(1), None, None),
        (None, None, None),
        (Decimal(0), None, None),
        (Decimal(0), Decimal(2), Decimal(2)),
    ],
)
def test_an_unknown_cost_makes_the_sum_unknown_and_a_free_one_does_not(
    left: Cost | None, right: Cost | None, cost: Cost | None
) -> None:
    assert add_costs(left, right) == cost
