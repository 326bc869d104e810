from collections.abc import Callable
from typing import Any

import pytest

from callboard.actors.orchestrator.features import Features, Knowledge, Needs, lacking
from callboard.messages.calls import Candidate
from callboard.messages.chat import ImagePart, user
from callboard.messages.faults import FaultKind
from callboard.messages.request import Request, Sampling, Tool
from callboard.messages.routing import Plan

A, B, C = Candidate("a", "m"), Candidate("b", "m"), Candidate("c", "m")
TOOLS = {"tools": (Tool(name="f"),)}
IMAGE = {"messages": (user(ImagePart(url="https://host/i.png")),)}
LONG = {"messages": (user("word" * 1000),)}


def request(**members: Any) -> Request:
    return Request(**({"model": "x", "messages": (user("Why?"),)} | members))


def unknown(account: str, model: str) -> int | None:
    return None


def knowledge(context: Callable[[str, str], int | None] = unknown, **told: Features) -> Knowledge:
    return Knowledge({Candidate(name, "m"): features for name, features in told.items()}, context)


@pytest.mark.parametrize(
    ("features", "asked", "kind"),
    [
        (Features(tools=False), TOOLS, FaultKind.UNSUPPORTED),
        (Features(tools=False), {}, None),
        (Features(tools=True), TOOLS, None),
        (Features(), TOOLS, None),
        (Features(images=False), IMAGE, FaultKind.UNSUPPORTED),
        (Features(images=False), {}, None),
        (Features(context=900), LONG, FaultKind.CONTEXT_TOO_LONG),
        (Features(context=1100), LONG, None),
        (Features(context=1100), LONG | {"sampling": Sampling(max_tokens=200)}, FaultKind.CONTEXT_TOO_LONG),
        (Features(context=1300), LONG | {"sampling": Sampling(max_tokens=200)}, None),
        (Features(context=1100), LONG | {"extra": {"max_completion_tokens": 200}}, FaultKind.CONTEXT_TOO_LONG),
    ],
)
def test_what_a_model_lacks(features: Features, asked: dict[str, Any], kind: FaultKind | None) -> None:
    fault = lacking(Needs(request(**asked)), features, A)
    assert (None if fault is None else fault.kind) is kind


def test_whoever_does_not_fit_is_left_out_and_the_order_is_kept() -> None:
    plan, unfit = knowledge(b=Features(tools=False)).fitting(request(**TOOLS), Plan((A, B, C), ()))
    assert plan.candidates == (A, C)
    assert [(one.candidate, one.fault.message) for one in unfit] == [(B, "the model takes no tools")]


def test_a_plan_in_which_all_fit_is_left_as_it_is() -> None:
    plan = Plan((A, B), ())
    assert knowledge(b=Features(tools=False)).fitting(request(), plan) == (plan, ())


def test_the_catalogue_knows_contexts_and_the_configuration_comes_first() -> None:
    known = knowledge(lambda account, model: 10, b=Features(context=10_000))
    plan, unfit = known.fitting(request(**LONG), Plan((A, B), ()))
    assert (plan.candidates, unfit[0].fault.kind) == ((B,), FaultKind.CONTEXT_TOO_LONG)


def test_the_catalogue_is_asked_once_for_each_model() -> None:
    asked = []

    def context(account: str, model: str) -> int | None:
        asked.append(account)
        return 100_000

    known = knowledge(context)
    for _ in range(3):
        known.fitting(request(), Plan((A, B), ()))
    assert asked == ["a", "b"]


def test_a_single_model_is_tried_whatever_the_catalogue_says_but_not_against_the_configuration() -> None:
    plan = Plan((A,), ())
    assert knowledge(lambda account, model: 10).fitting(request(**LONG), plan) == (plan, ())
    left, unfit = knowledge(a=Features(context=10)).fitting(request(**LONG), plan)
    assert (left.candidates, len(unfit)) == ((), 1)


def test_where_the_context_is_too_short_its_chain_comes_first() -> None:
    chains = {FaultKind.CONTEXT_TOO_LONG: (C,)}
    known = knowledge(a=Features(context=10))
    plan, unfit = known.fitting(request(**LONG), Plan((A, B), (), chains))
    assert (plan.candidates, len(unfit)) == ((C, B), 1)
    assert known.fitting(request(), Plan((A, B), (), chains))[0].candidates == (A, B)


def test_a_chain_holds_nobody_who_does_not_fit() -> None:
    chains = {FaultKind.OVERLOADED: (B, C)}
    plan, _ = knowledge(b=Features(tools=False)).fitting(request(**TOOLS), Plan((A,), (), chains))
    assert plan.chains == {FaultKind.OVERLOADED: (C,)}
