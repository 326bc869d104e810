from typing import Any

import pytest

from callboard.actors.wires.anthropic_tool_loop import may_think

Turn = dict[str, Any]


def says(role: str, *kinds: str) -> Turn:
    return {"role": role, "content": [{"type": kind} for kind in kinds]}


ASKS: Turn = {"role": "user", "content": "time?"}
CALLS, RESULT = says("assistant", "tool_use"), says("user", "tool_result")
THINKS = says("assistant", "thinking", "tool_use")
ANSWERS: Turn = {"role": "assistant", "content": "noon"}


@pytest.mark.parametrize(
    "turns",
    [
        (ASKS, CALLS, RESULT),
        (ASKS, says("assistant", "text", "tool_use"), says("user", "tool_result", "text")),
        (ASKS, CALLS, RESULT, CALLS, RESULT),
        (ASKS, THINKS, RESULT, ANSWERS, ASKS, CALLS, RESULT),
    ],
)
def test_nobody_may_think_after_calls_that_none_of_its_thinking_precedes(turns: tuple[Turn, ...]) -> None:
    assert not may_think(turns)


@pytest.mark.parametrize(
    "turns",
    [
        (),
        (ASKS,),
        (ASKS, THINKS, RESULT),
        (ASKS, says("assistant", "redacted_thinking", "tool_use"), RESULT),
        (ASKS, THINKS, RESULT, CALLS, RESULT),
        (ASKS, CALLS, RESULT, ANSWERS, ASKS),
        (ASKS, CALLS, RESULT, ANSWERS),
    ],
)
def test_otherwise_thinking_goes_on(turns: tuple[Turn, ...]) -> None:
    assert may_think(turns)
