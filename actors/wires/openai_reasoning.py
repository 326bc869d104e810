"""OpenRouter's `reasoning_details`: reasoning with signatures and encrypted blocks, to be sent back untouched.

In a stream a detail comes in pieces, which belong together by index and type. The details are kept in the `extra` of a
ThinkingPart, and go back with it, to its origin only.

Source: openrouter.ai/docs/use-cases/reasoning-tokens.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from callboard.actors.wires.jsons import items, mapping
from callboard.messages.chat import Part, ThinkingPart

MEMBER = "reasoning_details"
_GROWING = ("text", "summary", "data")


class Details:
    """The details of one reply as they come."""

    def __init__(self) -> None:
        self._pieces: list[tuple[dict[str, Any], dict[str, list[str]]]] = []

    def add(self, told: Any) -> None:
        """The details of one message or delta."""
        for piece in map(mapping, items(told)):
            if not piece:
                continue
            if not self._pieces or not _belong(self._pieces[-1][0], piece):
                self._pieces.append(({}, {name: [] for name in _GROWING}))
            whole, growing = self._pieces[-1]
            for name, value in piece.items():
                if name in growing and isinstance(value, str):
                    growing[name].append(value)
                elif value is not None:
                    whole[name] = value

    def kept(self) -> dict[str, Any]:
        """The member of a part's `extra` that holds them."""
        return {MEMBER: [_joined(whole, growing) for whole, growing in self._pieces]} if self._pieces else {}


def attached(parts: tuple[Part, ...], origin: str, extra: dict[str, Any]) -> tuple[Part, ...]:
    """`parts` with `extra` in the first thinking part, or in one of its own that goes before."""
    if not extra:
        return parts
    for place, part in enumerate(parts):
        if isinstance(part, ThinkingPart):
            return (*parts[:place], msgspec.structs.replace(part, extra=extra), *parts[place + 1 :])
    return (ThinkingPart(origin=origin, extra=extra), *parts)


def details_of(thoughts: Iterable[ThinkingPart]) -> list[Any]:
    """The details that these parts brought; the caller leaves out those of other origins."""
    return [detail for part in thoughts for detail in items((part.extra or {}).get(MEMBER))]


def _belong(whole: dict[str, Any], piece: dict[str, Any]) -> bool:
    index = piece.get("index")
    return index is not None and (index, piece.get("type")) == (whole.get("index"), whole.get("type"))


def _joined(whole: dict[str, Any], growing: dict[str, list[str]]) -> dict[str, Any]:
    return whole | {name: "".join(pieces) for name, pieces in growing.items() if pieces}
