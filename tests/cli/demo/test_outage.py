import msgspec
import pytest

from callboard.cli.demo.outage import LONGEST, Outage, Phase, Seen

PLANNED = 90
QUIET = Seen(now=0.0, ended=0, opened=False, closed=True)


def seen(**changes: float | bool) -> Seen:
    return msgspec.structs.replace(QUIET, **changes)


def reached(phase: Phase) -> Outage:
    """An outage that has just entered this phase, in a run in which all goes well."""
    outage = Outage(PLANNED)
    for step in (
        seen(now=1.0, ended=30),
        seen(now=3.0, ended=60, opened=True, closed=False),
        seen(now=5.0, ended=80, opened=True),
    ):
        if outage.phase is not phase:
            outage.step(step)
    assert outage.phase is phase
    return outage


def test_a_run_in_which_all_goes_well_passes_every_phase_once() -> None:
    outage = Outage(PLANNED)
    story = [
        (seen(now=0.9, ended=29), None),
        (seen(now=1.0, ended=30), Phase.DOWN),
        (seen(now=1.5, ended=80, opened=True, closed=False), None),  # too short an outage
        (seen(now=2.5, ended=48, opened=True, closed=False), None),  # too few calls
        (seen(now=2.5, ended=80), None),  # nobody has noticed
        (seen(now=2.5, ended=50, opened=True, closed=False), Phase.BACK),
        (seen(now=3.0, ended=70, opened=True, closed=False), None),
        (seen(now=4.0, ended=80, opened=True), Phase.OVER),
        (seen(now=99.0, ended=90, opened=True), None),
    ]
    assert [outage.step(step) for step, _ in story] == [phase for _, phase in story]


@pytest.mark.parametrize(
    ("phase", "after", "stuck"),
    [(Phase.DOWN, Phase.BACK, seen(ended=90)), (Phase.BACK, Phase.OVER, seen(ended=90, opened=True, closed=False))],
)
def test_no_phase_is_waited_for_without_end(phase: Phase, after: Phase, stuck: Seen) -> None:
    outage = reached(phase)
    assert outage.step(msgspec.structs.replace(stuck, now=10.0)) is None
    assert outage.step(msgspec.structs.replace(stuck, now=10.0 + LONGEST - 0.1)) is None
    assert outage.step(msgspec.structs.replace(stuck, now=10.0 + LONGEST)) is after


def test_while_planned_calls_go_on_it_is_waited_however_slow_the_machine() -> None:
    outage = reached(Phase.DOWN)
    assert outage.step(seen(now=10_000.0, ended=89)) is None


def test_a_circuit_that_never_opened_is_not_taken_for_one_that_closed() -> None:
    assert reached(Phase.BACK).step(seen(now=6.0, ended=90)) is None
