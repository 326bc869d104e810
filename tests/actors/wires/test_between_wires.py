"""A conversation begun with one provider goes on with any other: words, calls and results survive, and what only its
origin understands goes nowhere else."""

import contextlib
import itertools
import json
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.actors.wires.bodies import PLAIN, SECRET, SIGNED, STREAMED, Json
from tests.actors.wires.test_decoders_fuzz import WIRES, framings, mutants, spoilt, written

from callboard.actors.wires.wire import Wire, WireFault
from callboard.messages.chat import ChatMessage, OpaquePart, Part, ThinkingPart, ToolCallPart, tool_result, user
from callboard.messages.reply import Answer
from callboard.messages.request import Request, Tool
from callboard.messages.validate import check

TOOL = Tool(name="f", parameters={"type": "object"})
TALKERS = [name for name in WIRES if name not in ("completions", "ollama-generate", "cohere-v1")]
"""Wires that hold a conversation with tools."""
BEGUN = [name for name in TALKERS if name != "vertex"]

ORIGINS = {"responses": "openai-responses"}
HIDDEN = re.compile(f"{SECRET}|MFBBUVVF")


def answer_of(name: str) -> Answer:
    return WIRES[name].decode(json.dumps(SIGNED[name]).encode())


def gone_on(name: str, wire: Wire) -> Json:
    """The body by which the conversation goes on, after the tool's result."""
    answer = answer_of(name)
    (call,) = (part for part in answer.parts if isinstance(part, ToolCallPart))
    turns = (user("hello"), ChatMessage("assistant", answer.parts), tool_result(call, "r3sult"), user("and now?"))
    request = Request(model="m", messages=turns, tools=(TOOL,))
    check(request)
    body: Json = json.loads(wire.encode(request, "m", stream=False).body)
    return body


@pytest.mark.parametrize(("begun", "goes_on"), list(itertools.permutations(BEGUN, 2)))
def test_what_is_opaque_goes_to_no_other_wire(begun: str, goes_on: str) -> None:
    body = json.dumps(gone_on(begun, WIRES[goes_on]))
    assert HIDDEN.search(body) is None


@pytest.mark.parametrize(("begun", "goes_on"), list(itertools.product(BEGUN, TALKERS)))
def test_words_calls_and_results_survive_in_their_order(begun: str, goes_on: str) -> None:
    body = gone_on(begun, WIRES[goes_on])
    turns = json.dumps(body.get("messages") or body.get("input") or body["contents"])
    places = [turns.index(said) for said in ("hello", "hi", "r3sult", "and now?")]
    assert places == sorted(places)
    assert re.search(r'"name": "f"', turns[: turns.index("r3sult")])
    assert re.search(r'\\?"a\\?": ?1', turns[: turns.index("r3sult")])


@pytest.mark.parametrize("name", ["anthropic", "gemini", "responses", "cohere"])
def test_what_is_opaque_goes_back_to_whom_it_came_from(name: str) -> None:
    assert HIDDEN.search(json.dumps(gone_on(name, WIRES[name])))


@pytest.mark.parametrize("name", BEGUN)
def test_a_call_and_its_result_share_their_id_wherever_there_are_ids(name: str) -> None:
    for wire in (WIRES["openai"], WIRES["anthropic"], WIRES["cohere"], WIRES["responses"]):
        turns = json.dumps(gone_on(name, wire))
        (part,) = (part for part in answer_of(name).parts if isinstance(part, ToolCallPart))
        assert turns.count(f'"{part.id}"') == 2


@pytest.mark.parametrize("name", BEGUN)
def test_every_part_with_a_signature_names_its_origin(name: str) -> None:
    streamed = WIRES[name].decoder()
    streamed.feed(framings(name, STREAMED[name][:-1])[0])
    whole = WIRES[name].decode(json.dumps(PLAIN[name]).encode())
    for part in (*whole.parts, *streamed.partial().parts, *answer_of(name).parts):
        if isinstance(part, ThinkingPart | ToolCallPart | OpaquePart):
            assert part.origin == ORIGINS.get(name, name)


@pytest.mark.parametrize("text", ["{bad", '{"a":1', "null", "[1]", '{"a":NaN}'])
@pytest.mark.parametrize("name", TALKERS)
def test_a_call_whose_arguments_are_no_object_goes_back_with_the_models_own_text(name: str, text: str) -> None:
    call = ToolCallPart(id="c", name="f", arguments=text)
    turns = (user("a"), ChatMessage("assistant", (call,)), tool_result(call, "no JSON object", is_error=True))
    request = Request(model="m", messages=turns, tools=(TOOL,))
    check(request)
    body: Json = json.loads(WIRES[name].encode(request, "m", stream=False).body)
    assert json.dumps(text) in json.dumps(body)


@pytest.mark.parametrize("name", WIRES)
@given(seed=st.integers(0, 2**40))
@settings(max_examples=100, deadline=None)
def test_whatever_message_was_made_of_a_reply_can_be_sent_again(name: str, seed: int) -> None:
    chance, decoder = random.Random(seed), WIRES[name].decoder()
    events = [event for event in (spoilt(good, chance, 0.05) for good in STREAMED[name]) if isinstance(event, dict)]
    answers: list[Answer] = []
    with contextlib.suppress(WireFault):
        answers.append(WIRES[name].decode(mutants(SIGNED.get(name, PLAIN[name]), seed, written)))
    with contextlib.suppress(WireFault):
        decoder.feed(framings(name, events)[0])
    for answer in (*answers, decoder.partial()):
        check(Request(model="m", messages=(user("a"), ChatMessage("assistant", answer.parts), user("b"))))


@pytest.mark.parametrize("name", ["completions", "ollama-generate", "cohere-v1"])
def test_a_wire_without_tools_refuses_the_conversation_before_anything_is_sent(name: str) -> None:
    parts: tuple[Part, ...] = (ToolCallPart(id="c", name="f"),)
    messages = (user("a"), ChatMessage("assistant", parts), tool_result("c", "b"), user("c"))
    with pytest.raises(WireFault) as refused:
        WIRES[name].encode(Request(model="m", messages=messages), "m", stream=False)
    assert refused.value.fault.kind == "unsupported"
