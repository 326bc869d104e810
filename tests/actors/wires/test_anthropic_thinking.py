import pytest

from callboard.actors.wires.anthropic_thinking import BUDGETS, understood, version_of, with_room
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
    assert understood(told, "claude-opus-4-7", None) == told


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


def test_an_effort_that_a_model_does_not_know_is_the_next_lower_one() -> None:
    told = Thinking(effort="xhigh", extra={"display": "omitted"})
    assert understood(told, "claude-sonnet-4-6", None) == Thinking(effort="high", extra={"display": "omitted"})
    assert understood(told, "claude-opus-4-7", None) == told
    assert understood(Thinking(effort="low"), "claude-sonnet-4-6", None) == Thinking(effort="low")


@pytest.mark.parametrize(
    "model",
    [
        "claude-opus-5-5",
        "claude-opus-6",
        "claude-fable-5",
        "claude-fable-5-1",
        "claude-mythos-5",
        "claude-mythos-preview",
    ],
)
def test_a_model_that_always_thinks_thinks_little_in_place_of_not_at_all(model: str) -> None:
    assert understood(Thinking(effort="none"), model, None) == Thinking(effort="low")


def test_a_model_that_may_think_between_tools_alone_does_so_in_place_of_not_at_all() -> None:
    told = Thinking(effort="none", extra={"display": "omitted"})
    between = Thinking(extra={"type": "between_tools", "display": "omitted"})
    assert understood(told, "claude-sonnet-5-5", None) == between
    for model in ("claude-sonnet-5", "claude-haiku-5-5", "claude-sonnet-4-5"):
        assert understood(told, model, None) == told


@pytest.mark.parametrize("model", ["claude-haiku-4-5", "claude-opus-5", "of-my-own"])
@pytest.mark.parametrize("thinking", [None, Thinking(), Thinking(effort="none"), Thinking(extra={"type": "adaptive"})])
def test_what_every_model_understands_stays_as_it_is(model: str, thinking: Thinking | None) -> None:
    assert understood(thinking, model, None) == thinking


@pytest.mark.parametrize("given", ["abc", [5], None, 2.5])
def test_a_budget_that_is_no_number_is_left_to_the_server(given: object) -> None:
    assert with_room(4_096, None, {"type": "enabled", "budget_tokens": given}, "claude-opus-4-5") == 4_096
