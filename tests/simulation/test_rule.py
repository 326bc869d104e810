from typing import Any

import pytest

from callboard.messages.accounting import AttemptOpened, AttemptSettled, CircuitRecord
from callboard.messages.faults import FaultKind
from callboard.messages.usage import Cost, Usage
from callboard.simulation.rule import SOON, Rule


@pytest.fixture
def rule(found: list[str]) -> Rule:
    return Rule(found.append)


def attempt(rule: Rule, at: int, outcome: Any = "fault", fault: FaultKind | None = FaultKind.SERVER) -> None:
    rule.follow(
        [
            AttemptOpened(id="1", call="c", provider="a", model="m", at=at, estimate=Usage(), estimated_cost=None),
            AttemptSettled(
                id="1",
                call="c",
                provider="a",
                model="m",
                at=at + 1,
                outcome=outcome,
                fault=fault if outcome == "fault" else None,
                usage=Usage(),
                cost=Cost(0),
                estimated=False,
                duration=1,
            ),
        ]
    )


def circuit(rule: Rule, at: int, after: str, key: str = "endpoint m") -> None:
    rule.follow([CircuitRecord(provider="a", key=key, at=at, before="", after=after, retry_at=0, openings=1)])


@pytest.mark.parametrize(
    ("fault", "key"),
    [(FaultKind.SERVER, "endpoint m"), (FaultKind.CONNECTION, "endpoint"), (FaultKind.OVERLOADED, "endpoint m")],
)
def test_five_faults_in_a_row_must_open_the_circuit(rule: Rule, found: list[str], fault: FaultKind, key: str) -> None:
    for number in range(1, 6):
        attempt(rule, number, fault=fault)
    circuit(rule, 7, "open", key)
    attempt(rule, 10 * SOON)
    assert found == []
    circuit(rule, 11 * SOON, "closed", key)
    for number in range(1, 6):
        attempt(rule, 12 * SOON + number, fault=fault)
    attempt(rule, 20 * SOON, "ok")
    assert [key in sentence for sentence in found] == [True]


def test_a_success_between_them_begins_anew_and_a_cancelled_one_says_nothing(rule: Rule, found: list[str]) -> None:
    for number, outcome in enumerate(["fault"] * 4 + ["cancelled", "ok"] + ["fault"] * 4, 1):
        attempt(rule, number, outcome)
    attempt(rule, 10 * SOON, "cancelled")
    assert found == []


@pytest.mark.parametrize("fault", [FaultKind.RATE_LIMITED, FaultKind.UNAUTHORIZED, FaultKind.INVALID_REQUEST])
def test_what_is_nobodys_fault_opens_nothing(rule: Rule, found: list[str], fault: FaultKind) -> None:
    for number in range(1, 20):
        attempt(rule, number, fault=fault)
    attempt(rule, 10 * SOON)
    assert found == []


def test_a_provider_that_started_anew_knows_nothing_of_before(rule: Rule, found: list[str]) -> None:
    for number in range(1, 5):
        attempt(rule, number)
    rule.started("a", 5)
    attempt(rule, 6)
    attempt(rule, 10 * SOON, "ok")
    assert found == []
