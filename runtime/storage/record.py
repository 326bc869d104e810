"""A stored record: one version byte, four bytes of CRC-32, then the payload.

The checksum covers key, version and payload, so a sound record that turns up under another's key is broken
too. No valid record starts with a zero byte: that is what a blank page looks like.
"""

import struct
import zlib

from callboard.runtime.storage.errors import BrokenRecord

_HEADER = struct.Struct(">BI")
_VERSIONS = tuple(bytes((version,)) for version in range(256))


def pack(key: bytes, version: int, payload: bytes) -> bytes:
    """The bytes to store under `key`. `version`, 1 to 255, is that of the payload's format; else ValueError."""
    if not 1 <= version <= 255:
        raise ValueError(f"a record's version is 1 to 255, not {version}")
    return _HEADER.pack(version, _checksum(key, version, payload)) + payload


def unpack(key: bytes, blob: bytes) -> tuple[int, bytes]:
    """Version and payload of what is stored under `key`. Raises BrokenRecord."""
    if len(blob) < _HEADER.size:
        raise BrokenRecord(key, f"{len(blob)} bytes are too few")
    version, checksum = _HEADER.unpack_from(blob)
    payload = blob[_HEADER.size :]
    if version == 0 or checksum != _checksum(key, version, payload):
        raise BrokenRecord(key, "the checksum does not fit")
    return version, payload


def _checksum(key: bytes, version: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(key + _VERSIONS[version]))
