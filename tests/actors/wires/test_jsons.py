from typing import Any

import msgspec
import pytest

from callboard.actors.wires.jsons import MOST_VALUES, joined, object_of, read, tokens, write
from callboard.actors.wires.lines import MARK
from callboard.actors.wires.wire import WireFault


def test_objects_that_stand_in_both_are_joined_and_the_rest_is_added() -> None:
    shown = {"type": "file", "file": {"id": 1, "deep": {"a": 1}}, "list": [1]}
    extra = {"file": {"deep": {"b": 2}, "name": "n"}, "list": [2], "new": {}}
    assert joined(shown, extra) == {
        "type": "file",
        "file": {"id": 1, "deep": {"a": 1, "b": 2}, "name": "n"},
        "list": [2],
        "new": {},
    }
    assert shown == {"type": "file", "file": {"id": 1, "deep": {"a": 1}}, "list": [1]}
    assert joined(shown, None) == joined(shown, {}) == shown


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, MARK, MARK + b"{", b"{}" + MARK])
def test_what_is_no_object_is_an_empty_one_or_malformed_and_not_quoted(body: bytes) -> None:
    assert object_of(body) == {}
    with pytest.raises(WireFault, match="cannot be read"):
        read(msgspec.json.Decoder(dict[str, Any]), body, "p")


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (rb"\ud83d", "\ufffd"),
        (rb"\ude00 there", "\ufffd there"),
        (rb"\uD83D\uDE00 and \uD83D", "\U0001f600 and \ufffd"),
        (rb"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (rb"\\ud83d \ud83d\n", "\\ud83d \ufffd\n"),
    ],
)
def test_half_a_surrogate_pair_costs_one_character_and_not_the_reply(sent: bytes, text: str) -> None:
    assert read(msgspec.json.Decoder(dict[str, str]), b'{"a":"' + sent + b'"}', "p") == {"a": text}


def test_a_long_text_is_not_looked_through_for_half_a_surrogate_pair() -> None:
    with pytest.raises(WireFault, match="cannot be read"):
        read(msgspec.json.Decoder(dict[str, str]), b'{"a":"\\ud83d' + b"x" * MOST_VALUES + b'"}', "p")


@pytest.mark.parametrize("body", [MARK + b'{"a":1}', MARK * 5_000 + b' {"a":1}'])
def test_a_byte_order_mark_before_an_object_is_passed_over(body: bytes) -> None:
    assert object_of(body) == read(msgspec.json.Decoder(dict[str, Any]), body, "p") == {"a": 1}


@pytest.mark.parametrize("item", [b"[]", b"{}", b"0", b'{"a":[0]}'])
def test_what_holds_up_everybody_is_not_read(item: bytes) -> None:
    """Fifteen megabytes of empty arrays had taken three seconds."""
    body = b'{"a":[' + b",".join([item] * MOST_VALUES) + b"]}"
    assert object_of(body) == {}
    with pytest.raises(WireFault, match="hold more than 1,000,000 values") as caught:
        read(msgspec.json.Decoder(), body, "p")
    assert (caught.value.fault.kind, caught.value.fault.provider) == ("malformed_reply", "p")


def test_a_long_text_and_a_hundred_thousand_log_probabilities_are_read() -> None:
    listed = b'{"token":" the","logprob":-0.123,"bytes":[32,116,104,101]}'
    body = b'{"text":"' + b"a" * 10 * MOST_VALUES + b'","top":[' + b",".join([listed] * 100_000) + b"]}"
    assert len(object_of(body)["top"]) == len(read(msgspec.json.Decoder(dict[str, Any]), body, "p")["top"]) == 100_000


@pytest.mark.parametrize(
    ("value", "count"), [(7, 7), (7.9, 7), (-1, 0), (True, 0), ("7", 0), (None, 0), (1e300, 10**8), (2**64 - 1, 10**8)]
)
def test_counts_are_whole_bounded_and_never_negative(value: object, count: int) -> None:
    assert tokens(value) == count


def test_what_json_cannot_hold_is_an_invalid_request() -> None:
    with pytest.raises(WireFault) as caught:
        write({"a": object()}, "p")
    assert (caught.value.fault.kind, caught.value.fault.provider) == ("invalid_request", "p")
