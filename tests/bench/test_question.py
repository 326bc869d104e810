"""How samples become an answer."""

from collections.abc import Callable

import msgspec
import pytest

from callboard.bench.harness.question import Goal, Missing, Question, Subject, answer


def counted(taken: list[str], name: str, *samples: float) -> Subject:
    """A subject that notes whose turn it was."""
    left = list(samples)

    def sample() -> float:
        taken.append(name)
        return left.pop(0)

    return Subject(name, sample)


def missing() -> float:
    raise Missing("it is not installed")


def question(*subjects: Subject, goals: tuple[Goal, ...] = ()) -> Question:
    return Question(name="q", asks="how?", unit="us", subjects=subjects, goals=goals)


def test_samples_are_taken_in_turn() -> None:
    taken: list[str] = []
    answer(question(counted(taken, "a", 1, 1), counted(taken, "b", 2, 2)), rounds=2)
    assert taken == ["a", "b", "a", "b"]


def test_median_spread_and_ratio_are_those_of_the_samples() -> None:
    found = answer(question(counted([], "a", 1, 2, 9), counted([], "b", 4, 4, 4)), rounds=3)
    assert (found.median("a"), found.spread("a"), found.ratio("b")) == (2, 2, 2)
    assert found.ratio("a", "b") == 0.5


def test_a_ratio_is_the_median_of_the_rounds_own_and_a_goal_tells_between_what_they_lie() -> None:
    goal = Goal(subject="a", against="b", at_most=0.5)
    found = answer(question(counted([], "a", 1, 20, 3), counted([], "b", 2, 10, 4), goals=(goal,)), rounds=3)
    (verdict,) = found.verdicts
    assert (verdict.value, verdict.between, verdict.met) == (0.75, (0.5, 2), False)


def test_what_is_not_compared_has_no_reference_but_may_be_asked_for_a_ratio() -> None:
    asked = msgspec.structs.replace(question(counted([], "a", 2), counted([], "b", 4)), compared=False)
    found = answer(asked, rounds=1)
    assert (found.reference, found.ratio("b"), found.ratio("b", "a")) == (None, None, 2)


def test_a_subject_that_cannot_be_measured_is_reported_with_its_reason() -> None:
    found = answer(question(counted([], "a", 1, 1), Subject("b", missing)), rounds=2)
    assert found.missing == {"b": "it is not installed"}
    assert "b" not in found.samples


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal(subject="a", against="b", at_most=0.5), 0.5, True),
        (Goal(subject="a", against="b", at_most=0.4), 0.5, False),
        (Goal(subject="a", at_most=3), 2, True),
        (Goal(subject="a", at_least=3), 2, False),
        (Goal(subject="a", against="gone", at_most=1), None, None),
    ],
)
def test_a_goal_is_held_against_a_ratio_or_a_median(goal: Goal, value: float | None, met: bool | None) -> None:
    found = answer(
        question(counted([], "a", 2), counted([], "b", 4), Subject("gone", missing), goals=(goal,)), rounds=1
    )
    (verdict,) = found.verdicts
    assert (verdict.value, verdict.met) == (value, met)


def test_a_goal_that_is_not_judged_is_neither_met_nor_missed() -> None:
    goals = (Goal(subject="a", at_most=3), Goal(subject="a", at_most=1))
    found = answer(question(counted([], "a", 2), goals=goals), rounds=1, judge=False)
    assert [(verdict.value, verdict.met, verdict.judged) for verdict in found.verdicts] == [(2, None, False)] * 2


def test_a_spread_takes_two_samples_and_has_no_sign() -> None:
    found = answer(question(counted([], "a", -1, -3), counted([], "b", 4, 4)), rounds=2)
    assert (found.spread("a"), found.spread("b")) == (0.5, 0)
    assert answer(question(counted([], "a", 4)), rounds=1).spread("a") is None


def test_a_goal_for_always_is_missed_by_one_sample() -> None:
    goals = (Goal(subject="a", at_most=0, always=True), Goal(subject="a", at_least=1, always=True))
    found = answer(question(counted([], "a", 0, 0, 1), goals=goals), rounds=3)
    assert [(verdict.value, verdict.met) for verdict in found.verdicts] == [(1, False), (0, False)]


def test_what_is_asked_once_has_one_sample_whatever_the_rounds() -> None:
    once = msgspec.structs.replace(question(counted([], "a", 5)), once=True)
    found = answer(once, rounds=3)
    assert (found.samples, found.settings["rounds"]) == ({"a": (5,)}, 1)


@pytest.mark.parametrize("wrong", [lambda: Goal(subject="a"), lambda: Goal(subject="a", at_most=1, at_least=1)])
def test_a_goal_has_one_bound(wrong: Callable[[], Goal]) -> None:
    with pytest.raises(ValueError, match="one of"):
        wrong()


@pytest.mark.parametrize("goal", [Goal(subject="b", at_most=1), Goal(subject="a", against="b", at_most=1)])
def test_a_goal_is_for_subjects_of_its_question(goal: Goal) -> None:
    with pytest.raises(ValueError, match="for 'b', which is no subject"):
        question(counted([], "a", 1), goals=(goal,))


def test_each_subject_has_a_name_of_its_own() -> None:
    with pytest.raises(ValueError, match="have one name"):
        question(counted([], "a", 1), counted([], "a", 2))


def test_a_goal_is_told_in_its_unit_and_a_speed_as_one_of_a_machine() -> None:
    goals = (
        Goal(subject="a", at_most=3),
        Goal(subject="a", against="b", at_most=1),
        Goal(subject="a", at_least=0, always=True),
    )
    asked = question(counted([], "a", 2), counted([], "b", 4), goals=goals)

    def verdicts(unit: str) -> list[tuple[str, bool]]:
        subjects = (counted([], "a", 2), counted([], "b", 4))
        found = answer(msgspec.structs.replace(asked, unit=unit, subjects=subjects), rounds=1)
        return [(verdict.goal, verdict.machine) for verdict in found.verdicts]

    assert verdicts("us of CPU") == [
        ("<= 3 us of CPU", True),
        ("<= 1 of b", False),
        (">= 0 us of CPU, always", True),
    ]
    assert verdicts("records lost")[0] == ("<= 3 records lost", False)


def test_a_goal_for_always_is_in_the_unit() -> None:
    with pytest.raises(ValueError, match="not `against`"):
        Goal(subject="a", against="b", at_most=1, always=True)
