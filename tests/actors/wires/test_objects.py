import pytest

from callboard.actors.wires.lines import TooLong
from callboard.actors.wires.objects import ObjectReader


def test_an_object_beyond_the_limit_is_refused() -> None:
    with pytest.raises(TooLong):
        ObjectReader(limit=10).feed(b'[{"a": "0123456789')
    assert ObjectReader(limit=10).feed(b"[{},{},{},{},{},{}]") == [b"{}"] * 6


def test_objects_may_stand_alone_in_a_row_or_in_an_array() -> None:
    for body in (b'{"a": "}"}', b'{"a": "}"} {"b": 1}', b'[{"a": "}"},\n{"b": 1}]'):
        for size in range(1, len(body) + 1):
            reader = ObjectReader()
            found = [one for start in range(0, len(body), size) for one in reader.feed(body[start : start + size])]
            assert found + reader.close() == [b'{"a": "}"}', b'{"b": 1}'][: len(found)]
            assert found[0] == b'{"a": "}"}'
