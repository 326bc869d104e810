import random
from typing import Any

import pytest

from callboard.testing.example import example

TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["name"],
}


def make(schema: dict[str, Any], seed: int = 0) -> Any:
    return example(schema, random.Random(seed))


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, str),
        ({"type": "integer"}, int),
        ({"type": "number"}, float),
        ({"type": "boolean"}, bool),
        ({"type": "null"}, type(None)),
        ({"type": "array", "items": {"type": "string"}}, list),
        ({"type": "object"}, dict),
        ({"type": ["integer", "null"]}, int),
        ({"properties": {}}, dict),
        ({}, str),
    ],
    ids=str,
)
def test_each_type_gives_a_value_of_that_type(schema: dict[str, Any], kind: type) -> None:
    assert type(make(schema)) is kind


def test_an_object_has_its_members_in_their_types() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "tags": {"type": "array"}},
        "required": ["name", "age"],
    }
    value = make(schema)
    assert set(value) == {"name", "age", "tags"}
    assert isinstance(value["name"], str)
    assert isinstance(value["age"], int)


@pytest.mark.parametrize("seed", range(20))
def test_bounds_hold(seed: int) -> None:
    assert 3 <= make({"type": "integer", "minimum": 3, "maximum": 4}, seed) <= 4
    assert make({"type": "integer", "exclusiveMinimum": 7}, seed) > 7
    assert make({"type": "number", "maximum": -2}, seed) <= -2
    assert make({"type": "integer", "exclusiveMaximum": 0}, seed) < 0
    assert len(make({"type": "string", "minLength": 12}, seed)) >= 12
    assert len(make({"type": "string", "maxLength": 2}, seed)) <= 2
    assert len(make({"type": "array", "minItems": 3, "items": {}}, seed)) >= 3


@pytest.mark.parametrize("seed", range(5))
def test_enums_and_constants_give_one_of_theirs(seed: int) -> None:
    assert make({"enum": ["red", "green"]}, seed) in ("red", "green")
    assert make({"const": 42}, seed) == 42


def test_references_alternatives_and_unions_are_followed() -> None:
    schema = {"$ref": "#/$defs/thing", "$defs": {"thing": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}}
    assert isinstance(make(schema), int)
    parts = {"allOf": [{"type": "object", "properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}
    assert make(parts) == {"a": 1, "b": 2}


def test_a_schema_that_refers_to_itself_ends() -> None:
    value = make({"$ref": "#/$defs/node", "$defs": {"node": TREE}})
    assert isinstance(value["name"], str)
    chain = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    value = make(chain)
    while value:
        assert list(value) == ["next"]
        value = value["next"]
    assert value == {}


def test_the_same_draw_gives_the_same_value() -> None:
    schema = {"type": "array", "minItems": 5, "items": {"type": "string"}}
    assert make(schema, 1) == make(schema, 1) != make(schema, 2)


@pytest.mark.parametrize(
    "rubbish",
    [
        {"type": "object", "properties": 5},
        {"type": "array", "minItems": "many"},
        {"type": "integer", "minimum": "low"},
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {"enum": 3, "type": "string", "maxLength": {}},
    ],
    ids=str,
)
def test_rubbish_is_a_value_error(rubbish: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a JSON Schema"):
        make(rubbish)
