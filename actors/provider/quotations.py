"""What a provider quotes of a request, taken out of what it says. Pure.

A refusal may hold a piece of the conversation ("Invalid content: '…'"), and what it says goes into errors, logs and
records. Both sides are compared by their letters and digits alone, so that a quotation is found however it was
escaped, spaced or cut. The request is looked at part by part, since it may be long: none takes more than some
milliseconds.
"""

import re
import sys
from collections.abc import Iterator

import msgspec

from callboard.actors.wires.redact import HIDDEN
from callboard.messages.faults import Fault

PASSAGE = 20
"""Bytes of letters and digits in a row that stand in both by no chance: some 24 characters of English."""
WORD = 24
"""The same, of a single word: the names of parameters are shorter, and say what is wrong."""
PART = 16 * 1024
"""Bytes of a request that are looked at in one step."""
OVERLAP = 512
"""Bytes that two parts share, so that no passage is missed between them."""

_BLOCK = 8
"""Bytes of an integer. Whatever is nearly twice as long holds a block that begins at a multiple of this."""
_NOWHERE = "\x7f"
"""A letter that stands in no request, because `_letters_of` drops it there."""
_LETTER = re.compile(r"\\+(?:[nrt]|u00[0-7][0-9a-fA-F])|\\+u([0-9a-fA-F]{4})|([a-zA-Z0-9\x7f-\U0010ffff])")
_ONE_WORD = re.compile(r"[\w./:-]*", re.ASCII)
_ESCAPES = (b"\\n", b"\\r", b"\\t", b'\\"', "\N{NO-BREAK SPACE}".encode(), "\N{IDEOGRAPHIC SPACE}".encode())
_LOWER = bytes(range(256)).lower()
_DROPPED = bytes(code for code in range(128) if not chr(code).isalnum() and chr(code) != '"')
"""A quotation mark that is not escaped ends a string of the request's JSON; no passage goes beyond it."""


class Quotations:
    """What a fault quotes of the request that it was the answer to."""

    def __init__(self, fault: Fault, model: str) -> None:
        """`model` is the name of the one that was asked, which may be told."""
        self._fault = fault
        texts = {"message": fault.message, "code": fault.code or "", "request_id": fault.request_id or ""}
        self._said = {name: _Said(text, model) for name, text in texts.items() if len(text.encode()) >= PASSAGE}

    def look_at(self, part: bytes) -> None:
        """Compare with one of the `parts` of the request's body."""
        sent = _letters_of(part)
        blocks = _blocks_of(sent)
        for said in self._said.values():
            said.compare(sent, blocks)

    def left_out(self) -> Fault:
        """The fault without what was found."""
        return msgspec.structs.replace(self._fault, **{name: said.told() for name, said in self._said.items()})


def parts(body: bytes) -> Iterator[bytes]:
    """A request's body, piece by piece."""
    for start in range(0, len(body), PART):
        yield body[start : start + PART + OVERLAP]


class _Said:
    """One text, and which of its letters stand in the request too."""

    def __init__(self, text: str, model: str) -> None:
        self._text = text
        self._places: list[tuple[int, int]] = []
        letters = bytearray()
        shown = text.replace(model, _NOWHERE * len(model)) if len(model) >= PASSAGE else text
        for match in _LETTER.finditer(shown):
            letter = chr(int(match[1], 16)) if match[1] else match[2] or ""
            code = letter.encode(errors="ignore").lower()
            letters += code
            self._places += [match.span()] * len(code)
        self._letters = bytes(letters)
        self._quoted = bytearray(len(letters))
        windows = (letters[at : at + _BLOCK] for at in range(len(letters) - _BLOCK + 1))
        self._windows = [int.from_bytes(window, sys.byteorder) for window in windows]
        self._ours = frozenset(self._windows)

    def compare(self, sent: bytes, blocks: memoryview) -> None:
        """Mark what stands in `sent`. It is searched only for what holds one of its blocks: hardly anything does."""
        common = self._ours.intersection(blocks)
        end = 0
        for at in self._beginnings(common) if common else ():
            if at >= end and (length := self._shared(sent, at)):
                end = at + length
                self._mark(at, end)

    def told(self) -> str:
        """The text without what was marked."""
        pieces, end = [], 0
        for run in re.finditer(rb"\x01+", self._quoted):
            pieces.append(self._text[end : self._places[run.start()][0]])
            end = self._places[run.end() - 1][1]
        return HIDDEN.join([*pieces, self._text[end:]])

    def _beginnings(self, common: frozenset[int]) -> list[int]:
        """Where a passage may begin: no more than a block before one that is shared."""
        found = (at for at, window in enumerate(self._windows) if window in common)
        return sorted({begin for at in found for begin in range(max(0, at - _BLOCK + 1), at + 1)})

    def _shared(self, sent: bytes, at: int) -> int:
        """How many letters from here stand in `sent` in a row; 0 when these are too few for a passage."""
        place = sent.find(self._letters[at : at + PASSAGE])
        if place < 0 or len(self._letters) - at < PASSAGE:
            return 0
        length = PASSAGE
        while self._letters[at + length : at + length + 1] == sent[place + length : place + length + 1] != b"":
            length += 1
        return length

    def _mark(self, at: int, end: int) -> None:
        words = self._text[self._places[at][0] : self._places[end - 1][1]]
        if end - at >= WORD or not _ONE_WORD.fullmatch(words):
            self._quoted[at:end] = b"\x01" * (end - at)


def _letters_of(part: bytes) -> bytes:
    """Letters and digits, in lower case where they are of ASCII, and the ends of strings."""
    part = part.replace(b"\\\\", b"\\")
    for escape in _ESCAPES:
        part = part.replace(escape, b"")
    return part.translate(_LOWER, _DROPPED)


def _blocks_of(letters: bytes) -> memoryview:
    return memoryview(letters[: len(letters) // _BLOCK * _BLOCK]).cast("Q")
