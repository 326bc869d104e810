from decimal import Decimal

import pytest

from callboard.messages.calls import Allowance, Candidate
from callboard.messages.usage import Cost


@pytest.mark.parametrize(
    ("money", "cost", "left"),
    [
        (Decimal(1), Decimal("0.25"), Decimal("0.75")),
        (Decimal(1), Decimal(2), Decimal(-1)),
        (Decimal(1), None, Decimal(1)),
        (None, Decimal(2), None),
    ],
)
def test_an_attempt_takes_itself_and_its_cost_from_the_allowance(
    money: Cost | None, cost: Cost | None, left: Cost | None
) -> None:
    before = Allowance(attempts=3, deadline=9, money=money)
    assert before.after(cost) == Allowance(attempts=2, deadline=9, money=left)
    assert before.attempts == 3


def test_a_candidate_is_written_as_it_is_called() -> None:
    assert str(Candidate("p", "some/model")) == "p/some/model"
