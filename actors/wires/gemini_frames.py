"""Gemini's two framings of one stream of replies, as JSON texts out of bytes that come split anywhere.

With `alt=sse` each event's data is one text; without it the whole body is one JSON array, and so are errors. Source:
ai.google.dev/api/generate-content, streamGenerateContent. The first byte that counts tells which it is.
"""

from callboard.actors.wires.lines import LIMIT, Beginning
from callboard.actors.wires.objects import ObjectReader
from callboard.actors.wires.sse import BEGINNINGS, EventReader


class ReplyReader:
    """One stream (stream.Frames), whichever framing it has."""

    def __init__(self, limit: int = LIMIT) -> None:
        """`limit` is in bytes a text."""
        self._limit = limit
        self._beginning = Beginning()
        self._reader: EventReader | ObjectReader | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The texts that `data` completes. Raises lines.TooLong."""
        if self._reader is None:
            data = self._beginning.feed(data)
            if not data:
                return []
            self._reader = ObjectReader(self._limit) if data[:1] not in BEGINNINGS else EventReader(self._limit)
        return _texts(self._reader, data)

    def close(self) -> list[bytes]:
        """The last text, if its end never came."""
        return [] if self._reader is None else _texts(self._reader, None)


def _texts(reader: "EventReader | ObjectReader", data: bytes | None) -> list[bytes]:
    if isinstance(reader, ObjectReader):
        return reader.close() if data is None else reader.feed(data)
    return [event.data for event in (reader.close() if data is None else reader.feed(data))]
