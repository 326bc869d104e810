import copy
from typing import Any

import pytest

from callboard.actors.wires.anthropic_schemas import to_anthropic
from callboard.actors.wires.wire import WireFault

Schema = dict[str, Any]
NAME: Schema = {"type": "string"}
NAMED: Schema = {"type": "object", "properties": {"name": NAME}}
CLOSED: Schema = NAMED | {"additionalProperties": False}


def taken(schema: Schema) -> Schema:
    return to_anthropic(schema, "anthropic")


def refused(schema: Schema) -> str:
    with pytest.raises(WireFault) as caught:
        taken(schema)
    assert caught.value.fault.kind == "unsupported"
    return caught.value.fault.message


@pytest.mark.parametrize("further", [{}, {"additionalProperties": True}, {"additionalProperties": {}}])
@pytest.mark.parametrize(
    "around",
    [
        lambda schema: schema,
        lambda schema: CLOSED | {"properties": {"a": schema}},
        lambda schema: {"type": "array", "items": schema},
        lambda schema: {"anyOf": [schema, {"type": "null"}]},
        lambda schema: {"type": "array", "items": {"$ref": "#/$defs/A"}, "$defs": {"A": schema}},
        lambda schema: {"$ref": "#/definitions/A", "definitions": {"A": schema}},
    ],
)
def test_every_object_is_closed_wherever_it_stands(further: Schema, around: Any) -> None:
    assert taken(around(NAMED | further)) == around(CLOSED)


def test_an_object_told_by_its_members_alone_is_called_one() -> None:
    assert taken({"properties": {"name": NAME}}) == CLOSED
    either = {"properties": {"name": NAME}, "anyOf": [CLOSED, {"type": "null"}]}
    assert taken(either) == either | {"additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "demands"),
    [
        ({"type": "number", "minimum": 0.0, "maximum": 1}, "{minimum: 0.0, maximum: 1}"),
        ({"type": "string", "minLength": 1, "pattern": "^a"}, "{minLength: 1, pattern: ^a}"),
        ({"type": "string", "format": "binary"}, "{format: binary}"),
        ({"type": "array", "items": NAME, "minItems": 2}, "{minItems: 2}"),
        ({"type": "array", "items": NAME, "uniqueItems": True}, "{uniqueItems: true}"),
        ({"type": "array", "prefixItems": [{"const": 1}]}, '{prefixItems: [{"const":1}]}'),
        ({"type": "array", "items": [NAME]}, '{items: [{"type":"string"}]}'),
        ({"type": "object", "additionalProperties": False, "enum": [{}]}, "{enum: [{}]}"),
        ({"type": "object", "additionalProperties": False, "const": {}}, "{const: {}}"),
    ],
)
def test_what_a_refused_keyword_demands_is_told_in_the_description(schema: Schema, demands: str) -> None:
    *_, last = taken(schema).items()
    assert last == ("description", demands)
    assert not taken(schema).keys() - schema.keys() - {"description"}
    assert taken(schema | {"description": "d"})["description"] == f"d\n\n{demands}"


@pytest.mark.parametrize(
    "schema",
    [
        CLOSED | {"required": ["name"], "title": "T", "description": "d"},
        {"type": "object", "additionalProperties": False},
        {"type": ["string", "null"], "default": None},
        {"type": "string", "enum": ["a", None, 1, True]},
        {"const": None},
        {"type": "string", "format": "date-time"},
        {"type": "array", "items": NAME, "minItems": 1},
        {"allOf": [NAME, {"enum": ["a"]}]},
        CLOSED | {"properties": {"minimum": {"type": "number"}, "$id": NAME}},
        # as it was recorded, d2a57778b195: what the official client had made of bounds
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "confidence": {"type": "number", "description": "{maximum: 1.0, minimum: 0.0}"},
                "title": {"type": "string", "description": "{minLength: 1}"},
            },
            "required": ["confidence", "title"],
        },
    ],
)
def test_what_is_taken_stays_as_it_is(schema: Schema) -> None:
    assert taken(schema) == schema


def test_one_of_is_any_of() -> None:
    assert taken({"oneOf": [NAMED, {"type": "null"}]}) == {"anyOf": [CLOSED, {"type": "null"}]}


def test_a_tuple_is_a_list() -> None:
    assert taken({"anyOf": (NAMED, {"type": "null"})}) == {"anyOf": [CLOSED, {"type": "null"}]}
    assert "recursive" in refused({"anyOf": ({"$ref": "#"},)})


@pytest.mark.parametrize("name", ["$schema", "$id", "$comment"])
def test_what_asks_nothing_of_a_value_is_left_out(name: str) -> None:
    assert taken(NAME | {name: "x"}) == NAME


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": ["object", "null"]},
        {"type": "object", "properties": {}},
        {"type": "object", "additionalProperties": NAME},
        NAMED | {"additionalProperties": NAME},
        NAMED | {"patternProperties": {"^x": NAME}},
        {"type": "array", "items": {"type": "object"}},
    ],
)
def test_an_object_whose_members_have_no_names_is_refused(schema: Schema) -> None:
    assert "members it does not name" in refused(schema)


@pytest.mark.parametrize("schema", [{}, {"description": "d"}, {"const": {}}, {"anyOf": [{"required": ["a"]}]}])
def test_a_value_of_any_kind_is_refused(schema: Schema) -> None:
    assert "kind open" in refused(schema)
    assert "kind open" in refused(CLOSED | {"properties": {"a": schema}})


def test_true_in_place_of_a_schema_is_a_value_of_any_kind() -> None:
    assert "kind open" in refused(CLOSED | {"properties": {"a": True}})


@pytest.mark.parametrize("part", [NAMED, {"$ref": "#/$defs/A"}])
def test_objects_and_references_in_all_of_are_refused(part: Schema) -> None:
    assert "allOf" in refused({"allOf": [part], "$defs": {"A": NAME}})


def test_a_reference_to_elsewhere_is_refused() -> None:
    assert "elsewhere" in refused({"type": "array", "items": {"$ref": "https://e.org/a.json"}})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"$ref": "#"}},
        {"$ref": "#/$defs/A", "$defs": {"A": {"type": "array", "items": {"$ref": "#/$defs/A"}}}},
        {
            "$ref": "#/definitions/A",
            "definitions": {
                "A": {"type": "array", "items": {"$ref": "#/definitions/B"}},
                "B": {"anyOf": [{"$ref": "#/definitions/A"}, {"type": "null"}]},
            },
        },
    ],
)
def test_a_recursive_schema_is_refused(schema: Schema) -> None:
    assert "recursive" in refused(schema)


@pytest.mark.parametrize(
    "schema", [CLOSED, {"type": "array", "items": NAME}, {"$ref": "#/$defs/A", "$defs": {"A": NAME}}]
)
def test_what_json_schema_does_not_know_is_left_to_anthropic(schema: Schema) -> None:
    later = {"of_a_later_day": {"a": 1}}
    assert taken(schema | later) == schema | later
    assert taken(CLOSED | {"properties": {"a": later}}) == CLOSED | {"properties": {"a": later}}


def test_nothing_that_is_known_stands_beside_a_reference() -> None:
    told = {"title": "T", "description": "d", "default": 1, "minimum": 0, "type": "number"}
    schema = {"type": "array", "items": {"$ref": "#/$defs/A"}, "$defs": {"A": NAME}}
    assert taken(schema | {"items": {"$ref": "#/$defs/A"} | told}) == schema


def test_a_definition_may_be_used_twice() -> None:
    uses = {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/$defs/A"}}
    schema = {"type": "object", "properties": uses, "$defs": {"A": NAME}, "additionalProperties": False}
    assert taken(schema) == schema


def test_the_given_schema_is_left_as_it_is() -> None:
    schema = NAMED | {"properties": {"a": {"type": "integer", "minimum": 0}}, "$schema": "s"}
    before = copy.deepcopy(schema)
    assert taken(schema) != before
    assert schema == before
