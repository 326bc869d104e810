import json
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.orchestrator.checks.control import STRIP_CONTROL_CHARACTERS, no_control_characters
from callboard.actors.orchestrator.checks.json_text import is_json
from callboard.actors.orchestrator.checks.length import Length, length
from callboard.actors.orchestrator.checks.names import check_name, hooks
from callboard.actors.orchestrator.checks.schema import Schema
from callboard.messages.chat import TextPart, ToolCallPart, user
from callboard.messages.reply import Reply
from callboard.messages.request import Output, Request
from callboard.messages.usage import Usage

SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 0}, "name": {"type": "string"}},
    "required": ["age"],
}
TOOL = ToolCallPart(id="1", name="f")


def reply(text: str, *more: Any) -> Reply:
    return Reply(
        id="c",
        parts=(TextPart(text), *more),
        finish_reason=None,
        usage=Usage(),
        cost=None,
        provider="p",
        model="m",
        cached=False,
        attempts=(),
        started=datetime.fromtimestamp(0, UTC),
        duration=0.0,
    )


@given(st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.text()), st.lists, max_leaves=5))
def test_whatever_is_json_passes(value: Any) -> None:
    assert is_json(reply(json.dumps(value))) is None


@pytest.mark.parametrize(
    "text", ["", "{", "{'a': 1}", "```json\n{}\n```", "NaN", "[1] 2", "[" * 100_000, f"[{'[],' * 900_000}0]"]
)
def test_what_is_no_json_is_refused_without_quoting_it(text: str) -> None:
    told = is_json(reply(text))
    assert told is not None
    assert told.startswith("it is not JSON")
    assert len(told) < 100


def test_a_reply_that_asks_for_tools_is_not_yet_an_answer() -> None:
    for check in (is_json, Length(least=9), Schema(SCHEMA)):
        assert check(reply("", TOOL)) is None


@pytest.mark.parametrize(
    ("bounds", "fits"),
    [("2..3", [False, True, True, False]), ("2..", [False, True, True, True]), ("..2", [True, True, False, False])],
)
def test_length_counts_characters(bounds: str, fits: list[bool]) -> None:
    assert [length(bounds)(reply("ü" * size)) is None for size in (1, 2, 3, 4)] == fits


@pytest.mark.parametrize("bounds", ["", "..", "3", "3..2", "-1..2", "a..b", "1..2..3"])
def test_bounds_that_make_no_sense_are_refused(bounds: str) -> None:
    with pytest.raises(ValueError, match="length"):
        length(bounds)


@given(st.text())
def test_text_that_was_stripped_of_control_characters_passes_and_loses_nothing_else(text: str) -> None:
    clean = STRIP_CONTROL_CHARACTERS.change(text)
    assert no_control_characters(reply(clean)) is None
    assert (no_control_characters(reply(text)) is None) == (clean == text)
    assert STRIP_CONTROL_CHARACTERS.change("a\tb\r\nc") == "a\tb\r\nc"


@pytest.mark.parametrize("letter", ["\x00", "\x07", "\x1b", "\x7f", "\x85"])
def test_a_control_character_is_named(letter: str) -> None:
    assert no_control_characters(reply("ab" + letter)) == f"it holds the control character U+{ord(letter):04X} at 2"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"age": 3}, None),
        ({"age": "secret"}, "it does not follow the schema: $.age breaks `type` integer"),
        ({"age": -77}, "it does not follow the schema: $.age breaks `minimum` 0"),
        ({"name": "x"}, "it does not follow the schema: $ breaks `required` ['age']"),
    ],
)
def test_a_schema_is_followed_and_no_value_is_quoted(value: Any, told: str | None) -> None:
    pytest.importorskip("jsonschema")
    assert Schema(SCHEMA)(reply(json.dumps(value))) == told


def test_a_schema_refuses_what_is_no_json() -> None:
    pytest.importorskip("jsonschema")
    assert (Schema(SCHEMA)(reply("no")) or "").startswith("it is not JSON")


def test_a_schema_that_makes_no_sense_is_refused() -> None:
    pytest.importorskip("jsonschema")
    with pytest.raises(ValueError, match=r"makes no sense at \$\.type"):
        Schema({"type": "nonsense"})


def test_without_the_package_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(ValueError, match=r"pip install 'callboard\[schema\]'"):
        check_name("schema")


def test_names_stand_for_hooks_in_their_order() -> None:
    request = Request(model="x", messages=(user("?"),))
    own = Length(least=1)
    found = hooks(["json", own, "length:..9", "schema"], request)
    assert found == (is_json, own, Length(most=9)), "without a schema of its own the request has none to follow"


def test_the_schema_is_that_which_the_request_asks_for() -> None:
    pytest.importorskip("jsonschema")
    request = Request(model="x", messages=(user("?"),), output=Output(schema=SCHEMA))
    (found,) = hooks(["schema"], request)
    assert isinstance(found, Schema)
    assert found(reply('{"age": 3}')) is None
    assert msgspec.structs.replace(request) == request


def test_an_unknown_name_is_told_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="expected one of json, "):
        check_name("yaml")
