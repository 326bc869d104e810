import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from backports import zstd

from callboard.actors.transport import coding
from callboard.actors.transport.errors import TooLarge, Undecodable

brotli: Any = pytest.importorskip("brotli")

TEXT = b"".join(random.Random(3).choice([b"hello ", b"theatre ", b"\x00\xff", b"night "]) for _ in range(9000))


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACK: list[tuple[bytes, Callable[[bytes], bytes]]] = [
    (b"gzip", gzip.compress),
    (b"x-gzip", gzip.compress),
    (b" GZip ", gzip.compress),
    (b"deflate", zlib.compress),
    (b"deflate", bare_deflate),
    (b"br", brotli.compress),
    (b"zstd", zstd.compress),
]


def unfold(name: bytes, pieces: list[bytes], limit: int = 1 << 30) -> bytes:
    unfolding = coding.unfolding(name, limit, "somewhere")
    assert unfolding is not None
    got = []
    for piece in pieces:
        unfolding.push(piece)
        while out := unfolding.pull():
            assert len(out) <= 2 * coding.PIECE
            got.append(out)
    unfolding.close()
    return b"".join(got)


def pieces(data: bytes, seed: int) -> list[bytes]:
    rng = random.Random(seed)
    cuts = sorted(rng.sample(range(len(data)), min(len(data) - 1, 40)))
    return [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@pytest.mark.parametrize(("name", "pack"), PACK)
def test_a_split_anywhere_gives_the_same_body(name: bytes, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(TEXT)
    assert unfold(name, [packed]) == TEXT
    assert unfold(name, [packed[i : i + 1] for i in range(len(packed))]) == TEXT
    for seed in range(20):
        assert unfold(name, pieces(packed, seed)) == TEXT


@pytest.mark.parametrize(("name", "pack"), PACK)
def test_an_empty_body_unfolds_to_nothing(name: bytes, pack: Callable[[bytes], bytes]) -> None:
    assert unfold(name, [pack(b"")]) == b""
    assert unfold(name, []) == b""


@pytest.mark.parametrize(("name", "pack"), [(b"gzip", gzip.compress), (b"zstd", zstd.compress)])
def test_several_members_make_one_body(name: bytes, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(b"one ") + pack(b"") + pack(b"two")
    assert unfold(name, [packed]) == b"one two"
    for seed in range(10):
        assert unfold(name, pieces(packed, seed)) == b"one two"


@pytest.mark.parametrize(("name", "pack"), PACK)
def test_a_bomb_is_stopped_at_the_bound_and_never_held_in_memory(name: bytes, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(20 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match="bound decoded"):
            unfolding = coding.unfolding(name, 2 << 20, "somewhere")
            assert unfolding is not None
            unfolding.push(bomb)
            while unfolding.pull():
                pass
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("name", "pack"), PACK)
def test_a_cut_body_is_an_error_and_not_a_short_body(name: bytes, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Undecodable, match="cut off"):
        unfold(name, [pack(TEXT)[:-9]])


@pytest.mark.parametrize(
    "rest", [bytes(8), b"junk", b"\x1f", b"\0" + gzip.compress(b"?", mtime=0), b"\x1f" + bytes(300_000)]
)
def test_what_follows_the_last_member_of_gzip_is_no_part_of_the_body(rest: bytes) -> None:
    packed = gzip.compress(TEXT) + gzip.compress(b"more")
    assert unfold(b"gzip", [packed + rest]) == TEXT + b"more"
    assert unfold(b"gzip", [packed, *(rest[i : i + 1] for i in range(len(rest)))]) == TEXT + b"more"


def test_a_further_member_of_gzip_that_is_broken_is_told() -> None:
    with pytest.raises(Undecodable, match="broken"):
        unfold(b"gzip", [gzip.compress(TEXT) + b"\x1f\x8b" + bytes(20)])
    with pytest.raises(Undecodable, match="cut off"):
        unfold(b"gzip", [gzip.compress(TEXT) + gzip.compress(b"more")[:-4]])


@pytest.mark.parametrize("name", [b"gzip", b"deflate", b"br", b"zstd"])
def test_rubbish_is_an_error_of_httpxs_kind_that_does_not_quote_it(name: bytes) -> None:
    with pytest.raises(httpx.DecodingError, match="is broken") as caught:
        unfold(name, [b"\xff\xfe my secret is not compressed"])
    assert "secret" not in str(caught.value)


def test_a_window_larger_than_the_rfc_lets_servers_use_is_refused() -> None:
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    packer = zstd.ZstdCompressor(options=options)
    packed = packer.compress(TEXT) + packer.flush()
    with pytest.raises(Undecodable, match="is broken"):
        unfold(b"zstd", [packed])


@pytest.mark.parametrize("name", [b"gzip, br", b"compress", b"aes128gcm", b"gzip;q=1"])
def test_a_coding_that_was_not_asked_for_is_told_once_there_is_something_to_undo(name: bytes) -> None:
    assert unfold(name, []) == b""
    with pytest.raises(Undecodable, match="not asked for"):
        unfold(name, [b"?"])


@pytest.mark.parametrize("name", [b"", b"identity", b" Identity "])
def test_an_uncoded_body_needs_no_undoing(name: bytes) -> None:
    assert coding.unfolding(name, 100, "somewhere") is None


def test_only_installed_codings_are_asked_for_and_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    assert coding.accept_encoding() == b"gzip, deflate, br, zstd"
    monkeypatch.setattr(coding, "_installed", lambda name: False)
    assert coding.accept_encoding() == b"gzip, deflate"
    with pytest.raises(Undecodable, match="not asked for"):
        unfold(b"br", [b"?"])


def test_what_follows_the_end_of_deflate_is_not_kept() -> None:
    decoder = coding.Deflate()
    decoder.push(zlib.compress(b"hello") + b"x" * 10)
    assert (decoder.pull(), decoder.finished()) == (b"hello", True)
    for _ in range(3):
        decoder.push(b"x" * 1000)
        assert decoder.pull() == b""
    assert decoder._decoder is not None
    assert len(decoder._decoder.unused_data) + len(decoder._input) == 10


def test_frames_of_zstd_without_end_that_hold_nothing_are_an_error() -> None:
    empty, full = zstd.compress(b""), zstd.compress(b"x")
    assert unfold(b"zstd", [(empty * (coding.MOST_EMPTY - 1) + full) * 2]) == b"xx"
    with pytest.raises(Undecodable):
        unfold(b"zstd", [empty * (coding.MOST_EMPTY + 2)])
