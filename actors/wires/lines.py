"""Lines out of bytes that come split anywhere: the frame of newline-delimited JSON and the ground of event streams."""

LIMIT = 16 * 1024 * 1024
"""Bytes of one line or event; room for a picture in base64."""

MARK = b"\xef\xbb\xbf"
"""UTF-8's byte order mark, which belongs to no text."""

_LF, _CR = 10, 13


class TooLong(ValueError):
    """The sender put more into one line or event than the reader will hold. The sender's fault; feed no more."""


class LineReader:
    """Cuts bytes into lines at CR, LF or CRLF and drops a byte order mark at the very start.

    A line is handed out as soon as its CR or LF is there; an LF that follows a CR in the next piece is swallowed.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._tail = bytearray()
        self._after_cr = False
        self._started = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their ends. Raises TooLong."""
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]
            self._after_cr = False
        if not data:
            return []
        held = len(self._tail) + len(data)
        self._after_cr = data[-1] == _CR
        lines = data.splitlines()
        rest = b"" if data[-1] in (_LF, _CR) else lines.pop()
        if lines and self._tail:
            lines[0] = bytes(self._tail + lines[0])
            self._tail.clear()
        self._tail += rest
        if held > self._limit:
            self._check(lines)
        return lines if self._started else self._start(lines)

    def close(self) -> list[bytes]:
        """The last line, if the sender left out its end."""
        if not self._tail:
            return []
        line = bytes(self._tail)
        self._tail.clear()
        return [line] if self._started else self._start([line])

    def _start(self, lines: list[bytes]) -> list[bytes]:
        if lines:
            self._started = True
            lines[0] = lines[0].removeprefix(MARK)
        return lines

    def _check(self, lines: list[bytes]) -> None:
        if max(len(self._tail), *map(len, lines), 0) > self._limit:
            raise TooLong(f"a line is longer than {self._limit:,} bytes")


class Beginning:
    """Finds a body's first byte that counts, by which its framing is told: no byte order mark and no white space."""

    def __init__(self) -> None:
        self._mark = b""

    def feed(self, data: bytes) -> bytes:
        """What has come from that byte on; empty as long as it has not."""
        data = self._mark + data
        if MARK.startswith(data):  # none of it yet, or no more than the mark
            self._mark = data
            return b""
        self._mark = MARK
        return data.removeprefix(MARK).lstrip()
