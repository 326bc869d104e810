"""An answer as it grows, for the wires that send text, reasoning and tool calls in pieces.

Consecutive pieces of one kind become one part, in the order in which they came. Each method returns the delta that
the piece is worth, and raises WireFault when there are too many parts.
"""

from typing import Any

from callboard.actors.wires.jsons import check_parts
from callboard.messages.chat import Part, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Delta


class _Text:
    def __init__(self, extra: dict[str, Any] | None = None) -> None:
        self.extra = extra
        self.pieces: list[str] = []

    def part(self, origin: str) -> Part:
        return TextPart("".join(self.pieces))


class _Refusal(_Text):
    def part(self, origin: str) -> Part:
        return RefusalPart("".join(self.pieces))


class _Thinking(_Text):
    def part(self, origin: str) -> Part:
        return ThinkingPart(text="".join(self.pieces), origin=origin, extra=self.extra)


class _Call:
    def __init__(self, index: int, call_id: str, name: str, extra: dict[str, Any] | None) -> None:
        self.index = index
        self.id = call_id
        self.name = name
        self.extra = extra
        self.pieces: list[str] = []

    def part(self, origin: str) -> Part:
        arguments = "".join(self.pieces) or "{}"
        return ToolCallPart(id=self.id, name=self.name, arguments=arguments, origin=origin, extra=self.extra)


class _Whole:
    def __init__(self, part: Part) -> None:
        self._part = part

    def part(self, origin: str) -> Part:
        return self._part


class Draft:
    """The parts that have come so far. `origin` is the wire's name."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._segments: list[_Text | _Call | _Whole] = []
        self._calls: list[_Call] = []

    def text(self, piece: str) -> Delta:
        """A piece of the answer's text."""
        self._open(_Text).pieces.append(piece)
        return Delta(text=piece)

    def thinking(self, piece: str, extra: dict[str, Any] | None = None) -> Delta:
        """A piece of visible reasoning; `extra` tells kinds of it apart, and is kept in the part."""
        self._open(_Thinking, extra).pieces.append(piece)
        return Delta(thinking=piece)

    def refusal(self, piece: str) -> Delta:
        """A piece of the model's refusal."""
        self._open(_Refusal).pieces.append(piece)
        return Delta(refusal=piece)

    def whole(self, part: Part) -> None:
        """A part that comes in one piece and is worth no delta, such as a picture."""
        self._add(_Whole(part))

    def call(self, call_id: str | None, name: str, extra: dict[str, Any] | None = None) -> Delta:
        """A new tool call. One that came without an id gets one, so that its result can name it."""
        index = len(self._calls)
        call = _Call(index, call_id or f"call_{index}", name, extra)
        self._add(call)
        self._calls.append(call)
        return Delta(tool_index=index, tool_id=call.id, tool_name=name)

    def name(self, index: int, name: str) -> Delta:
        """The name of a call that came without one."""
        self._calls[index].name = name
        return Delta(tool_index=index, tool_name=name)

    def arguments(self, index: int, piece: str) -> Delta:
        """A piece of the arguments of the call with this index."""
        self._calls[index].pieces.append(piece)
        return Delta(tool_index=index, arguments=piece)

    def named(self, index: int) -> bool:
        """Whether the call with this index has a name."""
        return bool(self._calls[index].name)

    def parts(self) -> tuple[Part, ...]:
        """What has come so far."""
        return tuple(segment.part(self._origin) for segment in self._segments)

    def _open(self, kind: type[_Text], extra: dict[str, Any] | None = None) -> _Text:
        last = self._segments[-1] if self._segments else None
        if isinstance(last, _Text) and type(last) is kind and last.extra == extra:
            return last
        segment = kind(extra)
        self._add(segment)
        return segment

    def _add(self, segment: _Text | _Call | _Whole) -> None:
        check_parts(len(self._segments) + 1, self._origin)
        self._segments.append(segment)
