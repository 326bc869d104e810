import json
import random

import pytest
from tests.proportion import in_proportion

from callboard.actors.wires.gemini_frames import ReplyReader
from callboard.actors.wires.lines import MARK

OBJECTS = [b'{"a": "}{[\\"\\\\"}', b'{"b": {"c": ["]", {}]}}', b"{}", '{"d": "é\\\\"}'.encode()]
ARRAY = b" \r\n[" + b",\r\n".join(OBJECTS) + b"\r\n]\n"
EVENTS = b"".join(b"data: " + text + b"\r\n\r\n" for text in OBJECTS)


def read(body: bytes, size: int) -> list[bytes]:
    reader = ReplyReader()
    found = [text for start in range(0, len(body), size) for text in reader.feed(body[start : start + size])]
    return found + reader.close()


@pytest.mark.parametrize(
    "body",
    [ARRAY, EVENTS, MARK + ARRAY, MARK + EVENTS],
    ids=["array", "events", "array behind a mark", "events behind a mark"],
)
def test_a_split_anywhere_gives_the_same_texts(body: bytes) -> None:
    for size in range(1, len(body) + 1):
        assert read(body, size) == OBJECTS


def test_a_lone_object_is_an_array_of_one() -> None:
    assert read(b'\n{"a": 1}\n', 3) == [b'{"a": 1}']


def test_objects_are_handed_out_as_soon_as_they_are_whole() -> None:
    reader = ReplyReader()
    assert reader.feed(b'[{"a": 1}') == [b'{"a": 1}']
    assert reader.feed(b',{"b"') == []
    assert reader.close() == [b'{"b"']


def test_what_does_not_belong_between_objects_is_handed_out_to_be_refused() -> None:
    assert read(b"[{}, nonsense, {}]", 100) == [b"{}", b"nonsense, {}]"]


def test_an_empty_body_holds_nothing() -> None:
    assert read(b" \r\n", 1) == []
    assert read(b"[]", 1) == []


def test_random_values_come_out_as_they_went_in() -> None:
    chance = random.Random(7)
    alphabet = '{}[]",\\ é\n'
    values = [{"".join(chance.choices(alphabet, k=5)): "".join(chance.choices(alphabet, k=9))} for _ in range(50)]
    body = json.dumps(values, ensure_ascii=False).encode()
    for size in (1, 2, 3, 7, 50):
        assert [json.loads(text) for text in read(body, size)] == values


@pytest.mark.parametrize(("start", "piece"), [(b"", b"["), (b"", b"{"), (b'{"', b"\\"), (b"[", b"{},")])
def test_time_is_in_proportion_to_length(start: bytes, piece: bytes) -> None:
    in_proportion(lambda size: read(start + piece * size, 7), 200_000)
