"""Which of two attempts a call goes on with."""

from decimal import Decimal

from callboard.actors.orchestrator.hedging import Raced
from callboard.messages.calls import Attempted, Candidate
from callboard.messages.chat import TextPart
from callboard.messages.faults import Fault, FaultKind
from callboard.messages.reply import Answer, AttemptRecord

FIRST, SECOND = Candidate("alpha", "m"), Candidate("beta", "m")
FAULT = Fault(kind=FaultKind.OVERLOADED, message="busy")


def attempted(who: Candidate, *, cost: str, answers: bool = True) -> Attempted:
    record = AttemptRecord(
        provider=who.provider, model=who.model, outcome="ok" if answers else "fault", cost=Decimal(cost)
    )
    if answers:
        return Attempted(record=record, answer=Answer(parts=(TextPart("yes"),), finish_reason=None))
    return Attempted(record=record, fault=FAULT)


def test_whoever_answers_first_has_won() -> None:
    both = {SECOND: attempted(SECOND, cost="1"), FIRST: attempted(FIRST, cost="1")}
    assert Raced(FIRST, SECOND, both, None).won == SECOND
    both = {FIRST: attempted(FIRST, cost="1", answers=False), SECOND: attempted(SECOND, cost="1")}
    assert Raced(FIRST, SECOND, both, None).won == SECOND


def test_where_nobody_answers_the_call_goes_on_from_the_first() -> None:
    both = {who: attempted(who, cost="1", answers=False) for who in (SECOND, FIRST)}
    raced = Raced(FIRST, SECOND, both, None)
    assert raced.won == FIRST
    assert raced.fault(FIRST) == raced.fault(SECOND) == FAULT


def test_whoever_was_cancelled_has_no_fault_and_costs_what_was_cut() -> None:
    raced = Raced(FIRST, SECOND, {SECOND: attempted(SECOND, cost="1")}, Decimal(2))
    assert (raced.fault(FIRST), raced.cost(FIRST), raced.cost(SECOND)) == (None, 2, 1)
