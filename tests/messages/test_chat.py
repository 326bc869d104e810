from typing import get_args

import msgspec
import pytest

from callboard.messages.chat import (
    ChatMessage,
    ImagePart,
    Part,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    assistant,
    system,
    tool_result,
    user,
)

PICTURE = ImagePart(data=b"\x00\xff", media_type="image/png")


def test_a_string_is_the_short_form_of_one_text_part() -> None:
    assert user("Why?").content == "Why?"
    assert user("Why?").parts == user(TextPart("Why?")).parts == (TextPart("Why?"),)
    assert ChatMessage("user", "").parts == ()


@pytest.mark.parametrize(("made", "role"), [(user, "user"), (assistant, "assistant")])
def test_a_turn_is_made_of_strings_and_parts_in_order(made: type, role: str) -> None:
    message = made("Look:", PICTURE, "Why?")
    assert message == ChatMessage(role, (TextPart("Look:"), PICTURE, TextPart("Why?")))  # type: ignore[arg-type]


def test_instructions_stand_above_the_conversation() -> None:
    assert system("Be brief.") == ChatMessage("system", "Be brief.")


def test_the_text_of_a_turn_leaves_thinking_and_tools_out() -> None:
    turn = assistant(ThinkingPart(text="hm"), "So", ToolCallPart(id="1", name="f"), ".")
    assert turn.text == "So."


def test_a_tools_answer_names_its_call() -> None:
    call = ToolCallPart(id="1", name="f")
    assert tool_result(call, "4") == ChatMessage("tool", (ToolResultPart(id="1", name="f", content="4"),))
    assert tool_result("1", "4", is_error=True).parts == (ToolResultPart(id="1", content="4", is_error=True),)


def test_the_repr_of_a_turn_never_quotes_it() -> None:
    assert "secret" not in repr(user("my secret", PICTURE))
    assert repr(user("my secret", PICTURE)) == "ChatMessage(user, 2 parts)"


@pytest.mark.parametrize(
    "message", [user("Why?", PICTURE), tool_result("1", "4"), assistant(ThinkingPart(text="hm", signature="s"))]
)
def test_a_turn_comes_back_from_disk_as_it_was(message: ChatMessage) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=ChatMessage) == message


def test_every_part_says_what_it_is() -> None:
    tags = [kind.__struct_config__.tag for kind in get_args(Part)]
    assert len(set(tags)) == len(tags)
