import json
import random

import pytest

from callboard.actors.wires.lines import TooLong
from callboard.actors.wires.ndjson import RecordReader

VALUES: list[object] = [{"a": 1}, {"text": "é\u2028\r\n"}, [], "x" * 300, {"done": True}]
RECORDS = [json.dumps(value).encode() for value in VALUES]


def read(pieces: list[bytes], limit: int = 1000) -> list[bytes]:
    reader = RecordReader(limit)
    return [record for piece in pieces for record in reader.feed(piece)] + reader.close()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n", b" \r\n"])
def test_a_split_anywhere_gives_the_same_records(end: bytes) -> None:
    data = end.join(RECORDS) + end
    rng = random.Random(1)
    everywhere = list(range(1, len(data)))
    for cuts in [
        everywhere,
        [],
        *([cut] for cut in everywhere),
        *(sorted(rng.sample(everywhere, 9)) for _ in range(99)),
    ]:
        pieces = [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        assert [json.loads(record) for record in read(pieces)] == VALUES


def test_a_record_is_there_with_the_end_of_its_line() -> None:
    reader = RecordReader()
    assert reader.feed(b'{"a"') == []
    assert reader.feed(b':1}\n{"b"') == [b'{"a":1}']
    assert reader.close() == [b'{"b"']


def test_the_last_record_may_lack_the_end_of_its_line() -> None:
    assert read([b"1\n2"]) == [b"1", b"2"]


def test_blank_lines_are_no_records() -> None:
    assert read([b"\n \n\t\r\n1\n\n", b" "]) == [b"1"]


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_a_line_is_bounded_whether_it_ends_or_not(piece: int) -> None:
    for data in (b"x" * 1001, b"x" * 1001 + b"\n"):
        with pytest.raises(TooLong):
            read([data[start : start + piece] for start in range(0, len(data), piece)])
    assert read([b"x" * 1000 + b"\n"]) == [b"x" * 1000]
