"""An event stream, or the plain reply that came in its place.

Some servers ignore `stream`, and gateways before them answer with status 200 and an error that is one JSON object.
The official clients take neither for a reply; here the object is read as a reply of one piece for each of its parts.
"""

from typing import Any, Protocol

from callboard.actors.wires.lines import Beginning
from callboard.actors.wires.objects import ObjectReader
from callboard.actors.wires.sse import BEGINNINGS, Event, EventReader, is_ping
from callboard.actors.wires.stream import Growing, ReplyStream
from callboard.messages.chat import Part, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from callboard.messages.reply import Answer, Delta


class EventReply(Growing[Event], Protocol):
    """A reply that grows by events, and may come whole."""

    def whole(self, body: bytes) -> Answer:
        """A plain reply. Raises WireFault."""
        ...


class EventStream(ReplyStream[Any]):
    """wire.StreamDecoder. The first byte that counts tells which it is; what is neither is malformed."""

    def __init__(self, provider: str, reply: EventReply) -> None:
        super().__init__(provider, EventReader(), reply)
        self._whole = reply
        self._beginning: Beginning | None = Beginning()

    def feed(self, data: bytes) -> list[Delta]:
        """The deltas that these bytes complete. Raises WireFault."""
        return super().feed(data if self._beginning is None else self._begin(self._beginning.feed(data)))

    def _is_ping(self, frame: Any) -> bool:
        return isinstance(frame, Event) and is_ping(frame)

    def _begin(self, data: bytes) -> bytes:
        if data:
            self._beginning = None
            if data[:1] not in BEGINNINGS:
                self._frames = ObjectReader()
                self._reply = _Whole(self._whole)
        return data


class _Whole:
    """A reply that is one frame (stream.Growing)."""

    def __init__(self, reply: EventReply) -> None:
        self.done = False
        self.complete = False
        self._reply = reply

    def take(self, frame: bytes, deltas: list[Delta]) -> None:
        index = 0
        for part in self._reply.whole(frame).parts:
            deltas += _deltas(part, index)
            index += isinstance(part, ToolCallPart)
        self.done = self.complete = True

    def answer(self) -> Answer:
        return self._reply.answer()


def _deltas(part: Part, index: int) -> list[Delta]:
    match part:
        case TextPart() if part.text:
            return [Delta(text=part.text)]
        case ThinkingPart() if part.text:
            return [Delta(thinking=part.text)]
        case RefusalPart() if part.text:
            return [Delta(refusal=part.text)]
        case ToolCallPart():
            opened = Delta(tool_index=index, tool_id=part.id, tool_name=part.name)
            return [opened, Delta(tool_index=index, arguments=part.arguments)]
        case _:
            return []
