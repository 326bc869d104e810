"""Ids of tool calls as Anthropic takes them: of few characters, and each of one call of the conversation alone.

Others give ids of other characters, or count anew in each reply, or give all their calls one id.
"""

import re

_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]")


class ToolIds:
    """The ids of one request."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        """By the ids that were given, the last number that was put behind them."""
        self._waiting: dict[str, list[str]] = {}
        """By the ids of the latest calls, those that they were given: the results that come next are theirs."""
        self._answered = False

    def call(self, call_id: str) -> str:
        """The id to give to a call."""
        if self._answered:
            self._waiting, self._answered = {}, False
        plain = given = _plain(call_id)
        while given in self._numbers:
            self._numbers[plain] += 1
            given = f"{plain}_{self._numbers[plain]}"
        self._numbers[given] = 1
        self._waiting.setdefault(call_id, []).append(given)
        return given

    def result(self, call_id: str) -> str:
        """The id that the call which this result answers was given; of several alike, the next one's."""
        self._answered = True
        waiting = self._waiting.get(call_id) or [_plain(call_id)]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def _plain(call_id: str) -> str:
    return _NOT_IN_ID.sub("_", call_id)
