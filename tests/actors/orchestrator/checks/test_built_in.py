import json
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.proportion import in_proportion

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


STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}
NESTED = {"type": "object", "properties": {"child": {"$ref": "#"}}}
DRAFT_2020 = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
UNIQUE = {"uniqueItems": True}


@pytest.mark.parametrize(
    ("schema", "value", "place"),
    [
        (STRINGS, {"Anna Example has a rare disease": 1}, "$.*"),
        ({"patternProperties": {"^a": {"type": "string"}}}, {"anna": 1}, "$.*"),
        ({"properties": {"a b": {"items": STRINGS}}}, {"a b": [{}, {"anna": 1}]}, "$['a b'][1].*"),
        ({"properties": {"known": STRINGS}}, {"known": {"anna": 1}}, "$.known.*"),
    ],
)
def test_the_place_of_a_violation_names_only_keys_of_the_schema(schema: Any, value: Any, place: str) -> None:
    pytest.importorskip("jsonschema")
    told = Schema(schema)(reply(json.dumps(value)))
    assert told == f"it does not follow the schema: {place} breaks `type` string"


def test_the_place_of_a_violation_is_told_in_brief() -> None:
    pytest.importorskip("jsonschema")
    told = Schema(NESTED)(reply('{"child": ' * 60 + "1" + "}" * 60))
    assert told is not None
    assert len(told) < 300


def test_the_first_violation_is_enough() -> None:
    pytest.importorskip("jsonschema")
    told = Schema({"items": {"type": "string"}})(reply(f"[{'1, ' * 11}1]"))
    assert told == "it does not follow the schema: $[0] breaks `type` string", "in the order of the reply"


def test_what_is_nested_too_deeply_for_its_schema_is_refused() -> None:
    pytest.importorskip("jsonschema")
    told = Schema(NESTED)(reply('{"child": ' * 900 + "{}" + "}" * 900))
    assert told == "it does not follow the schema: it is nested too deeply"


@pytest.mark.parametrize(
    ("text", "unique"),
    [
        ("[1, 1.0]", False),
        ("[true, 1, false, 0, null]", True),
        ('["1", 1]', True),
        ('[{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}]', False),
        ("[[true], [1]]", True),
        ("[1e22, 10000000000000000000000]", False),
        ('{"a": 1}', True),
    ],
)
@pytest.mark.parametrize("dialect", [DRAFT_2020, {"$schema": "http://json-schema.org/draft-07/schema#"}])
def test_items_are_equal_as_json_schema_has_it(text: str, unique: bool, dialect: Any) -> None:
    pytest.importorskip("jsonschema")
    told = Schema(dialect | UNIQUE)(reply(text))
    assert told == (None if unique else "it does not follow the schema: $ breaks `uniqueItems` True")


@pytest.mark.parametrize("schema", [{"items": UNIQUE}, {**DRAFT_2020, **UNIQUE, "items": {"$ref": "#"}}])
def test_many_items_are_told_apart_in_proportion(schema: Any) -> None:
    pytest.importorskip("jsonschema")
    check = Schema(schema)

    def look_at(count: int) -> None:
        objects = ",".join(f'{{"a":{number}}}' for number in range(count))
        check(reply(f"[[{objects}]]"))

    in_proportion(look_at, 1_000)


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
