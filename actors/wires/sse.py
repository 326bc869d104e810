"""Server-sent events out of bytes that come split anywhere.

Protocol: WHATWG HTML, 9.2.6 "Interpreting an event stream". One thing is done differently: an event whose blank line
never came is handed out when the stream closes, because real providers leave that line out.
"""

from typing import Any

import msgspec

from callboard.actors.wires.jsons import UNREADABLE
from callboard.actors.wires.lines import LIMIT, LineReader, TooLong

BEGINNINGS = b":deir\xef"
"""What a stream may begin with: a comment, `data`, `event`, `id`, `retry`, or a byte order mark."""
PINGS = ("ping", "keepalive")
"""Events that keep the connection open, as Anthropic and OpenAI's Responses call them."""
_MAX_RETRY_DIGITS = 9


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event. `data` is left as bytes, since every provider puts JSON there."""

    type: str
    """`message` when the sender named none."""
    data: bytes
    id: str


class _Named(msgspec.Struct):
    """An event's data, as far as it tells what it is."""

    type: Any = None


_NAMED = msgspec.json.Decoder(_Named)


def is_ping(event: Event) -> bool:
    """Whether the event is empty or says of itself that it only keeps the connection open. Never raises."""
    if event.type in PINGS or not event.data.strip():
        return True
    try:
        return _NAMED.decode(event.data).type in PINGS
    except UNREADABLE:
        return False


class EventReader:
    """One event stream."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.retry: int | None = None
        """Milliseconds that the sender asks to wait before reconnecting."""
        self._limit = limit
        self._lines = LineReader(limit)
        self._type = ""
        self._id = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes. Raises lines.TooLong."""
        return self._interpret(self._lines.feed(data))

    def close(self) -> list[Event]:
        """The last event, if the sender left out its blank line."""
        return self._interpret([*self._lines.close(), b""])

    def _interpret(self, lines: list[bytes]) -> list[Event]:
        events: list[Event] = []
        for line in lines:
            if line[:6] == b"data: ":
                self._add(line[6:])
            elif line:
                self._field(line)
            else:
                self._dispatch(events)
        return events

    def _add(self, data: bytes) -> None:
        self._data.append(data)
        self._size += len(data) + 1
        if self._size > self._limit:
            raise TooLong(f"an event is longer than {self._limit:,} bytes")

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._add(value)
            case b"event":
                self._type = value.decode("utf-8", "replace")
            case b"id" if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
            case b"retry" if value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
                self.retry = int(value)
            case _:  # comments, which have no name, and fields of a later day
                pass

    def _dispatch(self, events: list[Event]) -> None:
        if self._data:
            data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            events.append(Event(self._type or "message", data, self._id))
            self._data = []
            self._size = 0
        self._type = ""
