"""Whether Claude may think by budget where a conversation in Anthropic's shape stands.

From the user's question to the answer, tool calls and their results are one turn, and with thinking `enabled` Anthropic
refuses one that does not begin with thinking of its own ("Expected `thinking` or `redacted_thinking`, but found
`tool_use`"). Other providers' thinking cannot stand for it. `adaptive` asks for none:
platform.claude.com/docs/en/build-with-claude/adaptive-thinking.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

Turn = dict[str, Any]

THINKING = ("thinking", "redacted_thinking")


def may_think(turns: Sequence[Turn]) -> bool:
    """False where results are handed in for calls before which nothing was thought.

    One turn that begins with thinking is enough: Claude itself thinks before the first call and need not before the
    next, and once thinking has been sent, it is leaving `thinking` out that is refused.
    """
    if not turns or not _hands_in(turns[-1]):
        return True
    loop = takewhile(lambda turn: turn["role"] == "assistant" or _hands_in(turn), reversed(turns))
    return any(turn["role"] == "assistant" and _kinds(turn)[0] in THINKING for turn in loop)


def _hands_in(turn: Turn) -> bool:
    return turn["role"] == "user" and "tool_result" in _kinds(turn)


def _kinds(turn: Turn) -> list[Any]:
    content = turn["content"]
    return ["text"] if isinstance(content, str) else [block.get("type") for block in content]
