"""The parts of one Gemini reply as they grow, and the deltas that they are worth.

Calls come whole, but Vertex may stream their arguments (`streamFunctionCallArguments`): a call with `willContinue`,
then calls without a name that hold `partialArgs`. Source: cloud.google.com/vertex-ai/generative-ai/docs/
multimodal/function-calling#streaming-fc.
"""

import re
from typing import Any

import msgspec

from callboard.actors.wires.gemini_parts import made_id, read_part
from callboard.actors.wires.jsons import check_parts, items, mapping, string
from callboard.messages.chat import Part, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Delta

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,6})\]|\['([^']*)'\]")
_DEEPEST = 50
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")


class GrowingParts:
    """The parts that have come so far. `join` makes one part of consecutive pieces of text, as streams send them."""

    def __init__(self, origin: str, *, join: bool) -> None:
        self.calls = 0
        self._origin = origin
        self._join = join
        self._parts: list[Part] = []
        self._pieces: list[str] = []
        self._kind: type[TextPart | ThinkingPart] = TextPart
        self._open: _PartialCall | None = None

    def take(self, part: dict[str, Any], response_id: str | None, deltas: list[Delta]) -> None:
        """One of Gemini's parts. Raises WireFault when there are too many."""
        check_parts(len(self._parts) + 1, self._origin)
        call = mapping(part.get("functionCall"))
        if self._open is not None and "functionCall" in part and not call.get("name"):
            self._continue(call, deltas)
            return
        self.finish(deltas)
        seeds = (response_id, self.calls) if response_id else (self.calls, repr(part))
        reads = read_part(part, self._origin, lambda: made_id(*seeds))
        for read in reads:
            if isinstance(read, ToolCallPart):
                self._call(read, call, deltas)
            else:
                self._say(read, deltas, signed=len(reads) > 1)

    def finish(self, deltas: list[Delta]) -> None:
        """No more arguments come for a call that was left open."""
        if self._open is not None:
            call = self._open.part()
            self._parts.append(call)
            self._open = None
            deltas.append(Delta(tool_index=self.calls - 1, arguments=call.arguments))

    def parts(self) -> tuple[Part, ...]:
        """What has come so far."""
        last = [] if self._open is None else [self._open.part()]
        return (*self._parts, *self._joined(), *last)

    def _say(self, part: Part, deltas: list[Delta], *, signed: bool) -> None:
        """Signed text stays a part of its own: a signature is good for nothing but the part that it came on."""
        text = part.text if isinstance(part, TextPart | ThinkingPart) else ""
        if text:
            deltas.append(Delta(thinking=text) if isinstance(part, ThinkingPart) else Delta(text=text))
        if isinstance(part, TextPart | ThinkingPart) and text and self._plain(part) and not signed:
            self._add(type(part), text)
        elif part != TextPart(""):
            self._seal()
            self._parts.append(part)

    def _plain(self, part: TextPart | ThinkingPart) -> bool:
        return self._join and part.extra is None and getattr(part, "signature", None) is None

    def _add(self, kind: type[TextPart | ThinkingPart], text: str) -> None:
        if kind is not self._kind:
            self._seal()
            self._kind = kind
        self._pieces.append(text)

    def _seal(self) -> None:
        self._parts += self._joined()
        self._pieces = []

    def _joined(self) -> list[Part]:
        text = "".join(self._pieces)
        if self._kind is ThinkingPart:
            return [ThinkingPart(text=text, origin=self._origin)] if text else []
        return [TextPart(text)] if text else []

    def _call(self, part: ToolCallPart, call: dict[str, Any], deltas: list[Delta]) -> None:
        self._seal()
        deltas.append(Delta(tool_index=self.calls, tool_id=part.id, tool_name=part.name))
        self.calls += 1
        self._open = _PartialCall(part)
        self._continue(call, deltas)

    def _continue(self, call: dict[str, Any], deltas: list[Delta]) -> None:
        if self._open is not None:
            self._open.add(call)
        if call.get("willContinue") is not True:
            self.finish(deltas)


class _PartialCall:
    """A call as it began, and values by their JSON paths."""

    def __init__(self, call: ToolCallPart) -> None:
        self._call = call
        self._values: dict[str, Any] = {}

    def add(self, call: dict[str, Any]) -> None:
        for piece in map(mapping, items(call.get("partialArgs"))):
            path = string(piece.get("jsonPath"))
            name = next((name for name in _VALUES if name in piece), None)
            if path is not None and name is not None:
                self._keep(path, None if name == "nullValue" else piece[name])

    def part(self) -> ToolCallPart:
        if not self._values:
            return self._call
        arguments: dict[str, Any] = msgspec.json.decode(self._call.arguments)
        for path, value in self._values.items():
            _place(arguments, path, "".join(value) if isinstance(value, list) else value)
        return msgspec.structs.replace(self._call, arguments=msgspec.json.encode(arguments).decode())

    def _keep(self, path: str, value: Any) -> None:
        if not isinstance(value, str):
            self._values[path] = value if isinstance(value, bool | int | float) else None
        elif isinstance(self._values.get(path), list):
            self._values[path].append(value)
        else:
            self._values[path] = [value]


def _place(arguments: dict[str, Any], path: str, value: Any) -> None:
    """Puts a value where the path says, making what is missing on the way; a path that makes no sense is skipped."""
    steps = [int(number) if number else name or quoted for name, number, quoted in _STEP.findall(path)]
    if not 0 < len(steps) <= _DEEPEST:
        return
    at: Any = arguments
    for step, follows in zip(steps, [*steps[1:], None], strict=True):
        fresh = value if follows is None else [] if isinstance(follows, int) else {}
        at = _enter(at, step, fresh, last=follows is None)


def _enter(at: Any, step: str | int, fresh: Any, *, last: bool) -> Any:
    if isinstance(at, dict) and isinstance(step, str):
        at[step] = fresh if last else at.get(step, fresh)
        return at[step]
    if isinstance(at, list) and isinstance(step, int) and step <= len(at):
        if last or step == len(at):
            at[step:] = [fresh]
        return at[step]
    return None
