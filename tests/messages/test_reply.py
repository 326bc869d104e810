"""What is read of a model's turn, whole or cut."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from callboard.messages.chat import ChatMessage, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Answer, Reply
from callboard.messages.usage import Usage

CALL = ToolCallPart(id="1", name="f", arguments="{}")
PARTS = (ThinkingPart(text="Hm."), TextPart("So"), CALL, RefusalPart("No."), TextPart("."))
ANSWER = Answer(parts=PARTS, finish_reason=None)


def reply(cost: str | None = None) -> Reply:
    return Reply(
        id="c",
        usage=Usage(),
        cost=None if cost is None else Decimal(cost),
        provider="p",
        model="m",
        cached=False,
        attempts=(),
        started=datetime(2026, 1, 1, tzinfo=UTC),
        duration=0.0,
        parts=PARTS,
        finish_reason=None,
    )


@pytest.mark.parametrize("turn", [ANSWER, reply()], ids=["answer", "reply"])
def test_text_reasoning_tool_calls_and_message_are_read_of_a_partial_answer_as_of_a_reply(turn: Answer | Reply) -> None:
    assert (turn.text, turn.thinking, turn.tool_calls) == ("So.", "Hm.", (CALL,))
    assert turn.message == ChatMessage("assistant", PARTS)


@pytest.mark.parametrize(("cost", "told"), [("0.00000012", "0.00000012"), ("1E-7", "0.0000001"), (None, "None")])
def test_a_cost_is_told_without_an_exponent(cost: str | None, told: str) -> None:
    assert f"cost={told})" in repr(reply(cost))
