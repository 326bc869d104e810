"""Every cell of the table of the ledger's commits."""

import pytest

from callboard.actors.ledger.commits import TABLE, Event, Phase, step
from callboard.runtime.errors import IllegalStep

P, E = Phase, Event

LEGAL = {
    (P.IDLE, E.CAME): P.LINGERING,
    (P.IDLE, E.PRESSED): P.WRITING,
    (P.LINGERING, E.PRESSED): P.WRITING,
    (P.LINGERING, E.LINGERED): P.WRITING,
    (P.WRITING, E.WRITTEN): P.IDLE,
    (P.WRITING, E.FAILED): P.PAUSING,
    (P.PAUSING, E.PAUSED): P.WRITING,
}
LEFT_AS_IT_IS = {(phase, event) for phase in P for event in (E.CAME, E.PRESSED, E.LINGERED)} - LEGAL.keys()


@pytest.mark.parametrize("phase", P)
@pytest.mark.parametrize("event", E)
def test_every_cell_is_a_step_or_illegal(phase: Phase, event: Event) -> None:
    if (phase, event) in LEGAL:
        assert step(phase, event) is LEGAL[phase, event]
    elif (phase, event) in LEFT_AS_IT_IS:
        assert step(phase, event) is phase
    else:
        with pytest.raises(IllegalStep, match=f"no step for event {event} in state {phase}"):
            step(phase, event)


def test_nothing_that_comes_begins_a_second_commit_or_hastens_one_that_failed() -> None:
    for phase in (P.WRITING, P.PAUSING):
        assert {step(phase, event) for event in (E.CAME, E.PRESSED, E.LINGERED)} == {phase}


def test_every_phase_has_a_row_and_can_be_reached() -> None:
    assert set(TABLE) == set(P)
    reached = {P.IDLE}
    for _ in P:
        reached |= {after for phase in reached for after in TABLE[phase].values()}
    assert reached == set(P)
