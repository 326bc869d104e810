"""Content codings undone in bounded steps, so that a small body cannot unfold into all of memory.

br and zstd need a package each (`brotli`, and `backports.zstd` before Python 3.14); they are asked for and understood
only where it is installed.
"""

import importlib
import importlib.util
import sys
import zlib
from typing import Any, Protocol

from callboard.actors.transport.errors import TooLarge, Undecodable

PIECE = 64 * 1024
"""Bytes that one step may give: what a read of the socket may, so that a reader is no longer at it."""

_ZLIB, _BARE, _GZIP = zlib.MAX_WBITS, -zlib.MAX_WBITS, zlib.MAX_WBITS + 16
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
MOST_EMPTY = 1_000
"""Frames of zstd in a row that hold nothing: each takes a decoder of its own, and gives nobody a turn."""
_ZSTD_WINDOW = 23
"""log2 of the window: the 8 MB that RFC 9659 lets a server use."""


class Decoder(Protocol):
    """One coded body. `push` input, then `pull` until it gives nothing."""

    def push(self, data: bytes) -> None:
        """More coded bytes; only when `pull` has given nothing."""
        ...

    def pull(self) -> bytes:
        """The next piece, some PIECE bytes at most; empty when more input is needed."""
        ...

    def finished(self) -> bool:
        """Whether the coded body has come to its own end."""
        ...


class Gzip:
    """gzip (RFC 1952), of several members if need be. What follows the last is no part of it, as gzip(1) has it."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(_GZIP)
        self._input = b""

    def push(self, data: bytes) -> None:
        self._input += data

    def pull(self) -> bytes:
        while True:
            if self._decoder.eof:
                if not self._goes_on():
                    return b""
                self._decoder = zlib.decompressobj(_GZIP)
            piece = self._decoder.decompress(self._input, PIECE)
            self._input = self._decoder.unconsumed_tail or self._decoder.unused_data
            if piece or not self._input:
                return piece

    def finished(self) -> bool:
        return self._decoder.eof

    def _goes_on(self) -> bool:
        """Whether another member begins. What is none is kept by its beginning, so that nothing after it is one."""
        if self._input.startswith(_GZIP_MAGIC):
            return True
        self._input = self._input[: len(_GZIP_MAGIC)]
        return False


class Deflate:
    """deflate: in zlib's frame as RFC 9110 says, or bare as some servers send it. What comes after its end is dropped:
    zlib would copy all of that with each piece.
    """

    def __init__(self) -> None:
        self._decoder: zlib._Decompress | None = None
        self._input = b""

    def push(self, data: bytes) -> None:
        if not self.finished():
            self._input += data

    def pull(self) -> bytes:
        if self._decoder is None:
            if len(self._input) < 2:
                return b""
            self._decoder = zlib.decompressobj(_ZLIB if _zlib_framed(self._input) else _BARE)
        if self._decoder.eof:
            return b""
        piece = self._decoder.decompress(self._input, PIECE)
        self._input = self._decoder.unconsumed_tail
        return piece

    def finished(self) -> bool:
        return self._decoder is not None and self._decoder.eof


class Brotli:
    """br (RFC 7932)."""

    def __init__(self, module: Any) -> None:
        self._decoder = module.Decompressor()
        self._input = b""

    def push(self, data: bytes) -> None:
        self._input += data

    def pull(self) -> bytes:
        data = b""
        if self._decoder.can_accept_more_data():
            data, self._input = self._input, b""
        piece: bytes = self._decoder.process(data, output_buffer_limit=PIECE)
        return piece

    def finished(self) -> bool:
        return bool(self._decoder.is_finished())


class Zstd:
    """zstd (RFC 8878), of several frames if need be."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._decoder = self._fresh()
        self._input = b""
        self._empty = 0

    def push(self, data: bytes) -> None:
        self._input += data

    def pull(self) -> bytes:
        while True:
            if self._decoder.eof:
                if not self._input:
                    return b""
                self._decoder = self._fresh()
                self._empty += 1
                if self._empty > MOST_EMPTY:
                    raise ValueError("there is no end of frames that hold nothing")
            data, self._input = self._input, b""
            piece: bytes = self._decoder.decompress(data, PIECE)
            if self._decoder.eof:
                self._input = self._decoder.unused_data
            if piece:
                self._empty = 0
            if piece or not self._input:
                return piece

    def finished(self) -> bool:
        return bool(self._decoder.eof)

    def _fresh(self) -> Any:
        options = {self._module.DecompressionParameter.window_log_max: _ZSTD_WINDOW}
        return self._module.ZstdDecompressor(options=options)


class Unasked:
    """A coding that was not asked for, such as two on top of each other. It keeps nobody from the reply's head."""

    def __init__(self, where: object) -> None:
        self._where = where

    def push(self, data: bytes) -> None:
        raise Undecodable(f"{self._where}: the body has a content coding that was not asked for")

    def pull(self) -> bytes:
        return b""

    def finished(self) -> bool:
        return False


class Unfolding:
    """A coded body on its way to the reader: whole pieces out, held to `limit` bytes altogether."""

    __slots__ = ("_decoder", "_given", "_limit", "_pushed", "_where")

    def __init__(self, decoder: Decoder, limit: int, where: object) -> None:
        self._decoder = decoder
        self._limit = limit
        self._where = where
        self._given = 0
        self._pushed = False

    def push(self, data: bytes) -> None:
        """More coded bytes; only when `pull` has given nothing. Raises Undecodable for a coding not asked for."""
        self._pushed = self._pushed or bool(data)
        self._decoder.push(data)

    def pull(self) -> bytes:
        """The next piece; empty when more input is needed. Raises Undecodable or TooLarge."""
        try:
            piece = self._decoder.pull()
        except Exception as error:  # each library has its own
            raise Undecodable(f"{self._where}: the body's content coding is broken") from error
        self._given += len(piece)
        if self._given > self._limit:
            raise TooLarge(f"{self._where}: the body unfolds to more than {self._limit:,} bytes (bound decoded)")
        return piece

    def close(self) -> None:
        """The coded body has ended. Raises Undecodable if that was too early."""
        if self._pushed and not self._decoder.finished():
            raise Undecodable(f"{self._where}: the body's content coding is cut off")


def accept_encoding() -> bytes:
    """The Accept-Encoding that this installation can keep."""
    names = ["gzip", "deflate"]
    names += ["br"] if _installed("brotli") else []
    names += ["zstd"] if _installed(_ZSTD) else []
    return ", ".join(names).encode()


def unfolding(content_encoding: bytes, limit: int, where: object) -> Unfolding | None:
    """What undoes a body's Content-Encoding; None when there is nothing to undo."""
    coding = content_encoding.strip().lower()
    if coding in (b"", b"identity"):
        return None
    return Unfolding(_decoder(coding) or Unasked(where), limit, where)


def _decoder(coding: bytes) -> Decoder | None:
    match coding:
        case b"gzip" | b"x-gzip":
            return Gzip()
        case b"deflate":
            return Deflate()
        case b"br" if _installed("brotli"):
            return Brotli(importlib.import_module("brotli"))
        case b"zstd" if _installed(_ZSTD):
            return Zstd(importlib.import_module(_ZSTD))
        case _:
            return None


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _zlib_framed(data: bytes) -> bool:
    return data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
