"""One content block of an Anthropic message, as it grows, and the part that it becomes."""

from typing import Any

import msgspec

from callboard.actors.wires.jsons import mapping, string, value_of
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
        self._signature = [string(start.get("signature")) or ""]
        self._stopped = False
        self._later: dict[str, list[Any]] = {}
        """Members that grow, by the pieces that have come of each: put together once, however many there are."""

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
                self._signature.append(piece.signature)
            case "citations_delta" if piece.citation is not None:
                self.merge({"citations": [piece.citation]})
            case _:
                return False
        return True

    def merge(self, delta: dict[str, Any]) -> None:
        """A delta of a later day: strings and lists grow, anything else is replaced."""
        for name, value in delta.items():
            if name == "type":
                continue
            pieces = self._later.setdefault(name, [self._start.get(name)])
            if not isinstance(value, str | list) or type(value) is not type(pieces[0]):
                pieces.clear()
            pieces.append(value)

    def stop(self, deltas: list[Delta]) -> None:
        """Arguments that came whole with the start, as from some imitations; told once, however often it stops."""
        stopped, self._stopped = self._stopped, True
        if self._call is not None and not self._json and not stopped and self._told().get("input"):
            deltas.append(Delta(tool_index=self._call, arguments=self._arguments()))

    def part(self, origin: str) -> Part | None:
        """The part, or None for a text without text. `origin`: who alone understands it."""
        words = "".join(self._words)
        told = self._told()
        match told.get("type"):
            case "text":
                extra = _rest(told, "type", "text")
                return TextPart(words, extra=extra) if words or extra else None
            case "thinking":
                extra = _rest(told, "type", "thinking", "signature")
                return ThinkingPart(text=words, signature="".join(self._signature) or None, origin=origin, extra=extra)
            case "redacted_thinking":
                return ThinkingPart(redacted=string(told.get("data")), origin=origin)
            case "tool_use":
                return ToolCallPart(
                    id=self._id(),
                    name=string(told.get("name")) or "",
                    arguments=self._arguments(),
                    origin=origin,
                    extra=_rest(told, "type", "id", "name", "input"),
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
        return "".join(self._json) or msgspec.json.encode(mapping(self._told().get("input"))).decode()

    def _block(self) -> dict[str, Any]:
        """A block for nobody but its origin, as it would have come in a plain reply."""
        block = self._told()
        if self._json:
            value = value_of("".join(self._json).encode())
            block["input"] = {} if value is None else value
        if len(self._words) > 1:
            block["text"] = "".join(self._words)
        return block

    def _told(self) -> dict[str, Any]:
        """The members of the start, with what has come of them since."""
        return self._start | {name: _joined(pieces) for name, pieces in self._later.items()}


def _rest(told: dict[str, Any], *known: str) -> dict[str, Any] | None:
    rest = {name: value for name, value in told.items() if name not in known and value}
    return rest or None


def _joined(pieces: list[Any]) -> Any:
    """Pieces of one type: any number of strings or of lists, or one of another."""
    if isinstance(pieces[0], str):
        return "".join(pieces)
    return [item for piece in pieces for item in piece] if isinstance(pieces[0], list) else pieces[0]
