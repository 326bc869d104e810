import struct
import zlib

import pytest

from callboard.runtime.storage.errors import BrokenRecord
from callboard.runtime.storage.record import pack, unpack


@pytest.mark.parametrize("payload", [b"", b"x", b"\x00" * 9, bytes(range(256)) * 40])
@pytest.mark.parametrize("version", [1, 7, 255])
def test_what_was_packed_is_unpacked(version: int, payload: bytes) -> None:
    assert unpack(b"key", pack(b"key", version, payload)) == (version, payload)


@pytest.mark.parametrize("version", [0, 256, -1])
def test_a_version_is_one_byte_and_not_zero(version: int) -> None:
    with pytest.raises(ValueError, match="1 to 255"):
        pack(b"key", version, b"")


def test_every_changed_bit_breaks_a_record() -> None:
    blob = pack(b"key", 3, b"some payload")
    for bit in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BrokenRecord):
            unpack(b"key", bytes(changed))


def test_every_shorter_blob_is_broken() -> None:
    blob = pack(b"key", 3, b"some payload")
    for length in range(len(blob)):
        with pytest.raises(BrokenRecord):
            unpack(b"key", blob[:length])


def test_a_record_under_another_key_is_broken() -> None:
    with pytest.raises(BrokenRecord, match="checksum"):
        unpack(b"kez", pack(b"key", 1, b"payload"))


def test_a_blank_page_is_no_record() -> None:
    for length in range(64):
        with pytest.raises(BrokenRecord):
            unpack(b"key", b"\x00" * length)
    with pytest.raises(BrokenRecord):
        unpack(b"key", struct.pack(">BI", 0, zlib.crc32(b"key\x00payload")) + b"payload")


def test_an_error_names_the_key_and_never_the_payload() -> None:
    with pytest.raises(BrokenRecord) as caught:
        unpack(b"\x01\x02", pack(b"other", 1, b"secret text"))
    assert "0102" in str(caught.value)
    assert "secret" not in repr(caught.value)
