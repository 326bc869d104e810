"""What the soak's figures are figures of."""

from callboard.bench import soak
from callboard.bench.harness.options import Options


def test_every_figure_has_a_unit_of_its_own_and_none_is_held_against_a_slope_near_zero() -> None:
    with soak.questions(Options(quick=True)) as asked:
        units = {subject.name: question.unit for question in asked for subject in question.subjects}
        assert not any(question.compared for question in asked)
    assert units["chunks received"] == units["plain calls made"] == "a second, while it was read"
    assert units["in flight"] == "streams"
    assert units["the process's own"] == "MB"
