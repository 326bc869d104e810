import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.wires.lines import LineReader, TooLong


def read(pieces: list[bytes], limit: int = 1000) -> list[bytes]:
    reader = LineReader(limit)
    lines = [line for piece in pieces for line in reader.feed(piece)]
    return lines + reader.close()


def pieces_of(data: bytes, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(12)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\nb\rc\r\nd", [b"a", b"b", b"c", b"d"]),
        (b"\n\r\n\r", [b"", b"", b""]),
        (b"a\r\r\nb\n", [b"a", b"", b"b"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [b"a", b"\xef\xbb\xbfb"]),
        (b"a\x0bb\x0cc\x1cd\xc2\x85e\n", [b"a\x0bb\x0cc\x1cd\xc2\x85e"]),
    ],
)
def test_lines_end_at_cr_lf_or_both_and_at_nothing_else(data: bytes, lines: list[bytes]) -> None:
    assert read([data]) == lines


@given(st.lists(st.sampled_from([b"a", b"\xc3\xa9", b"\r", b"\n", b"\r\n", b"\xef\xbb\xbf"])), st.integers(0, 1000))
def test_a_split_anywhere_gives_the_same_lines(tokens: list[bytes], seed: int) -> None:
    data = b"".join(tokens)
    assert read(pieces_of(data, seed)) == read([data]) == read([bytes([byte]) for byte in data])


def test_a_line_is_handed_out_at_its_cr_without_waiting_for_an_lf() -> None:
    reader = LineReader()
    assert reader.feed(b"a\r") == [b"a"]
    assert reader.feed(b"\nb\n") == [b"b"]


@pytest.mark.parametrize(
    "pieces", [[b"x" * 11], [b"x" * 11 + b"\n"], [b"x" * 6, b"x" * 5], [b"ok\n" + b"x" * 11 + b"\nok\n"]]
)
def test_a_line_over_the_limit_is_refused_however_it_comes(pieces: list[bytes]) -> None:
    with pytest.raises(TooLong, match="longer than 10 bytes"):
        read(pieces, limit=10)


def test_lines_up_to_the_limit_pass_however_many() -> None:
    assert read([b"x" * 10 + b"\n"] * 3 + [b"y" * 10], limit=10) == [b"x" * 10] * 3 + [b"y" * 10]
    assert read([(b"x" * 10 + b"\n") * 3], limit=10) == [b"x" * 10] * 3
