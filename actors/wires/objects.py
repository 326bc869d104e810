"""JSON objects out of bytes that come split anywhere: one alone, in a row, or in an array."""

import re

from callboard.actors.wires.lines import LIMIT, TooLong

_BETWEEN = re.compile(rb"[^\s\[\],]")
_IN_OBJECT = re.compile(rb'[{}"]')
_IN_STRING = re.compile(rb'["\\]')
_OPEN, _CLOSE, _QUOTE = b'{}"'


class ObjectReader:
    """Cuts bytes into the objects that they hold, without decoding them.

    Braces are counted outside strings only. What stands between objects and does not belong there is handed out as
    it is, so that whoever decodes it refuses it.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        """`limit` is in bytes an object."""
        self._limit = limit
        self._held = bytearray()
        self._start = 0
        self._at = 0
        self._depth = 0
        self._quoted = False

    def feed(self, data: bytes) -> list[bytes]:
        """The objects that `data` completes. Raises lines.TooLong."""
        self._held += data
        found: list[bytes] = []
        while self._step(found):
            pass
        del self._held[: self._start]
        self._at -= self._start
        self._start = 0
        if len(self._held) > self._limit:
            raise TooLong(f"an object is longer than {self._limit:,} bytes")
        return found

    def close(self) -> list[bytes]:
        """An object that was cut."""
        return [bytes(self._held)] if self._held else []

    def _step(self, found: list[bytes]) -> bool:
        """Moves to the next byte that matters; False when there is none yet."""
        pattern = _BETWEEN if not self._depth else _IN_STRING if self._quoted else _IN_OBJECT
        match = pattern.search(self._held, self._at)
        if match is None:
            self._at = max(self._at, len(self._held))  # an escape may reach into the next piece
            self._start = self._start if self._depth else self._at
            return False
        byte = self._held[match.start()]
        self._at = match.end()
        if not self._depth:
            self._begin(match.start(), byte, found)
        elif self._quoted:
            self._quoted = byte != _QUOTE
            self._at += byte != _QUOTE
        elif byte == _QUOTE:
            self._quoted = True
        else:
            self._brace(byte, found)
        return True

    def _begin(self, start: int, byte: int, found: list[bytes]) -> None:
        self._start = start
        if byte == _OPEN:
            self._depth = 1
        else:
            found.append(bytes(self._held[start:]))
            self._start = self._at = len(self._held)

    def _brace(self, byte: int, found: list[bytes]) -> None:
        self._depth += 1 if byte == _OPEN else -1
        if not self._depth:
            found.append(bytes(self._held[self._start : self._at]))
            self._start = self._at
