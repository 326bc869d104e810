import json
from typing import Any

import pytest

from callboard.actors.wires.anthropic import AnthropicMessages
from callboard.actors.wires.wire import WireFault
from callboard.messages.chat import ToolCallPart, assistant, tool_result, user
from callboard.messages.request import Request, Sampling, Thinking, Tool, ToolChoice

UNSAMPLED = ("claude-opus-4-7", "claude-sonnet-5", "claude-opus-5", "claude-fable-5", "claude-haiku-5-5")
SAMPLED = ("claude-opus-4-6", "claude-haiku-4-5", "of-my-own")
TOLD = {"temperature", "top_p", "top_k"}
NONE, LOW, BUDGET = Thinking(effort="none"), Thinking(effort="low"), Thinking(budget_tokens=1024)
CALL = ToolCallPart(id="c", name="f")
FORCED = (ToolChoice(mode="required"), ToolChoice(mode="named", name="f"))


def sent(model: str, **members: Any) -> dict[str, Any]:
    request = Request(model="x", **{"messages": (user("hi"),)} | members)
    body: dict[str, Any] = json.loads(AnthropicMessages().encode(request, model, stream=False).body)
    return body


def refused(model: str, **members: Any) -> str:
    with pytest.raises(WireFault) as caught:
        sent(model, **members)
    assert caught.value.fault.kind == "unsupported"
    return caught.value.fault.message


@pytest.mark.parametrize("sampling", [Sampling(temperature=0), Sampling(top_p=0.9), Sampling(top_k=5)])
def test_a_model_that_picks_its_words_by_itself_is_not_told_how(sampling: Sampling) -> None:
    for model in UNSAMPLED:
        assert "since Claude 4.7" in refused(model, sampling=sampling)
    for model in SAMPLED:
        assert TOLD & sent(model, sampling=sampling).keys()


def test_what_asks_for_the_default_is_not_sent_to_a_model_that_picks_its_words_by_itself() -> None:
    default = Sampling(temperature=1, top_p=1, stop=("a",))
    for model in UNSAMPLED:
        body = sent(model, sampling=default)
        assert not TOLD & body.keys()
        assert body["stop_sequences"] == ["a"]


def test_temperature_and_top_p_go_together_to_older_models_alone() -> None:
    both = Sampling(temperature=0.5, top_p=0.5)
    for model in ("claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-sonnet-4-6"):
        assert "at once" in refused(model, sampling=both)
    for model in ("claude-3-haiku-20240307", "claude-sonnet-4-0", "of-my-own"):
        assert sent(model, sampling=both)["top_p"] == 0.5


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("claude-haiku-4-5", LOW),
        ("claude-haiku-4-5", BUDGET),
        ("claude-sonnet-4-6", LOW),
        ("claude-sonnet-4-6", BUDGET),
    ],
)
def test_who_thinks_takes_no_sampling_but_the_default_and_what_is_near_it(model: str, thinking: Thinking) -> None:
    for sampling in (Sampling(temperature=0), Sampling(top_k=5), Sampling(top_p=0.9)):
        assert "beside thinking" in refused(model, sampling=sampling, thinking=thinking)
        assert TOLD & sent(model, sampling=sampling, thinking=NONE).keys()
    assert sent(model, sampling=Sampling(temperature=1), thinking=thinking)["temperature"] == 1
    assert sent(model, sampling=Sampling(top_p=0.95), thinking=thinking)["top_p"] == 0.95


def test_a_model_that_tells_no_version_is_asked() -> None:
    sampling = Sampling(temperature=0, top_p=0.5, top_k=5)
    body = sent("of-my-own", sampling=sampling, thinking=BUDGET, tools=(Tool(name="f"),), tool_choice=FORCED[0])
    assert {"temperature", "top_p", "top_k", "thinking", "tool_choice"} <= body.keys()


def test_thinking_that_is_left_out_forbids_nothing() -> None:
    talk = (user("q"), assistant(CALL), tool_result(CALL, "1"))
    body = sent("claude-haiku-4-5", messages=talk, thinking=LOW, sampling=Sampling(temperature=0))
    assert "thinking" not in body
    assert body["temperature"] == 0


@pytest.mark.parametrize("choice", FORCED)
def test_a_tool_call_is_not_forced_beside_a_thinking_budget(choice: ToolChoice) -> None:
    forced: dict[str, Any] = {"tools": (Tool(name="f"),), "tool_choice": choice}
    assert "thinking budget" in refused("claude-haiku-4-5", thinking=LOW, **forced)
    assert "thinking budget" in refused("claude-opus-4-6", thinking=BUDGET, **forced)
    for model, thinking in (("claude-haiku-4-5", NONE), ("claude-opus-4-6", LOW), ("claude-opus-4-8", LOW)):
        assert sent(model, thinking=thinking, **forced)["tool_choice"]["type"] in ("any", "tool")


@pytest.mark.parametrize("choice", FORCED)
def test_a_tool_call_is_not_forced_from_a_model_that_refuses_it(choice: ToolChoice) -> None:
    tools = (Tool(name="f"),)
    for model in ("claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1", "claude-mythos-5-1"):
        assert "forced" in refused(model, tools=tools, tool_choice=choice)
        assert sent(model, tools=tools, tool_choice=ToolChoice(mode="auto"))["tool_choice"] == {"type": "auto"}
    for model in ("claude-opus-5", "claude-fable-5", "claude-haiku-5-5"):
        assert sent(model, tools=tools, tool_choice=choice)["tool_choice"]["type"] in ("any", "tool")


def test_members_of_the_callers_own_are_not_judged() -> None:
    for model in ("claude-opus-4-7", "claude-haiku-4-5"):
        assert sent(model, thinking=LOW, extra={"temperature": 0})["temperature"] == 0
