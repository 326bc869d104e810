import pytest

from callboard.actors.wires.arguments import INVALID_ARGUMENTS, arguments_of
from callboard.messages.chat import ToolCallPart


def call(arguments: str) -> ToolCallPart:
    return ToolCallPart(id="c", name="f", arguments=arguments)


def test_an_object_is_itself() -> None:
    assert arguments_of(call('{"a": [1, {"b": null}]}')) == {"a": [1, {"b": None}]}


@pytest.mark.parametrize("nothing", ["", " \n"])
def test_no_text_is_no_arguments(nothing: str) -> None:
    assert arguments_of(call(nothing)) == {}


@pytest.mark.parametrize(
    "text",
    [
        "{bad",
        '{"a": 1',
        "null",
        "[1]",
        "7",
        '{"a": NaN}',
        "{'a': 1}",
        '{"a": 1}{"b": 2}',
        '{"a": "\\ud800"}',
        "[" * 9999,
    ],
)
def test_a_text_that_holds_no_object_is_shown_to_the_model_as_it_is(text: str) -> None:
    assert arguments_of(call(text)) == {INVALID_ARGUMENTS: text}
