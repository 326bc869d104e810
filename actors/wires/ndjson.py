"""Newline-delimited JSON out of bytes that come split anywhere: one JSON text a line (https://github.com/ndjson)."""

from callboard.actors.wires.lines import LIMIT, LineReader


class RecordReader:
    """One stream of records, as bytes, so that the reader decodes each into the type that it expects.

    Lines end with CR, LF or CRLF; blank ones are skipped; the last may lack its end.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        """`limit` is in bytes a line."""
        self._lines = LineReader(limit)

    def feed(self, data: bytes) -> list[bytes]:
        """The records that `data` completes. Raises lines.TooLong."""
        return [line for line in self._lines.feed(data) if line.strip()]

    def close(self) -> list[bytes]:
        """The last record, if the sender left out the end of its line."""
        return [line for line in self._lines.close() if line.strip()]
