import pytest

from callboard.actors.wires.anthropic_thinking import BUDGETS, understood, version_of
from callboard.messages.request import Effort, Thinking


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("claude-haiku-4-5-20251001", (4, 5)),
        ("claude-3-7-sonnet-latest", (3, 7)),
        ("claude-3-haiku-20240307", (3, 0)),
        ("claude-opus-4-20250514", (4, 0)),
        ("claude-opus-4-7", (4, 7)),
        ("anthropic.claude-sonnet-4-6-v1:0", (4, 6)),
        ("anthropic/claude-opus-4.5", (4, 5)),
        ("claude-opus-5", (5, 0)),
        ("claude-instant", None),
        ("x", None),
    ],
)
def test_a_version_is_read_from_a_models_name(model: str, version: tuple[int, int] | None) -> None:
    assert version_of(model) == version


@pytest.mark.parametrize("effort", BUDGETS)
def test_an_effort_is_a_budget_for_models_that_know_no_effort(effort: Effort) -> None:
    told = Thinking(effort=effort, extra={"display": "omitted"})
    budget = Thinking(budget_tokens=BUDGETS[effort], extra={"display": "omitted"})
    assert understood(told, "claude-haiku-4-5", None) == budget
    assert understood(told, "claude-opus-4-6", None) == told


def test_a_budget_of_ones_own_counts_more_than_an_effort() -> None:
    told = Thinking(effort="low", budget_tokens=9_999)
    assert understood(told, "claude-haiku-4-5", None) == Thinking(budget_tokens=9_999)


@pytest.mark.parametrize(("most", "budget"), [(100_000, 4_096), (4_096, 3_276), (1_200, 1_024), (1_000, 1_024)])
def test_an_efforts_budget_leaves_room_for_the_answer_and_is_never_below_the_fewest(most: int, budget: int) -> None:
    assert understood(Thinking(effort="high"), "claude-haiku-4-5", most) == Thinking(budget_tokens=budget)


@pytest.mark.parametrize(
    ("budget", "effort"), [(1_024, "low"), (2_047, "low"), (2_048, "medium"), (8_000, "high"), (64_000, "xhigh")]
)
def test_a_budget_is_an_effort_for_models_that_know_no_budget(budget: int, effort: Effort) -> None:
    told = Thinking(budget_tokens=budget)
    assert understood(told, "claude-opus-4-7", None) == Thinking(effort=effort)
    assert understood(told, "claude-sonnet-4-6", None) == told


@pytest.mark.parametrize("model", ["claude-haiku-4-5", "claude-opus-5", "of-my-own"])
@pytest.mark.parametrize("thinking", [None, Thinking(), Thinking(effort="none"), Thinking(extra={"type": "adaptive"})])
def test_what_every_model_understands_stays_as_it_is(model: str, thinking: Thinking | None) -> None:
    assert understood(thinking, model, None) == thinking
