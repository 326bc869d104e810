import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.wires.lines import TooLong
from callboard.actors.wires.sse import Event, EventReader, is_ping


def read(*pieces: bytes, limit: int = 1000) -> list[Event]:
    reader = EventReader(limit)
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + reader.close()


def message(data: bytes, kind: str = "message", last_id: str = "") -> Event:
    return Event(kind, data, last_id)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [message(b"YHOO\n+2\n10")]),
        (b": test stream\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n",
         [message(b"first", last_id="1"), message(b"second"), message(b" third")]),
        (b"data\n\ndata\ndata\n\ndata:", [message(b""), message(b"\n"), message(b"")]),
        (b"data:test\n\ndata: test\n\n", [message(b"test"), message(b"test")]),
        (b"event: add\ndata: 1\n\nevent: remove\ndata: 2\n\ndata: 3\n\n",
         [message(b"1", "add"), message(b"2", "remove"), message(b"3")]),
    ],
)  # fmt: skip
def test_the_specifications_own_examples(stream: bytes, events: list[Event]) -> None:
    assert read(stream) == events


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_frames_alike(end: bytes) -> None:
    stream = end.join([b"event: x", b"data: 1", b"data: 2", b"", b"data: 3", b"", b""])
    assert read(stream) == [message(b"1\n2", "x"), message(b"3")]


@given(
    st.lists(
        st.sampled_from(
            [b"data: a", b"data:", b"data", b"event: e", b"id: 7", b"id: a\0b", b": hi", b"retry: 5", b"x: y",
             b"\n", b"\r", b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"data: \xc3\xa9"]
        )
    ),
    st.integers(0, 1000),
)  # fmt: skip
def test_a_split_anywhere_gives_the_same_events(tokens: list[bytes], seed: int) -> None:
    stream, chance = b"".join(tokens), random.Random(seed)
    places = sorted(chance.randrange(len(stream) + 1) for _ in range(chance.randrange(12)))
    pieces = [stream[start:end] for start, end in zip([0, *places], [*places, len(stream)], strict=True)]
    assert read(*pieces) == read(stream) == read(*(bytes([byte]) for byte in stream))


def test_a_byte_order_mark_is_dropped_at_the_start_only() -> None:
    assert read(b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\ndata: 3\n\n") == [message(b"1"), message(b"3")]
    assert read(b"\xef", b"\xbb", b"\xbfdata: 1\n\n") == [message(b"1")]


def test_comments_and_unknown_fields_say_nothing() -> None:
    assert read(b": OPENROUTER PROCESSING\n\n:\n\n: keep-alive\n\nfoo: bar\nfoo\n\n") == []


def test_an_event_without_data_is_dropped_and_its_type_forgotten() -> None:
    assert read(b"event: ping\n\ndata: 1\n\n") == [message(b"1")]


def test_an_id_stays_until_the_next_and_one_with_a_null_is_ignored() -> None:
    stream = b"id: 1\ndata: a\n\ndata: b\n\nid: 2\0\ndata: c\n\nid\ndata: d\n\n"
    assert [event.id for event in read(stream)] == ["1", "1", "1", ""]


@pytest.mark.parametrize(
    ("field", "retry"), [(b"1500", 1500), (b"1.5", None), (b"-1", None), (b"9" * 5000, None), (b"", None)]
)
def test_retry_is_a_small_whole_number_or_nothing(field: bytes, retry: int | None) -> None:
    reader = EventReader(10_000)
    reader.feed(b"retry: " + field + b"\n")
    assert reader.retry == retry


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
def test_a_last_event_without_its_blank_line_comes_at_the_close(end: bytes) -> None:
    reader = EventReader()
    assert reader.feed(b"data: 1\n\ndata: 2" + end) == [message(b"1")]
    assert reader.close() == [message(b"2")]
    assert reader.close() == []


def test_an_event_is_bounded_whole_and_in_its_lines() -> None:
    with pytest.raises(TooLong, match="an event"):
        read(*[b"data: 123\n"] * 6, limit=20)
    with pytest.raises(TooLong, match="an event"):
        read(*[b"data\n"] * 21, limit=20)
    with pytest.raises(TooLong, match="a line"):
        read(b"data: " + b"x" * 15, limit=20)
    assert len(read(*[b"data: 123\n\n"] * 50, limit=20)) == 50


@pytest.mark.parametrize(
    ("event", "pings"),
    [
        (message(b'{"type": "ping"}'), True),
        (message(b'{"sequence_number": 3, "type": "keepalive"}'), True),
        (message(b"{}", "ping"), True),
        (message(b" "), True),
        (message(b'{"type": "content_block_stop", "index": 0}'), False),
        (message(b'{"delta": {"type": "ping"}}'), False),
        (message(b'{"type": ["ping"]}'), False),
        (message(b"[DONE]"), False),
        (message(b"\xff"), False),
    ],
)
def test_a_ping_holds_nothing_or_says_so_itself(event: Event, pings: bool) -> None:
    assert is_ping(event) is pings
