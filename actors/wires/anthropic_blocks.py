"""One content block of an Anthropic message, as it grows, and the part that it becomes."""

from typing import Any

import msgspec

from callboard.actors.wires.jsons import items, mapping, string, value_of
from callboard.messages.chat import OpaquePart, Part, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Delta


class Piece(msgspec.Struct):
    """The delta of a block. A delta of an unknown kind is read once more, with all its members."""

    type: Any = None
    text: Any = None
    thinking: Any = None
    partial_json: Any = None
    signature: Any = None
    citation: Any = None


class Block:
    """The block as it started, and what the deltas add. `call` is its place among the tool calls, if it is one."""

    def __init__(self, start: dict[str, Any], call: int | None) -> None:
        self._start = start
        self._call = call
        self._words: list[str] = [string(start.get("text")) or string(start.get("thinking")) or ""]
        self._json: list[str] = []
        self._signature = string(start.get("signature")) or ""

    def start(self, deltas: list[Delta]) -> None:
        """What the start itself is worth."""
        if self._call is not None:
            name = string(self._start.get("name")) or ""
            deltas.append(Delta(tool_index=self._call, tool_id=self._id(), tool_name=name))
        self._say(self._words[0], deltas)

    def add(self, piece: Piece, deltas: list[Delta]) -> bool:
        """Whether the delta was of a known kind."""
        match piece.type:
            case "text_delta" if isinstance(piece.text, str):
                self._words.append(piece.text)
                self._say(piece.text, deltas)
            case "thinking_delta" if isinstance(piece.thinking, str):
                self._words.append(piece.thinking)
                self._say(piece.thinking, deltas)
            case "input_json_delta" if isinstance(piece.partial_json, str):
                self._json.append(piece.partial_json)
                if self._call is not None and piece.partial_json:
                    deltas.append(Delta(tool_index=self._call, arguments=piece.partial_json))
            case "signature_delta" if isinstance(piece.signature, str):
                self._signature += piece.signature
            case "citations_delta" if piece.citation is not None:
                self._start["citations"] = [*items(self._start.get("citations")), piece.citation]
            case _:
                return False
        return True

    def merge(self, delta: dict[str, Any]) -> None:
        """A delta of a later day: strings and lists grow, anything else is replaced."""
        for name, value in delta.items():
            old = self._start.get(name)
            grows = name != "type" and isinstance(value, str | list) and type(value) is type(old)
            if name != "type":
                self._start[name] = old + value if grows else value

    def stop(self, deltas: list[Delta]) -> None:
        """Arguments that came whole with the start, as from some imitations."""
        if self._call is not None and not self._json and self._start.get("input"):
            deltas.append(Delta(tool_index=self._call, arguments=self._arguments()))

    def part(self, origin: str) -> Part | None:
        """The part, or None for a text without text. `origin` is the wire's name."""
        words = "".join(self._words)
        match self._start.get("type"):
            case "text":
                extra = self._rest("type", "text")
                return TextPart(words, extra=extra) if words or extra else None
            case "thinking":
                extra = self._rest("type", "thinking", "signature")
                return ThinkingPart(text=words, signature=self._signature or None, origin=origin, extra=extra)
            case "redacted_thinking":
                return ThinkingPart(redacted=string(self._start.get("data")), origin=origin)
            case "tool_use":
                return ToolCallPart(
                    id=self._id(),
                    name=string(self._start.get("name")) or "",
                    arguments=self._arguments(),
                    origin=origin,
                    extra=self._rest("type", "id", "name", "input"),
                )
            case _:
                return OpaquePart(origin=origin, block=self._block())

    def _say(self, words: str, deltas: list[Delta]) -> None:
        if words and self._start.get("type") == "text":
            deltas.append(Delta(text=words))
        elif words and self._start.get("type") == "thinking":
            deltas.append(Delta(thinking=words))

    def _id(self) -> str:
        """An imitation's call may have none; it gets one, so that its result can name it."""
        return string(self._start.get("id")) or f"call_{self._call}"

    def _arguments(self) -> str:
        return "".join(self._json) or msgspec.json.encode(mapping(self._start.get("input"))).decode()

    def _block(self) -> dict[str, Any]:
        """A block for nobody but its origin, as it would have come in a plain reply."""
        block = dict(self._start)
        if self._json:
            value = value_of("".join(self._json).encode())
            block["input"] = {} if value is None else value
        if len(self._words) > 1:
            block["text"] = "".join(self._words)
        return block

    def _rest(self, *known: str) -> dict[str, Any] | None:
        rest = {name: value for name, value in self._start.items() if name not in known and value}
        return rest or None
