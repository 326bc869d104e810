import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.orchestrator.hedge import MOST_SAVED, HedgeBudget, HedgeSpec
from callboard.messages.accounting import LatencyRow


@given(st.floats(0.001, 1), st.lists(st.booleans(), max_size=300))
def test_hedges_never_exceed_their_share_of_the_calls(share: float, wanted: list[bool]) -> None:
    budget = HedgeBudget(share)
    hedges = 0
    for calls, want in enumerate(wanted, start=1):
        budget.earn()
        hedges += want and budget.spend()
        assert hedges <= share * calls + 1e-3


def test_a_quiet_time_saves_up_only_a_few() -> None:
    budget = HedgeBudget(0.5)
    for _ in range(1000):
        budget.earn()
    assert sum(budget.spend() for _ in range(1000)) == MOST_SAVED


def row(*buckets: int) -> LatencyRow:
    return LatencyRow(provider="p", model="m", buckets=buckets)


def test_nobody_is_late_before_enough_was_seen() -> None:
    spec = HedgeSpec(min_samples=10)
    assert spec.patience(None) is None
    assert spec.patience(row(9)) is None
    assert spec.patience(row(10)) == 0.001


def test_late_is_what_is_slower_than_the_quantile() -> None:
    assert HedgeSpec(quantile=0.9, min_samples=1).patience(row(0, 9, 0, 0, 1)) == pytest.approx(2**0.25 / 1000)
