"""Everything is built from a request that passes, with one thing wrong."""

import math
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from callboard.messages import validate
from callboard.messages.chat import (
    AudioPart,
    ChatMessage,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
    RefusalPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    assistant,
    system,
    tool_result,
    user,
)
from callboard.messages.checks import named
from callboard.messages.request import CacheControl, Output, Request, Sampling, Thinking, Tool, ToolChoice
from callboard.messages.validate import MAKE_A_MESSAGE, MAKE_A_TOOL, InvalidRequest, check
from callboard.messages.validate_work import MAKE_A_CACHE

TOOL = Tool(name="f", parameters={"type": "object"})
CALL = ToolCallPart(id="c", name="f", arguments='{"a": 1}')
IMAGE = ImagePart(data=b"\0", media_type="image/png")
LOOP: dict[str, Any] = {}
LOOP["loop"] = LOOP


def request(*messages: Any, **members: Any) -> Request:
    return Request(**{"model": "a/b", "messages": messages or (user("hi"),), **members})


def wrong(*messages: Any, **members: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        check(request(*messages, **members))
    return str(caught.value)


def wrong_part(part: Any, role: Any = "user") -> str:
    sentence = wrong(ChatMessage(role, (part,)))
    assert sentence.startswith("messages[0].content[0]")
    return sentence.removeprefix("messages[0].content[0]").lstrip(".")


@pytest.mark.parametrize(
    "good",
    [
        request(),
        request(system("s"), ChatMessage("developer", (TextPart("d"),)), user("hi", IMAGE)),
        request(user("q"), assistant("a", CALL), tool_result(CALL, "1"), user("and?")),
        request(
            user("q"), assistant(CALL), ChatMessage("tool", (ToolResultPart(id="c", content=(IMAGE, TextPart("t"))),))
        ),
        request(assistant()),
        request(assistant("")),
        request(
            assistant(
                ThinkingPart(text="hm", signature="s", origin="x"), ThinkingPart(redacted="r"), RefusalPart("no"), IMAGE
            )
        ),
        request(user(DocumentPart(url="u"), DocumentPart(file_id="f"), AudioPart(data=b"\0", media_type="audio/wav"))),
        request(assistant(OpaquePart(origin="x", block={"id": "o"})), ChatMessage("tool", (ToolResultPart(id="o"),))),
        request(
            tools=(TOOL, Tool(name="a-b_c.d:e")),
            tool_choice=ToolChoice(mode="named", name="f"),
            parallel_tool_calls=True,
        ),
        request(tool_choice=ToolChoice()),
        request(tools=(TOOL,), tool_choice=ToolChoice(mode="required")),
        request(output=Output(schema={"type": "object"}, name="n", strict=True)),
        request(output=Output(kind="json")),
        request(
            sampling=Sampling(
                max_tokens=1,
                temperature=2,
                top_p=0,
                top_k=0,
                min_p=1.0,
                seed=-1,
                stop=("\n",),
                presence_penalty=-2,
                frequency_penalty=2,
                logprobs=True,
                top_logprobs=20,
            )
        ),
        request(sampling=Sampling(top_logprobs=0)),
        request(thinking=Thinking(effort="none")),
        request(thinking=Thinking(budget_tokens=1, extra={"display": "omitted"})),
        request(thinking=Thinking(extra={"type": "adaptive"})),
        request(cache=CacheControl(use="only", max_age=0, partition="p")),
        request(user="u", tag="t", metadata={"a": "b"}, priority="critical", keep_raw=True),
        request(extra={"a": [None, True, 1, 1.5, "x", {"b": ()}]}),
    ],
)
def test_what_makes_sense_passes(good: Request) -> None:
    check(good)


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"model": ""}, "model: is empty"),
        ({"model": None}, "model: expected a string, got None"),
        ({"messages": ()}, "messages: is empty; give at least one ChatMessage"),
        ({"messages": [user("hi")]}, "messages: expected a tuple of ChatMessage, got a list"),
        ({"messages": None}, "messages: expected a tuple of ChatMessage, got None"),
        ({"messages": ({"role": "user"},)}, "messages[0]: expected ChatMessage, got a dict" + MAKE_A_MESSAGE),
        ({"tools": None}, "tools: expected a tuple of Tool, got None"),
        ({"tools": ({"name": "f"},)}, "tools[0]: expected Tool, got a dict" + MAKE_A_TOOL),
        ({"tool_choice": "auto"}, "tool_choice: expected ToolChoice, got a str" + validate.MAKE_A_CHOICE),
        ({"output": {}}, "output: expected Output, got a dict" + validate.MAKE_AN_OUTPUT),
        ({"sampling": None}, "sampling: expected Sampling, got None"),
        ({"thinking": "high"}, "thinking: expected Thinking, got a str" + validate.MAKE_A_THOUGHT),
        ({"cache": "off"}, "cache: expected CacheControl, got a str" + MAKE_A_CACHE),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls: expected True or False, got an int"),
        ({"keep_raw": "yes"}, "keep_raw: expected True or False, got a str"),
        ({"priority": "urgent"}, "priority: expected one of critical, normal, background"),
        ({"priority": []}, "priority: expected one of critical, normal, background"),
        ({"user": 5}, "user: expected a string, got an int"),
        ({"tag": b"t"}, "tag: expected a string, got a bytes"),
        ({"metadata": []}, "metadata: expected a dict of strings, got a list"),
        ({"metadata": {"a": 1}}, "metadata.a: expected a string, got an int"),
        ({"metadata": {1: "a"}}, "metadata: expected a string, got an int"),
        ({"extra": []}, "extra: expected a dict, got a list"),
        ({"extra": {"a": {"b": [0, math.nan]}}}, "extra.a.b[1]: JSON has no NaN and no infinity"),
        ({"extra": {"a": b"x"}}, "extra.a: expected what JSON can hold, got a bytes"),
        ({"extra": {"a": Decimal(1)}}, "extra.a: expected what JSON can hold, got a Decimal"),
        ({"extra": {1: 2}}, "extra: JSON names members by strings, not by an int"),
        ({"extra": {"stream": True}}, "extra.stream: is written by callboard itself; leave it out"),
        ({"extra": {"messages": []}}, "extra.messages: is written by callboard itself; leave it out"),
    ],
)
def test_a_member_of_the_request_is_named_with_what_is_wrong(members: dict[str, Any], sentence: str) -> None:
    assert wrong(**members) == sentence


def test_something_else_than_a_request_is_told_so() -> None:
    with pytest.raises(InvalidRequest, match=r"^request: expected a Request, got a dict$"):
        check({"model": "x"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (ChatMessage("robot", "x"), "role: expected one of system, developer, user, assistant, tool"),  # type: ignore[arg-type]
        (ChatMessage([], "x"), "role: expected one of system, developer, user, assistant, tool"),  # type: ignore[arg-type]
        (ChatMessage("user", None), "content: expected a string or a tuple of parts, got None"),  # type: ignore[arg-type]
        (ChatMessage("user", [TextPart("x")]), "content: expected a string or a tuple of parts, got a list"),  # type: ignore[arg-type]
        (ChatMessage("user", ()), "content: is empty"),
        (ChatMessage("tool", ()), "content: is empty"),
        (ChatMessage("tool", "7"), "content: a tool message holds ToolResultParts, not a string"),
        (ChatMessage("user", "\ud800"), "content: holds half of a surrogate pair, which cannot be sent"),
        (ChatMessage("user", "x", name=""), "name: is empty"),
        (ChatMessage("user", "x", extra={"a": math.inf}), "extra.a: JSON has no NaN and no infinity"),
        (ChatMessage("user", ("x",)), "content[0]: a str cannot come from the user"),  # type: ignore[arg-type]
        (ChatMessage("user", ({"type": "text"},)), "content[0]: a dict cannot come from the user"),  # type: ignore[arg-type]
    ],
)
def test_a_message_is_named_by_its_number(message: ChatMessage, sentence: str) -> None:
    assert wrong(user("hi"), message) == f"messages[1].{sentence}"


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("system", IMAGE),
        ("developer", CALL),
        ("user", CALL),
        ("user", ToolResultPart(id="c")),
        ("user", ThinkingPart()),
        ("user", RefusalPart("no")),
        ("assistant", ToolResultPart(id="c")),
        ("tool", TextPart("7")),
        ("tool", IMAGE),
    ],
)
def test_a_role_speaks_only_in_its_own_parts(role: str, part: Part) -> None:
    assert wrong_part(part, role) == f": {named(part)} cannot come from the {role}"


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (ImagePart(), ": an image needs a url or data"),
        (ImagePart(url="u", data=b"\0", media_type="image/png"), ": an image needs a url or data, not both"),
        (ImagePart(data=b"\0"), "media_type: is needed with data, such as `image/png`"),
        (ImagePart(data=b"", media_type="image/png"), "data: is empty"),
        (ImagePart(data="AA==", media_type="image/png"), "data: expected bytes, got a str"),  # type: ignore[arg-type]
        (ImagePart(url=""), "url: is empty"),
        (ImagePart(url=5), "url: expected a string, got an int"),  # type: ignore[arg-type]
        (ImagePart(url="u", detail=1), "detail: expected a string, got an int"),  # type: ignore[arg-type]
        (AudioPart(), ": a recording needs a url or data"),
        (DocumentPart(), ": a document needs a url or data or file_id"),
        (DocumentPart(url="u", file_id="f"), ": a document needs a url or data or file_id, not both"),
        (DocumentPart(file_id=""), "file_id: is empty"),
        (TextPart(None), "text: expected a string, got None"),  # type: ignore[arg-type]
        (TextPart("x", extra={"a": {1}}), "extra.a: expected what JSON can hold, got a set"),
        (OpaquePart(origin="", block={}), "origin: is empty"),
        (OpaquePart(origin="x", block={"a": math.nan}), "block.a: JSON has no NaN and no infinity"),
    ],
)
def test_a_part_of_the_users_is_named_by_its_number(part: Part, sentence: str) -> None:
    assert wrong_part(part) == sentence


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (ToolCallPart(id="", name="f"), "id: is empty"),
        (ToolCallPart(id="c", name=None), "name: expected a string, got None"),  # type: ignore[arg-type]
        (ToolCallPart(id="c", name="f", arguments={}), "arguments: expected a string, got a dict"),  # type: ignore[arg-type]
        (ToolCallPart(id="c", name="f", signature=b"s"), "signature: expected a string, got a bytes"),  # type: ignore[arg-type]
        (ThinkingPart(text=None), "text: expected a string, got None"),  # type: ignore[arg-type]
        (ThinkingPart(redacted=1), "redacted: expected a string, got an int"),  # type: ignore[arg-type]
    ],
)
def test_a_part_of_the_assistants_is_named_by_its_number(part: Part, sentence: str) -> None:
    assert wrong_part(part, "assistant") == sentence


@pytest.mark.parametrize("arguments", ["", "{bad", '{"a":', "null", "[1]", '{"a": NaN}', '{"a":' * 100_000])
def test_what_a_model_wrote_of_a_call_passes_whatever_it_is(arguments: str) -> None:
    call = ToolCallPart(id="c", name="", arguments=arguments)
    check(request(user("q"), assistant(call), tool_result(call, "that is no JSON object", is_error=True)))


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (ToolResultPart(id=""), "id: is empty"),
        (ToolResultPart(id="other"), "id: no tool call with this id comes before its result"),
        (ToolResultPart(id="c", content=None), "content: expected a string or a tuple of parts, got None"),  # type: ignore[arg-type]
        (ToolResultPart(id="c", content=(CALL,)), "content[0]: a ToolCallPart cannot come in a tool's result"),
        (ToolResultPart(id="c", content=(ImagePart(),)), "content[0]: an image needs a url or data"),
        (ToolResultPart(id="c", is_error="no"), "is_error: expected True or False, got a str"),  # type: ignore[arg-type]
    ],
)
def test_a_tools_result_answers_a_call_that_came_before(part: ToolResultPart, sentence: str) -> None:
    assert wrong(assistant(CALL), ChatMessage("tool", (part,))) == f"messages[1].content[0].{sentence}"


def test_a_result_before_its_call_is_wrong() -> None:
    assert "no tool call with this id" in wrong(tool_result(CALL, "1"), assistant(CALL))


@pytest.mark.parametrize(
    ("tools", "sentence"),
    [
        ((Tool(name=""),), "tools[0].name: expected 1 to 128 letters, digits and _ . : -"),
        ((Tool(name="a b"),), "tools[0].name: expected 1 to 128 letters, digits and _ . : -"),
        ((Tool(name="a\n"),), "tools[0].name: expected 1 to 128 letters, digits and _ . : -"),
        ((Tool(name="é"),), "tools[0].name: expected 1 to 128 letters, digits and _ . : -"),
        ((Tool(name="a" * 129),), "tools[0].name: expected 1 to 128 letters, digits and _ . : -"),
        ((Tool(name=None),), "tools[0].name: expected 1 to 128 letters, digits and _ . : -"),  # type: ignore[arg-type]
        ((TOOL, TOOL), "tools[1].name: another tool is called 'f'"),
        ((Tool(name="f", parameters=[]),), "tools[0].parameters: expected a dict, got a list"),  # type: ignore[arg-type]
        (
            (Tool(name="f", parameters={"type": "array"}),),
            "tools[0].parameters.type: expected `object`: arguments have names",
        ),
        ((Tool(name="f", parameters={"a": math.nan}),), "tools[0].parameters.a: JSON has no NaN and no infinity"),
        ((Tool(name="f", strict=1),), "tools[0].strict: expected True or False, got an int"),  # type: ignore[arg-type]
        ((Tool(name="f", description=1),), "tools[0].description: expected a string, got an int"),  # type: ignore[arg-type]
        ((Tool(name="f", extra={"a": b""}),), "tools[0].extra.a: expected what JSON can hold, got a bytes"),
    ],
)
def test_a_tool_is_named_by_its_number(tools: tuple[Tool, ...], sentence: str) -> None:
    assert wrong(tools=tools) == sentence


@pytest.mark.parametrize(
    ("choice", "tools", "sentence"),
    [
        (
            ToolChoice(mode="named", name="g"),
            (TOOL,),
            "tool_choice.name: expected the name of one of the request's tools",
        ),
        (ToolChoice(mode="named"), (TOOL,), "tool_choice.name: expected the name of one of the request's tools"),
        (ToolChoice(mode="named", name="f"), (), "tool_choice.name: expected the name of one of the request's tools"),
        (ToolChoice(mode="required"), (), "tool_choice.mode: `required` needs tools"),
        (ToolChoice(mode="auto", name="f"), (TOOL,), "tool_choice.name: goes with mode `named`"),
        (ToolChoice(mode="any"), (TOOL,), "tool_choice.mode: expected one of auto, none, required, named"),  # type: ignore[arg-type]
    ],
)
def test_a_tool_choice_fits_the_tools(choice: ToolChoice, tools: tuple[Tool, ...], sentence: str) -> None:
    assert wrong(tools=tools, tool_choice=choice) == sentence


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (Output(), "schema: is needed with kind `schema`"),
        (Output(kind="json", schema={}), "schema: goes with kind `schema`"),
        (Output(kind="xml"), "kind: expected one of text, json, schema"),  # type: ignore[arg-type]
        (Output(schema=[]), "schema: expected a dict, got a list"),  # type: ignore[arg-type]
        (Output(schema=LOOP), None),
        (Output(schema={}, name="a b"), "name: expected 1 to 64 letters, digits and _ -"),
        (Output(schema={}, description=1), "description: expected a string, got an int"),  # type: ignore[arg-type]
        (Output(schema={}, strict="x"), "strict: expected True or False, got a str"),  # type: ignore[arg-type]
    ],
)
def test_an_output_has_a_schema_when_it_says_so(output: Output, sentence: str | None) -> None:
    found = wrong(output=output)
    assert found == f"output.{sentence}" if sentence else found.endswith("is nested more than 100 deep")


@pytest.mark.parametrize(
    ("member", "value", "sentence"),
    [
        ("max_tokens", 0, "expected 1 to 2147483648, got 0"),
        ("max_tokens", -1, "expected 1 to 2147483648, got -1"),
        ("max_tokens", 1.0, "expected a whole number, got a float"),
        ("max_tokens", True, "expected a whole number, got a bool"),
        ("max_tokens", "5", "expected a whole number, got a str"),
        ("temperature", -0.1, "expected 0 to 2, got -0.1"),
        ("temperature", 2.1, "expected 0 to 2, got 2.1"),
        ("temperature", math.nan, "expected 0 to 2, got nan"),
        ("temperature", math.inf, "expected 0 to 2, got inf"),
        ("temperature", False, "expected a number, got a bool"),
        ("top_p", 1.1, "expected 0 to 1, got 1.1"),
        ("top_k", -1, "expected 0 to 2147483648, got -1"),
        ("min_p", -1, "expected 0 to 1, got -1"),
        ("seed", 2**63, "expected -9223372036854775808 to 9223372036854775807, got 9223372036854775808"),
        ("presence_penalty", 3, "expected -2 to 2, got 3"),
        ("frequency_penalty", -3, "expected -2 to 2, got -3"),
        ("logprobs", 1, "expected True or False, got an int"),
        ("top_logprobs", 21, "expected 0 to 20, got 21"),
        ("top_logprobs", 3, "needs logprobs=True"),
        ("stop", "\n", "expected a tuple of strings, got a str"),
        ("stop", ["\n"], "expected a tuple of strings, got a list"),
        ("stop", ("a",) * 17, "holds 17 strings; at most 16 are allowed"),
    ],
)
def test_sampling_keeps_within_its_bounds(member: str, value: Any, sentence: str) -> None:
    assert wrong(sampling=Sampling(**{member: value})) == f"sampling.{member}: {sentence}"


def test_a_stop_string_is_named_by_its_number() -> None:
    assert wrong(sampling=Sampling(stop=("a", ""))) == "sampling.stop[1]: is empty"
    assert wrong(sampling=Sampling(stop=("a", 1))) == "sampling.stop[1]: expected str, got an int"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("thinking", "sentence"),
    [
        (Thinking(), "thinking: needs effort or budget_tokens"),
        (Thinking(effort="low", budget_tokens=5), "thinking: takes effort or budget_tokens, not both"),
        (Thinking(effort="huge"), "thinking.effort: expected one of none, minimal, low, medium, high, xhigh"),  # type: ignore[arg-type]
        (Thinking(budget_tokens=0), "thinking.budget_tokens: expected 1 to 2147483648, got 0"),
        (Thinking(effort="low", extra={"a": b""}), "thinking.extra.a: expected what JSON can hold, got a bytes"),
    ],
)
def test_thinking_is_by_effort_or_by_budget(thinking: Thinking, sentence: str) -> None:
    assert wrong(thinking=thinking) == sentence


@pytest.mark.parametrize(
    ("cache", "sentence"),
    [
        (CacheControl(use="always"), "use: expected one of auto, use, refresh, only, off"),  # type: ignore[arg-type]
        (CacheControl(max_age=-1), "max_age: expected 0 to inf, got -1"),
        (CacheControl(max_age=math.nan), "max_age: expected 0 to inf, got nan"),
        (CacheControl(partition=None), "partition: expected a string, got None"),  # type: ignore[arg-type]
    ],
)
def test_cache_control_is_what_the_cache_can_do(cache: CacheControl, sentence: str) -> None:
    assert wrong(cache=cache) == f"cache.{sentence}"


def test_a_sentence_never_quotes_the_conversation() -> None:
    secret = "my secret \ud800"
    for sentence in (
        wrong(user(secret)),
        wrong(assistant(ToolCallPart(id="c", name="f", arguments=secret))),
        wrong(ChatMessage("tool", (ToolResultPart(id=secret[:9]),))),
        wrong(ChatMessage(secret[:9], "x")),  # type: ignore[arg-type]
    ):
        assert "secret" not in sentence


def test_the_mistake_can_be_read_in_two_pieces_and_travels() -> None:
    with pytest.raises(InvalidRequest) as caught:
        check(request(model=""))
    assert isinstance(caught.value, ValueError)
    assert (caught.value.field, caught.value.wrong) == ("model", "is empty")


def test_a_request_that_passes_survives_the_codec_it_is_kept_in() -> None:
    good = request(user("hi", IMAGE), assistant(CALL), tools=(TOOL,), sampling=Sampling(temperature=0))
    check(msgspec.msgpack.decode(msgspec.msgpack.encode(good), type=Request))
