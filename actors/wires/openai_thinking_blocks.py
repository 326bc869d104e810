"""LiteLLM's `thinking_blocks`: what Claude thought and signed, behind a proxy that speaks as OpenAI does. Claude
refuses the results of its tools' calls without it.

A stream brings a block whole once it is signed; before June 2026 it brought one in pieces, the last of them signed.
What was never signed does not go back. The blocks are kept in the `extra` of a ThinkingPart and go back with it, to
its origin only, and there to no other model than their own but those that are called Claude: LiteLLM hands them on to
any, and others refuse them.

Source: docs.litellm.ai/docs/reasoning_content, and github.com/BerriAI/litellm/pull/31022 for both kinds of stream.
"""

from collections.abc import Iterable
from typing import Any

from callboard.actors.wires.jsons import items, mapping, string
from callboard.messages.chat import ThinkingPart

MEMBER = "thinking_blocks"
_MODEL = "thinking_model"


class Blocks:
    """The blocks of one reply as they come."""

    def __init__(self) -> None:
        self._done: list[dict[str, Any]] = []
        self._pieces: list[str] = []

    def add(self, told: Any) -> None:
        """The blocks of one message or delta."""
        for block in map(mapping, items(told)):
            if string(block.get("data")):
                self._done.append(block)
            elif string(block.get("signature")):
                self._done.append(block | {"thinking": self._text(string(block.get("thinking")) or "")})
                self._pieces = []
            elif string(block.get("thinking")):
                self._pieces.append(block["thinking"])

    def kept(self, model: str | None) -> dict[str, Any]:
        """The members of a part's `extra` that hold them; `model` is whose they are."""
        if not self._done:
            return {}
        return {MEMBER: self._done} if model is None else {MEMBER: self._done, _MODEL: model}

    def _text(self, last: str) -> str:
        came = "".join(self._pieces)
        return last if last.startswith(came) else came + last


def blocks_of(thoughts: Iterable[ThinkingPart], model: str) -> list[Any]:
    """The blocks that these parts brought and `model` takes; the caller leaves out those of other origins."""
    told = [part.extra or {} for part in thoughts]
    taken = [extra for extra in told if "claude" in model or extra.get(_MODEL) == model]
    return [block for extra in taken for block in items(extra.get(MEMBER))]
