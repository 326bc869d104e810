from typing import Any

import msgspec
import pytest

import callboard
from callboard.asking import Options, build
from callboard.errors import CallboardError, InvalidRequest
from callboard.messages.chat import ChatMessage, assistant, system, user
from callboard.messages.request import CacheControl, Output, Request, Sampling, Thinking, Tool, ToolChoice

TOOL = Tool(name="look")
GIVEN: dict[str, tuple[Any, Any]] = {
    "tools": ([TOOL], (TOOL,)),
    "tool_choice": ("required", ToolChoice(mode="required")),
    "parallel_tool_calls": (False, False),
    "output": (Output(kind="json"), Output(kind="json")),
    "thinking": ("low", Thinking(effort="low")),
    "user": ("ann", "ann"),
    "tag": ("search", "search"),
    "metadata": ({"a": "b"}, {"a": "b"}),
    "priority": ("critical", "critical"),
    "cache": ("off", CacheControl(use="off")),
    "wait": (True, True),
    "keep_raw": (True, True),
    "extra": ({"service_tier": "flex"}, {"service_tier": "flex"}),
}
"""What is written, and what it becomes."""
SAMPLED: dict[str, tuple[Any, Any]] = {
    "max_tokens": (5, 5),
    "temperature": (0.5, 0.5),
    "top_p": (0.5, 0.5),
    "top_k": (5, 5),
    "min_p": (0.5, 0.5),
    "seed": (5, 5),
    "stop": ("x", ("x",)),
    "presence_penalty": (0.5, 0.5),
    "frequency_penalty": (0.5, 0.5),
    "logprobs": (True, True),
    "top_logprobs": (5, 5),
}


def asked(**options: Any) -> Request:
    return build("Why?", "p/m", **options)


@pytest.mark.parametrize(
    ("prompt", "messages"),
    [
        ("Why?", (user("Why?"),)),
        (user("Why?"), (user("Why?"),)),
        ([user("Why?"), assistant("So.")], (user("Why?"), assistant("So."))),
        ((user("Why?"),), (user("Why?"),)),
    ],
)
def test_a_prompt_is_text_or_messages(prompt: Any, messages: tuple[ChatMessage, ...]) -> None:
    assert build(prompt, "p/m") == Request(model="p/m", messages=messages)


def test_every_option_is_proven_here() -> None:
    assert Options.__annotations__.keys() == GIVEN.keys() | SAMPLED.keys() | {"system"}
    assert SAMPLED.keys() == set(Sampling.__struct_fields__)


@pytest.mark.parametrize("name", GIVEN)
def test_an_option_reaches_the_request(name: str) -> None:
    written, becomes = GIVEN[name]
    more = {} if name not in ("tool_choice", "parallel_tool_calls") else {"tools": [TOOL]}
    assert getattr(asked(**{name: written}, **more), name) == becomes


@pytest.mark.parametrize("name", SAMPLED)
def test_a_sampling_option_reaches_the_request(name: str) -> None:
    written, becomes = SAMPLED[name]
    more = {} if name != "top_logprobs" else {"logprobs": True}
    assert getattr(asked(**{name: written}, **more).sampling, name) == becomes


@pytest.mark.parametrize("name", Options.__annotations__)
def test_an_option_that_is_none_is_as_if_left_out(name: str) -> None:
    assert asked(**{name: None}) == asked()


def test_instructions_come_first() -> None:
    assert asked(system="Be brief.").messages == (system("Be brief."), user("Why?"))


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("auto", ToolChoice(mode="auto")),
        ("none", ToolChoice(mode="none")),
        ("look", ToolChoice(mode="named", name="look")),
        (ToolChoice(mode="required"), ToolChoice(mode="required")),
    ],
)
def test_a_tool_choice_may_be_a_word_or_the_tools_name(written: Any, becomes: ToolChoice) -> None:
    assert asked(tools=[TOOL], tool_choice=written).tool_choice == becomes


def test_stops_may_be_several() -> None:
    assert asked(stop=["a", "b"]).sampling.stop == ("a", "b")


def test_a_request_is_taken_as_it_is() -> None:
    request = Request(model="p/m", messages=(user("Why?"),), tag="search")
    assert build(request, None) is not None
    assert build(request, None) == request


def test_options_change_a_request_and_leave_the_rest_of_it() -> None:
    request = Request(model="p/m", messages=(user("Why?"),), tag="search", sampling=Sampling(seed=1, top_p=0.5))
    changed = build(request, "p/n", top_p=0.9, system="Be brief.", user="ann")
    assert changed == msgspec.structs.replace(
        request,
        model="p/n",
        messages=(system("Be brief."), user("Why?")),
        sampling=Sampling(seed=1, top_p=0.9),
        user="ann",
    )


@pytest.mark.parametrize("name", ["temprature", "messages", "model_", "sampling", "n"])
def test_an_unknown_option_is_named(name: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"^{name}: no such option"):
        asked(**{name: 1})
    unknown: Any = {name: 1}
    with pytest.raises(InvalidRequest, match=rf"^{name}: no such option"):
        build(Request(model="p/m", messages=(user("Why?"),)), None, **unknown)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("max_completion_tokens", "say max_tokens"),
        ("max_output_tokens", "say max_tokens"),
        ("max_retries", "say attempts"),
        ("store", r"provider-specific ones go into extra=\{\.\.\.\}"),
        ("stop_sequences", "say stop"),
        ("response_format", r"say output=callboard\.Output\(\.\.\.\)"),
        ("reasoning_effort", "say thinking"),
        ("stream", r"call board\.stream\(\.\.\.\)"),
        ("hedge", "only plain calls are hedged"),
        ("buffer", "only streams are buffered"),
        ("temprature", r"did you mean temperature\?"),
        ("timout", r"did you mean timeout\?"),
        ("attempt", r"did you mean attempts\?"),
        ("safety_settings", r"provider-specific ones go into extra=\{\.\.\.\}"),
    ],
)
def test_what_other_libraries_call_an_option_and_what_is_misspelt_is_told_its_name_here(name: str, hint: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{name}: no such option; {hint}$"):
        asked(**{name: 1})


@pytest.mark.parametrize("name", ["text", "json"])
def test_an_output_may_be_a_word(name: Any) -> None:
    assert asked(output=name).output == Output(kind=name)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"output": "yaml"}, "^output.kind: expected one of text, json, schema"),
        ({"output": "schema"}, "^output.schema: is needed"),
        ({"output": {"type": "json_object"}}, "^output: expected Output, got a dict"),
        ({"tools": [{"type": "function"}]}, r"^tools\[0\]: expected Tool, got a dict; callboard.Tool\(name="),
        ({"tools": 5}, "^tools: expected several"),
        ({"tools": TOOL}, "^tools: expected several"),
        ({"tools": [5]}, r"^tools\[0\]: expected Tool, got an int; callboard.Tool"),
        ({"stop": 5}, "^stop: expected several"),
        ({"stop": [5]}, r"^sampling.stop\[0\]"),
        ({"system": 5}, "^system: expected a string, got an int"),
        ({"stop": b"x"}, "^stop: expected several, in a list or tuple, got a bytes"),
        ({"tools": {"a": TOOL}}, "^tools: expected several, in a list or tuple, got a dict"),
        ({"extra": {"a": ValueError()}}, "^extra.a: expected what JSON can hold, got a ValueError"),
        ({"cache": True}, "^cache: expected CacheControl, got a bool; say one of auto, use, "),
        ({"temperature": "hot"}, "^sampling.temperature"),
        ({"temperature": 3}, "^sampling.temperature: expected 0 to 2"),
        ({"max_tokens": 1.5}, "^sampling.max_tokens: expected a whole number"),
        ({"cache": "sometimes"}, "^cache.use: expected one of"),
        ({"cache": 5}, "^cache: expected CacheControl"),
        ({"thinking": "hard"}, "^thinking.effort: expected one of"),
        ({"tool_choice": "nothing"}, "^tool_choice.name: expected the name of one of"),
        ({"priority": "urgent"}, "^priority: expected one of"),
        ({"metadata": {"a": 1}}, "^metadata.a: expected a string"),
        ({"extra": {"a": float("nan")}}, "^extra.a: JSON has no NaN"),
        ({"extra": {"a": ["\ud800"]}}, r"^extra.a\[0\]: holds half of a surrogate pair"),
        ({"extra": {"\ud800": 1}}, "^extra: holds half of a surrogate pair"),
        ({"extra": {"model": "x"}}, "^extra.model: is written by callboard"),
        ({"user": 5}, "^user: expected a string"),
        ({"wait": "yes"}, "^wait: expected True or False"),
    ],
    ids=str,
)
def test_nonsense_is_refused_in_a_sentence_that_names_the_field(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        asked(**options)


@pytest.mark.parametrize("prompt", [None, 5, b"Why?", {"role": "user"}, iter(["Why?"])])
def test_what_is_no_prompt_is_refused(prompt: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^messages: expected text or ChatMessages"):
        build(prompt, "p/m")


@pytest.mark.parametrize("prompt", [[], (), ["Why?"], [{"role": "user"}]])
def test_what_are_no_messages_is_refused(prompt: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^messages"):
        build(prompt, "p/m")


@pytest.mark.parametrize(("prompt", "place"), [({"role": "user"}, "messages"), ([{"role": "user"}], "messages[0]")])
def test_a_dict_for_a_message_is_told_what_makes_one(prompt: Any, place: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        build(prompt, "p/m")
    assert str(caught.value).startswith(f"{place}: expected ")
    assert str(caught.value).endswith(
        'got a dict; make it with callboard.user("..."), system, assistant or tool_result'
    )


@pytest.mark.parametrize("model", [None, "", 5])
def test_a_model_is_needed(model: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^model"):
        build("Why?", model)


def test_a_refusal_is_a_callboard_error_and_a_value_error_and_never_quotes_the_conversation() -> None:
    with pytest.raises(InvalidRequest) as caught:
        build(["my secret"], "p/m")  # type: ignore[list-item]
    assert isinstance(caught.value, CallboardError)
    assert isinstance(caught.value, ValueError)
    assert "secret" not in str(caught.value)


def test_every_exported_name_is_completed_before_its_first_use() -> None:
    assert set(callboard.__all__) <= set(dir(callboard))
